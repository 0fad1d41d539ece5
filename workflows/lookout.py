"""A driver's looks at the database: over one connection of its own, which also hears which runs have come to rest."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import sqlalchemy as sa

from store.postgres.notices import RESTS, listen, notices

Seen = TypeVar("Seen")
_LONGEST = 0.5
"""Seconds, after which it is better to look again."""


class Lookout:
    """Belongs to whoever awaits one look before asking for the next. After an outage it connects anew."""

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        self._conn: sa.Connection | None = None

    def see(self, question: Callable[[sa.Connection], Seen]) -> Seen:
        """What the database answers now; nothing may be written."""
        try:
            return question(self._connection())
        except BaseException:
            self.close()
            raise

    def wait_for(self, runs: Sequence[int]) -> None:
        """Until each of these runs was heard to rest or to end, and a moment at most: then it is better to look."""
        until = time.monotonic() + _LONGEST

        def wait(conn: sa.Connection) -> None:
            left = {str(run) for run in runs}
            while left and (seconds := until - time.monotonic()) > 0:
                left.difference_update(notices(conn, seconds))

        self.see(wait)

    def close(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()

    def _connection(self) -> sa.Connection:
        """Outside the pool, as it listens, and without transactions, as it only looks."""
        if self._conn is None:
            conn = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
            conn.detach()
            listen(conn, RESTS)
            self._conn = conn
        return self._conn
