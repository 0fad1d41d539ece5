"""Whether workers live: each shares a lock with all others, which its death releases."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from store.postgres.session_lock import session_lock

_KEY = 0x7E9_0002
"""Of the advisory lock; any number that nothing else here uses."""
SHARE = f"select pg_try_advisory_lock_shared({_KEY})"
"""For a connection that lives as long as its worker; false while somebody works alone."""
_PATIENCE = 5.0
"""Seconds; PostgreSQL notices a moment later that somebody has gone."""


class WorkersLive(Exception):
    """What is to be done, is done while no worker lives."""


@contextmanager
def alone(database: sa.Engine) -> Iterator[None]:
    """While this lasts, no worker lives; WorkersLive where one does."""
    with session_lock(database, _KEY, patience=_PATIENCE) as mine:
        if not mine:
            raise WorkersLive("a worker is running; stop all of them first, and start them again afterwards")
        yield
