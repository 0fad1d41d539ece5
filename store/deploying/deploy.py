"""Publishes a workspace and its playbooks: immutable versions, triggers with fresh memories, columns to project into.

Whatever is deployed may change what any account means, so the next sweep looks at all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.differences import differences
from engine.entry import PlaybookState
from engine.facts import PersonFact
from engine.plan import Compiled
from engine.texts.names import known_names
from engine.triggers import Moment, Trigger
from engine.triggers.coming import anchor_of
from engine.turns.walk import RESULTS
from engine.values import content_hash
from engine.workspace import Workspace
from store import schema
from store.current.columns import column_name, ensure_columns
from store.current.sight import Sight
from store.deciding import memories
from store.deciding.event_triggers import forget_settling
from store.deciding.memories import Bit
from store.deciding.sweep_lock import wait_for_sweep
from store.deployed import (
    Deployed,
    NothingDeployed,
    conditions_in_force,
    extremes_of,
    load_compiled,
    load_playbooks,
    load_workspace,
    note_change,
)
from store.deploying.playbook_state import pause, resume, switch_off
from store.deploying.reading import reads_of_version
from store.deploying.redefined import redefined
from store.deploying.still_read import still_read
from store.intake import take_in
from store.schema import playbook, playbook_version, trigger

if TYPE_CHECKING:
    from engine.project import Project

__all__ = [
    "DeployRefused",
    "DeployReport",
    "NothingDeployed",
    "Publication",
    "deploy",
    "load_compiled",
    "load_workspace",
    "pause",
    "publications",
    "resume",
    "rollback",
    "switch_off",
]


class Publication(NamedTuple):
    """A playbook to deploy."""

    compiled: Compiled
    source: str
    """As written."""
    texts: Mapping[str, Mapping[str, Any]]
    """The mail texts it sends, by hash."""


def publications(project: "Project") -> list[Publication]:
    """Its playbooks that compile; the broken ones stay as they are deployed."""
    return [
        Publication(
            compiled=one.compiled,
            source=one.source,
            texts={hash_: text.model_dump(mode="json") for hash_, text in one.texts.items()},
        )
        for one in project.playbooks.values()
        if one.compiled is not None
    ]


class DeployRefused(Exception):
    """Somebody still reads what would go; nothing was deployed."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, kw_only=True)
class DeployReport:
    """Playbooks by what became of them."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Deployed before and not part of this: left as they are. To end one, switch it off."""
    workspace_changed: bool = False
    columns: tuple[str, ...] = ()
    """Made new in the projection."""
    differences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By changed playbook: what it does otherwise than before."""
    existing: Mapping[str, int] = field(default_factory=dict)
    """By playbook: accounts of its audience for which a new trigger is true already, as far as known now. They start
    only where the entry includes what exists."""
    of_whom: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By playbook: the first of these accounts, by key."""


def deploy(
    conn: sa.Connection, workspace: Workspace, publications: Sequence[Publication], now: datetime
) -> DeployReport:
    """Publish, in the caller's transaction; DeployRefused when an open run still reads what would go."""
    wait_for_sweep(conn)
    before = _workspace_before(conn)
    deployed = {one.playbook: one for one in load_playbooks(conn, states=_ANY_STATE)}
    names = [one.compiled.playbook for one in publications]
    missing = tuple(name for name in deployed if name not in names)
    reasons = still_read(conn, before, workspace, [deployed[name] for name in missing])
    reasons += tuple(_grown_holdouts([one.compiled for one in publications], deployed))
    if reasons:
        raise DeployRefused(reasons)
    workspace_changed = _put_workspace(conn, workspace, now)
    take_in(conn, [PersonFact(**person.model_dump()) for person in workspace.people], known_at=now)
    sorted_out: dict[str, list[str]] = {"new": [], "changed": [], "unchanged": []}
    changed_names = redefined(before, workspace)
    anew: list[Bit] = []
    for compiled, source, texts in publications:
        old = deployed.get(compiled.playbook)
        is_same = old is not None and old.compiled.hash == compiled.hash
        sorted_out["unchanged" if is_same else "changed" if old else "new"].append(compiled.playbook)
        _put_texts(conn, texts)
        if not is_same:
            _put_version(conn, compiled, source, now)
            _put_triggers(conn, compiled, old, now)
        anew += _edited(compiled, old, changed_names)
    anew += [bit for name in missing for bit in _edited(deployed[name].compiled, deployed[name], changed_names)]
    everything = load_playbooks(conn)
    extremes = extremes_of(conditions_in_force(conn, everything))
    columns = ensure_columns(conn, workspace, extremes, bits=_bits(conn))
    memories.look_anew(conn, anew)
    _index_moments(conn, everything)
    if columns or workspace_changed or sorted_out["new"] or sorted_out["changed"]:
        conn.execute(_LOOK_AT_EVERYONE)
    sight = Sight(conn, workspace, now)
    fresh = [one for one in everything if one.playbook in (*sorted_out["new"], *sorted_out["changed"])]
    return DeployReport(
        **{word: tuple(names) for word, names in sorted_out.items()},
        missing=missing,
        workspace_changed=workspace_changed,
        columns=columns,
        differences={
            name: differences(deployed[name].compiled, one.compiled)
            for one in publications
            if (name := one.compiled.playbook) in sorted_out["changed"]
        },
        existing={one.playbook: _existing(sight, conn, one, deployed) for one in fresh},
        of_whom={one.playbook: _first_existing(sight, conn, one, deployed) for one in fresh},
    )


