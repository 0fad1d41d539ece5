"""Who drives the virtual clock: one process at a time, by a lock that its death releases."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from store.postgres.session_lock import session_lock

_KEY = 0x7E9_0001
"""Of the advisory lock; any number that nothing else here uses."""
_TAKEN = "another process drives this clock; end it, or wait until it is done"


class AlreadyDriven(Exception):
    """Another process drives this clock."""


@contextmanager
def driving(database: sa.Engine) -> Iterator[None]:
    """Hold the reins; AlreadyDriven if somebody else does."""
    with session_lock(database, _KEY) as mine:
        if not mine:
            raise AlreadyDriven(_TAKEN)
        yield


def refuse_if_driven(database: sa.Engine) -> None:
    """AlreadyDriven if somebody holds the reins now: for those who would begin much before they take them."""
    with database.begin() as conn:
        if not conn.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_KEY))).scalar():
            raise AlreadyDriven(_TAKEN)
