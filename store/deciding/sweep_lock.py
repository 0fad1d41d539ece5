"""One sweep at a time, and no deploy in the middle of one: an advisory lock that dies with its connection."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from store.postgres.statements import Row, Statement

_LOCK = 7_366_874


@contextmanager
def sweeping(conn: sa.Connection, *, wait: bool) -> Iterator[bool]:
    """Hold the lock over several transactions of this connection; False where another sweep has it."""
    mine = bool(_alone(conn, _WAIT if wait else _TRY).mine)
    if not mine:
        yield False
        return
    try:
        yield True
    except BaseException:
        # The connection may be of no use any more; closing it for good gives the lock back in any case.
        conn.invalidate()
        raise
    _alone(conn, _UNLOCK)


_WAIT = Statement("select pg_advisory_lock(%(lock)s), true as mine")
_TRY = Statement("select pg_try_advisory_lock(%(lock)s) as mine")
_UNLOCK = Statement("select pg_advisory_unlock(%(lock)s)")


def _alone(conn: sa.Connection, statement: Statement) -> Row:
    """Execute it outside any transaction: a sweep over nothing would begin and end more often than it asks."""
    usual = conn.default_isolation_level
    conn.execution_options(isolation_level="AUTOCOMMIT")
    with conn.begin():
        [row] = statement.read(conn, {"lock": _LOCK})
    conn.execution_options(isolation_level=usual)
    return row


def wait_for_sweep(conn: sa.Connection) -> None:
    """Let a sweep under way finish, and keep the next one waiting until this transaction ends."""
    conn.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
