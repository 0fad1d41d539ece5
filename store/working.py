"""Whether workers live: each shares a lock with all others, which its death releases."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

_KEY = 0x7E9_0002
"""Of the advisory lock; any number that nothing else here uses."""
SHARE = f"select pg_try_advisory_lock_shared({_KEY})"
"""For a connection that lives as long as its worker; false while somebody works alone."""


_PATIENCE = 5.0
"""Seconds; PostgreSQL notices a moment later that somebody has gone."""
_PAUSE = 0.1


class WorkersLive(Exception):
    """What is to be done, is done while no worker lives."""


@contextmanager
def alone(database: sa.Engine) -> Iterator[None]:
    """While this lasts, no worker lives; WorkersLive where one does."""
    with database.connect() as conn:
        deadline = time.monotonic() + _PATIENCE
        while not _taken(conn):
            if time.monotonic() > deadline:
                raise WorkersLive("a worker is running; stop all of them first, and start them again afterwards")
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            conn.execute(sa.select(sa.func.pg_advisory_unlock(_KEY)))
            conn.commit()


def _taken(conn: sa.Connection) -> bool:
    taken = bool(conn.execute(sa.select(sa.func.pg_try_advisory_lock(_KEY))).scalar())
    # The lock belongs to the session: end the transaction, or it would stay open all the while.
    conn.commit()
    return taken
