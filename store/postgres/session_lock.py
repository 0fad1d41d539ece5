"""A lock that belongs to a connection of its own: the death of whoever holds it releases it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

_PAUSE_SECONDS = 0.1


@contextmanager
def session_lock(database: sa.Engine, key: int, *, patience: float = 0.0) -> Iterator[bool]:
    """Take the advisory lock `key`, waiting so many seconds at most, and hold it; false where others have it."""
    with database.connect() as conn:
        deadline = time.monotonic() + patience
        while not (taken := _taken(conn, key)) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        try:
            yield taken
        finally:
            if taken:
                conn.execute(sa.select(sa.func.pg_advisory_unlock(key)))
                conn.commit()


def _taken(conn: sa.Connection, key: int) -> bool:
    taken = bool(conn.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar())
    # The lock belongs to the session: end the transaction, or it would stay open all the while.
    conn.commit()
    return taken
