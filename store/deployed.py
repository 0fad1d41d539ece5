"""What is deployed, as decisions read it: the workspace, playbooks and their versions, kept in memory by their hash."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from engine.entry import PlaybookState
from engine.expressions.tree import Extreme
from engine.plan import Compiled, Plan
from engine.values import Condition
from engine.workspace import Workspace
from store.postgres.kept import Kept
from store.postgres.statements import Statement
from store.schema import playbook, playbook_change, playbook_version, run, workspace


class NothingDeployed(LookupError):
    """The workspace or playbook was never deployed."""


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """A live trigger's row: since when it counts, and its bit in the masks where it has a memory."""

    id: str
    bit: int | None
    since: datetime


@dataclass(frozen=True, kw_only=True, eq=False)
class Deployed:
    """A playbook as new crossings see it."""

    compiled: Compiled
    version: int
    state: PlaybookState
    triggers: Mapping[str, Remembered]
    """The live ones, by id."""

    @property
    def playbook(self) -> str:
        return self.compiled.playbook

    def bit(self, trigger_id: str) -> int | None:
        remembered = self.triggers.get(trigger_id)
        return remembered.bit if remembered else None


def load_workspace(conn: sa.Connection) -> Workspace:
    """The workspace now in force."""
    row = _IN_FORCE.read_one(conn, {})
    if row is None:
        raise NothingDeployed("no workspace is deployed; run: tenure deploy")
    return workspace_of(conn, row.hash)


def workspace_of(conn: sa.Connection, hash_: str) -> Workspace:
    """The workspace of this hash, which is the one in force."""

    def read() -> Workspace:
        document = sa.select(workspace.c.document).where(workspace.c.hash == hash_)
        return Workspace.from_json(conn.execute(document).scalar_one())

    return _workspaces.get(hash_, read)


def load_compiled(conn: sa.Connection, playbook_id: str, version: int | None = None) -> Compiled:
    """A version of a playbook; without a number the one that new runs start on."""
    found = _HASH.read_one(conn, {"playbook": playbook_id, "version": version})
    if found is None:
        what = f"playbook {playbook_id}" if version is None else f"version {version} of playbook {playbook_id}"
        raise NothingDeployed(f"{what} is not deployed")
    return _kept(conn, found.hash)


def load_plan(conn: sa.Connection, playbook_id: str, version: int, hash_: str) -> Plan:
    """The plan of a version, which has this hash: whoever knows that asks the database for it but once."""
    return _plans.get(hash_, lambda: load_compiled(conn, playbook_id, version).plan)


def plan_json(conn: sa.Connection, playbook_id: str, version: int, hash_: str) -> Mapping[str, Any]:
    """The same as a run's start carries it."""
    return _plans_in_json.get(hash_, lambda: load_plan(conn, playbook_id, version, hash_).model_dump(mode="json"))


def load_playbooks(
    conn: sa.Connection, *, states: tuple[PlaybookState, ...] = ("active", "paused")
) -> tuple[Deployed, ...]:
    """The playbooks in these states with their live triggers, by name."""
    rows = _IN_STATES.read(conn, {"states": list(states)})
    remembered: dict[str, dict[str, Remembered]] = {}
    for row in _LIVE_TRIGGERS.read(conn, {}):
        remembered.setdefault(row.playbook, {})[row.id] = Remembered(id=row.id, bit=row.bit, since=row.since)
    return tuple(
        Deployed(
            compiled=_kept(conn, row.hash), version=row.version, state=row.state, triggers=remembered.get(row.id, {})
        )
        for row in rows
    )


def deployed_from(conn: sa.Connection, rows: Sequence[Sequence[Any]]) -> tuple[Deployed, ...]:
    """Of playbooks as JSON has them: id, state, version, hash, and of each live trigger id, bit and since when."""
    return tuple(
        Deployed(
            compiled=_kept(conn, hash_),
            version=version,
            state=state,
            triggers={
                id_: Remembered(id=id_, bit=bit, since=datetime.fromisoformat(since))
                for id_, bit, since in triggers or ()
            },
        )
        for _, state, version, hash_, triggers in rows
    )


