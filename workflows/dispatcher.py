"""A dispatcher's life: one thread, one connection whose locks die with it, and a loop that outlives every outage."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import psycopg
import sqlalchemy as sa
import structlog

from store.leaps import certain_now
from store.postgres.notices import listen, wait_for_notice

_POLL_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, psycopg.OperationalError)

_log = structlog.get_logger(__name__)

Done = TypeVar("Done")
"""What a pass did; false when it was nothing."""


class Dispatcher(ABC, Generic[Done]):
    """Several share the work; each belongs to one thread."""

    channel: ClassVar[str]
    """Where PostgreSQL tells of new work."""
    log_name: ClassVar[str]

    def __init__(self, engine: sa.Engine, clock: Callable[[sa.Connection], datetime] = certain_now) -> None:
        self._engine = engine
        self._clock = clock
        self._conn: sa.Connection | None = None
        self._driver: Any = None
        """What `_conn` stands on: psycopg's own."""

    @abstractmethod
    def _round(self, conn: sa.Connection, now: datetime, stop: threading.Event) -> Done:
        """A batch of what is due; what went wrong outside is settled or parked, not raised."""

    def run(self, stop: threading.Event) -> None:
        """Dispatch until told to stop. Nothing ends this loop but that: after an outage it goes on."""
        pause = 0.0
        while not stop.is_set():
            try:
                conn = self._connection()
                with conn.begin():
                    now = self._clock(conn)
                if not self._pass(now, stop) and not stop.is_set():
                    wait_for_notice(conn, _POLL_SECONDS)
                pause = 0.0
            except Exception as error:  # noqa: BLE001 - a loop that ends would leave all its work lying, with nobody told
                pause = min(max(2 * pause, 0.5), _LONGEST_PAUSE_SECONDS)
                # Where a server is away, no traceback tells more.
                told = _log.warning if isinstance(error, _AWAY) else _log.exception
                told(f"{self.log_name}.interrupted", error=str(error), next_try_in_seconds=pause)
                self._drop_connection()
                stop.wait(pause)
        self.close()

    def close(self) -> None:
        """Let go of the connection, and with it of all that was claimed."""
        self._drop_connection()

    def _pass(self, now: datetime, stop: threading.Event) -> Done:
        try:
            return self._round(self._connection(), now, stop)
        except BaseException:
            # The locks go with the connection: what was claimed is free, what was handed over is an orphan.
            self._drop_connection()
            raise

    def _connection(self) -> sa.Connection:
        """Outside the pool: the locks of a session must end with it."""
        if self._conn is None:
            conn = self._engine.connect()
            conn.detach()
            self._conn, self._driver = conn, conn.connection.dbapi_connection
            with conn.begin():
                listen(conn, self.channel)
        return self._conn

    def _drop_connection(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(sa.exc.SQLAlchemyError):
                # It is not to be used again, and may be broken: nothing is left to be put in order.
                conn.invalidate()
                conn.close()
            # Outside the pool that closes nothing, and its locks would last as long as anybody knows of it.
            self._driver.close()