def rollback(conn: sa.Connection, name: str, to: int | None, now: datetime) -> tuple[int, DeployReport]:
    """Deploy an earlier version of a playbook again, by default the one before; in the caller's transaction.

    Open runs keep the version they walk. DeployRefused where the workspace has no longer what that version reads.
    """
    wait_for_sweep(conn)
    current = next((one for one in load_playbooks(conn, states=_ANY_STATE) if one.playbook == name), None)
    if current is None:
        raise NothingDeployed(f"playbook {name} is not deployed")
    of = playbook_version.c
    mine = sa.select(of.version, of.source).where(of.playbook == name)
    versions = {row.version: row.source for row in conn.execute(mine.order_by(of.version))}
    earlier = [version for version in versions if version < current.version]
    version = to if to is not None else max(earlier, default=None)
    if version is None:
        raise NothingDeployed(f"{name} has no version before {current.version}")
    if version not in versions:
        known = ", ".join(map(str, versions))
        raise NothingDeployed(f"{name} has no version {version}; there are {known}")
    compiled, workspace = load_compiled(conn, name, version), load_workspace(conn)
    if reasons := tuple(_missing_fields(conn, compiled, workspace)):
        raise DeployRefused(reasons)
    return version, deploy(conn, workspace, [Publication(compiled, versions[version], {})], now)


# --- what is written -------------------------------------------------------------------------------------------------


def _workspace_before(conn: sa.Connection) -> Workspace | None:
    try:
        return load_workspace(conn)
    except NothingDeployed:
        return None


def _put_workspace(conn: sa.Connection, workspace: Workspace, now: datetime) -> bool:
    put = insert(schema.workspace).values(document=workspace.to_json(), hash=workspace.hash, deployed_at=now)
    columns = {name: put.excluded[name] for name in ("document", "hash", "deployed_at")}
    written = put.on_conflict_do_update(
        index_elements=["id"], set_=columns, where=schema.workspace.c.hash != workspace.hash
    )
    return conn.execute(written.returning(schema.workspace.c.id)).scalar() is not None


def _put_texts(conn: sa.Connection, texts: Mapping[str, Mapping[str, Any]]) -> None:
    if texts:
        rows = [{"hash": hash_, "content": dict(content)} for hash_, content in sorted(texts.items())]
        conn.execute(insert(schema.text).on_conflict_do_nothing(), rows)


def _put_version(conn: sa.Connection, compiled: Compiled, source: str, now: datetime) -> None:
    """A version of its own, unless the very same was deployed before: then new runs start on that one again."""
    of = playbook_version.c
    known = sa.select(of.version).where(of.playbook == compiled.playbook, of.hash == compiled.hash)
    version = conn.execute(known).scalar()
    if version is not None:
        conn.execute(sa.update(playbook).where(playbook.c.id == compiled.playbook).values(version=version))
        note_change(conn, compiled.playbook, now)
        return
    last = sa.select(sa.func.coalesce(sa.func.max(of.version), 0)).where(of.playbook == compiled.playbook)
    version = conn.execute(last).scalar_one() + 1
    put = insert(playbook).values(id=compiled.playbook, version=version)
    conn.execute(put.on_conflict_do_update(index_elements=["id"], set_={"version": version}))
    conn.execute(
        sa.insert(playbook_version).values(
            playbook=compiled.playbook,
            version=version,
            hash=compiled.hash,
            plan_hash=compiled.plan.hash,
            compiled=compiled.model_dump(mode="json"),
            source=source,
            deployed_at=now,
        )
    )
    note_change(conn, compiled.playbook, now)


def _put_triggers(conn: sa.Connection, compiled: Compiled, old: Deployed | None, now: datetime) -> None:
    """A trigger's memory goes with its id; one that comes, or comes back, gets a bit that nobody ever had."""
    kept = _kept_ids(compiled, old)
    dropped = [id_ for id_ in (old.triggers if old else {}) if id_ not in kept]
    if dropped:
        gone = (trigger.c.playbook == compiled.playbook, trigger.c.id.in_(dropped))
        conn.execute(sa.update(trigger).where(*gone).values(live=False))
        memories.forget_holds(conn, compiled.playbook, dropped)
        forget_settling(conn, compiled.playbook, dropped)
    next_bit = _bits(conn)
    for one in compiled.triggers:
        if one.id in kept:
            continue
        bit = next_bit if one.kind == "edge" else None
        next_bit += one.kind == "edge"
        put = insert(trigger).values(playbook=compiled.playbook, id=one.id, bit=bit, since=now)
        conn.execute(
            put.on_conflict_do_update(index_elements=["playbook", "id"], set_={"bit": bit, "since": now, "live": True})
        )