def note_change(conn: sa.Connection, name: str, now: datetime) -> None:
    """Keep that this version of a playbook is in force in this state from now on."""
    current = sa.select(playbook.c.id, sa.literal(now), playbook.c.version, playbook.c.state)
    columns = ["playbook", "at", "version", "state"]
    conn.execute(sa.insert(playbook_change).from_select(columns, current.where(playbook.c.id == name)))


def load_playbooks_at(conn: sa.Connection, at: datetime, *, states: tuple[PlaybookState, ...]) -> tuple[Deployed, ...]:
    """The playbooks that were in these states at an earlier instant, by name; what triggers remembered is not kept."""
    of, version = playbook_change.c, playbook_version.c
    last = (
        sa.select(of.playbook, of.version, of.state)
        .ext(distinct_on(of.playbook))
        .where(of.at <= at)
        .order_by(of.playbook, of.at.desc(), of.id.desc())
        .subquery()
    )
    rows = conn.execute(
        sa.select(last.c.version, last.c.state, version.hash)
        .join(last, (version.playbook == last.c.playbook) & (version.version == last.c.version))
        .where(last.c.state.in_(states))
        .order_by(last.c.playbook)
    )
    return tuple(
        Deployed(compiled=_kept(conn, row.hash), version=row.version, state=row.state, triggers={}) for row in rows
    )


def open_versions(conn: sa.Connection) -> Sequence[tuple[int, Compiled]]:
    """The versions that open runs walk, with their numbers."""
    of = playbook_version.c
    walked = sa.select(run.c.playbook, run.c.version).where(run.c.state == "open").distinct().subquery()
    rows = conn.execute(
        sa.select(of.version, of.hash)
        .join(walked, (walked.c.playbook == of.playbook) & (walked.c.version == of.version))
        .order_by(of.playbook, of.version)
    ).all()
    return [(row.version, _kept(conn, row.hash)) for row in rows]


def conditions_in_force(conn: sa.Connection, playbooks: Sequence[Deployed]) -> tuple[Condition, ...]:
    """What is evaluated over the projection: for these playbooks, and for all runs that are open."""
    return conditions_of(playbooks, [compiled.plan for _, compiled in open_versions(conn)])


def conditions_of(playbooks: Iterable[Deployed], plans: Iterable[Plan]) -> tuple[Condition, ...]:
    """The same, of plans that the caller knows to be walked."""
    found = [condition for one in playbooks for condition in one.compiled.conditions()]
    for plan in plans:
        found += plan_conditions(plan)
    return tuple({condition.text: condition for condition in found}.values())


def extremes_of(conditions: Iterable[Condition]) -> tuple[Extreme, ...]:
    """Every highest, lowest and trend they read."""
    return tuple(dict.fromkeys(one for condition in conditions for one in condition.expression.extremes))


def plan_of(conn: sa.Connection, hash_: str) -> Plan:
    """The plan of the version with this hash."""
    return _kept(conn, hash_).plan


def plan_conditions(plan: Plan) -> Sequence[Condition]:
    """Every condition anywhere in a plan, whatever its steps are."""
    return _plan_conditions.get(plan.hash, lambda: plan.all_conditions)


def _kept(conn: sa.Connection, hash_: str) -> Compiled:
    def read() -> Compiled:
        of = playbook_version.c
        document = sa.select(of.compiled).where(of.hash == hash_).limit(1)
        return Compiled.model_validate(conn.execute(document).scalar_one())

    return _compiled.get(hash_, read)


_IN_FORCE = Statement("select hash from workspace")
_HASH = Statement("""
    select hash from playbook_version where playbook = %(playbook)s and version = coalesce(
        cast(%(version)s as integer), (select version from playbook where id = %(playbook)s))
""")
_IN_STATES = Statement("""
    select playbook.id, state, playbook.version, hash from playbook
    join playbook_version on playbook_version.playbook = playbook.id and playbook_version.version = playbook.version
    where state = any(%(states)s::text[]) order by playbook.id
""")
_LIVE_TRIGGERS = Statement("select playbook, id, bit, since from trigger where live order by playbook, id")

_workspaces: Kept[Workspace] = Kept(8)
_compiled: Kept[Compiled] = Kept(512)
_plans: Kept[Plan] = Kept(512)
_plans_in_json: Kept[Mapping[str, Any]] = Kept(512)
_plan_conditions: Kept[Sequence[Condition]] = Kept(512)
