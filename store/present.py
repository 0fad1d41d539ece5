"""The instant to look at and the workspace in force, read together: what nearly every page begins with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine.workspace import Workspace
from store.deployed import workspace_of
from store.postgres.statements import Statement


@dataclass(frozen=True, kw_only=True)
class Present:
    now: datetime
    virtual: bool
    """Whether the clock stands until it is driven on."""
    workspace: Workspace | None
    """None before the first deploy."""


def present(conn: sa.Connection) -> Present:
    """By one statement; the workspace is kept by its hash."""
    row = _PRESENT.read(conn, {})[0]
    return Present(
        now=row.instant or datetime.now(UTC),
        virtual=row.instant is not None,
        workspace=None if row.hash is None else workspace_of(conn, row.hash),
    )


def in_our_zone(conn: sa.Connection, moment: datetime) -> str:
    """A moment as pages tell it, by the workspace's clock, for messages that are read elsewhere as well."""
    workspace = present(conn).workspace
    zone = workspace.zone if workspace else "UTC"
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


_PRESENT = Statement("select (select instant from clock) as instant, (select hash from workspace) as hash")
