"""The one clock of a database: real, or a virtual instant that stands still until it is driven on, never back."""

from datetime import UTC, datetime

import sqlalchemy as sa

from store.postgres.statements import Statement


def now(conn: sa.Connection) -> datetime:
    """The instant everything decides for; the only place of the store that looks at the real clock."""
    return reading(_virtual(conn))


def reading(instant: datetime | None) -> datetime:
    """What a clock shows whose row holds this instant; None where it is the real one."""
    return instant or datetime.now(UTC)


def is_virtual(conn: sa.Connection) -> bool:
    return _virtual(conn) is not None


def set_virtual(conn: sa.Connection, instant: datetime) -> None:
    """Stop the clock at `instant`, or drive it on to there; ValueError for an instant before the present one.

    Concurrent drivers are in order: the row is locked until the caller commits.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    _MAKE_ROW.write(conn, {})
    [before] = _HOLD.read_column(conn, {})
    if before is not None and instant < before:
        raise ValueError(f"the clock stands at {before.isoformat()} and never goes back to {instant.isoformat()}")
    _DRIVE.write(conn, {"instant": instant})


_MAKE_ROW = Statement("insert into clock (id) values (1) on conflict do nothing")
_HOLD = Statement("select instant from clock for update")
_DRIVE = Statement("update clock set instant = %(instant)s")


def _virtual(conn: sa.Connection) -> datetime | None:
    row = _INSTANT.read_one(conn, {})
    return None if row is None else row.instant


_INSTANT = Statement("select instant from clock")
"""Asked in nearly every transaction."""
