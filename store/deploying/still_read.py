"""Who would be left reading nothing: open runs and other playbooks, when a deploy takes a field away or retypes it."""

from collections.abc import Sequence

import sqlalchemy as sa

from engine.texts.names import known_names
from engine.workspace import Workspace
from store.deployed import Deployed, open_versions
from store.deploying.reading import Reads, reads_of_plan, reads_of_version
from store.schema import run

_SHOWN = 10


def still_read(
    conn: sa.Connection, before: Workspace | None, after: Workspace, left_alone: Sequence[Deployed]
) -> tuple[str, ...]:
    """One sentence for each reader and field; empty when nobody is in the way. `left_alone` are not deployed anew."""
    gone = _gone(before, after)
    if not gone:
        return ()
    reasons: list[str] = []
    for version, compiled in open_versions(conn):
        name = compiled.playbook
        fields = _read(reads_of_plan(conn, compiled.plan), gone)
        reader = f"{_runs(conn, name, version)} of {name} version {version}" if fields else ""
        reasons += [f"{field} {gone[field]}, but {reader} still needs it" for field in fields]
    for one in left_alone:
        if one.state == "off":
            continue
        fields = _read(reads_of_version(conn, one.compiled), gone)
        reader = f"{one.playbook}, which is not part of this deploy,"
        reasons += [f"{field} {gone[field]}, but {reader} still needs it" for field in fields]
    return tuple(reasons)


_REMOVED = "would be removed"


def _gone(before: Workspace | None, after: Workspace) -> dict[str, str]:
    """What becomes of names that there will not be any more, or not as they were."""
    if before is None:
        return {}
    gone = dict.fromkeys(sorted({*_names(before)} - {*_names(after)}), _REMOVED)
    catalogue = after.catalogue()
    for name, field in before.catalogue().fields.items():
        now = catalogue.field(name)
        if now is None:
            gone[name] = _REMOVED
        elif _kind(now.type) != _kind(field.type):
            gone[name] = f"would become a {now.type} instead of a {field.type}"
    return gone


def _names(workspace: Workspace) -> Sequence[str]:
    """What texts may read: fields, and people by their roles."""
    return known_names(workspace.catalogue().fields, workspace.roles.contacts, workspace.roles.staff)


def _kind(type_: str) -> str:
    """A choice is a text with known words; conditions read both alike."""
    return "text" if type_ == "choice" else type_


def _read(reads: Reads, gone: dict[str, str]) -> list[str]:
    """Those of them that are gone; a text takes a value of any type."""
    return sorted(name for name, type_ in reads.items() if name in gone and (type_ or gone[name] == _REMOVED))


def _runs(conn: sa.Connection, playbook: str, version: int) -> str:
    of = (run.c.playbook == playbook, run.c.version == version, run.c.state == "open")
    ids = conn.execute(sa.select(run.c.id).where(*of).order_by(run.c.id).limit(_SHOWN + 1)).scalars().all()
    shown = ", ".join(map(str, ids[:_SHOWN]))
    return f"run{'s' if len(ids) > 1 else ''} {shown}{' and more' if len(ids) > _SHOWN else ''}"