def _kept_ids(compiled: Compiled, old: Deployed | None) -> list[str]:
    before = _by_id(old.compiled) if old else {}
    return [
        one.id
        for one in compiled.triggers
        if old and one.id in old.triggers and one.id in before and before[one.id].kind == one.kind
    ]


def _by_id(compiled: Compiled) -> Mapping[str, Trigger]:
    return {one.id: one for one in compiled.triggers}


def _edited(compiled: Compiled, old: Deployed | None, changed_names: frozenset[str]) -> list[Bit]:
    """Edges that keep their memory and mean something new: by their own text, or because what they read does."""
    if old is None:
        return []
    before, found = _by_id(old.compiled), []
    for one in compiled.triggers:
        bit = old.bit(one.id)
        if one.kind != "edge" or bit is None or one.id not in _kept_ids(compiled, old):
            continue
        read = {*one.trips.reads, *one.rearms.reads}
        was = before[one.id]
        same_meaning = was.kind == "edge" and (was.trips.text, was.rearms.text) == (one.trips.text, one.rearms.text)
        if not same_meaning or read & changed_names:
            found.append(Bit(bit))
    return found


def _bits(conn: sa.Connection) -> int:
    """How many bits were ever given out."""
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(trigger.c.bit) + 1, 0))).scalar_one())


def _index_moments(conn: sa.Connection, playbooks: Sequence[Deployed]) -> None:
    """Date triggers find their accounts by range; dates hardly ever change, so the index costs next to nothing."""
    triggers = [one for deployed in playbooks for one in deployed.compiled.triggers]
    timed = (anchor_of(one)[0] for one in triggers if isinstance(one, Moment))
    for name in dict.fromkeys(one for one in timed if one is not None):
        quote = conn.dialect.identifier_preparer.quote_identifier
        index, column = f"account_now_{content_hash(name)[:12]}_idx", column_name(name)
        conn.exec_driver_sql(
            f"create index if not exists {quote(index)} on account_now ({quote(column)})".replace("%", "%%")
        )


# --- what it would mean ----------------------------------------------------------------------------------------------


def _existing(sight: Sight, conn: sa.Connection, one: Deployed, before: Mapping[str, Deployed]) -> int:
    """Accounts for which some edge that was not there before is true already."""
    true = _is_existing(sight, one, before)
    if true is None:
        return 0
    return int(conn.execute(sa.select(sa.func.count()).select_from(sight.source).where(true)).scalar_one())


def _first_existing(
    sight: Sight, conn: sa.Connection, one: Deployed, before: Mapping[str, Deployed]
) -> tuple[str, ...]:
    true, of = _is_existing(sight, one, before), schema.account.c
    if true is None:
        return ()
    named = sight.source.join(schema.account, of.id == sight.account_id)
    query = sa.select(of.key).select_from(named).where(true).order_by(of.key).limit(_SHOWN)
    return tuple(conn.execute(query).scalars())


def _is_existing(sight: Sight, one: Deployed, before: Mapping[str, Deployed]) -> sa.ColumnElement[bool] | None:
    old = before[one.playbook].triggers if one.playbook in before else {}
    fresh = [edge for edge in one.compiled.triggers if edge.kind == "edge" and edge.id not in old]
    if not fresh:
        return None
    return sa.and_(sight.truth(one.compiled.audience), sa.or_(*(sight.truth(edge.trips) for edge in fresh)))


# --- what stands against it ------------------------------------------------------------------------------------------


def _grown_holdouts(publications: Sequence[Compiled], before: Mapping[str, Deployed]) -> Iterator[str]:
    """Who has started so far must not turn into somebody who never does: it would spoil the comparison."""
    for new in publications:
        old = before.get(new.playbook)
        if old is None or old.state == "off" or new.entry.holdout <= old.compiled.entry.holdout:
            continue
        was, wanted = f"{old.compiled.entry.holdout:g} %", f"{new.entry.holdout:g} %"
        yield (
            f"the holdout of {new.playbook} would grow from {was} to {wanted}, and while it is live it may only shrink;"
            " switch the playbook off first, or begin another one"
        )


def _missing_fields(conn: sa.Connection, compiled: Compiled, workspace: Workspace) -> Iterator[str]:
    """What a version reads and the workspace does not have any more, or has as something else."""
    fields = workspace.catalogue().fields
    known = known_names(fields, workspace.roles.contacts, workspace.roles.staff)
    for name, wanted in sorted(reads_of_version(conn, compiled).items()):
        if name.startswith(RESULTS):
            continue
        if name not in fields and (wanted or name not in known):
            yield f"{compiled.playbook} would read {name}, which the workspace does not have any more"
        elif wanted is not None and not _alike(wanted, fields[name].type):
            yield f"{compiled.playbook} would read {name} as a {wanted}, and by now it is a {fields[name].type}"


def _alike(one: str, other: str) -> bool:
    return one == other or {one, other} == {"text", "choice"}


_SHOWN = 10
_ANY_STATE: tuple[PlaybookState, ...] = ("active", "paused", "off")


_LOOK_AT_EVERYONE = sa.text("""
    with noted as (insert into change (account_id) values (null))
    select pg_notify('tenure_facts', '')
""")
