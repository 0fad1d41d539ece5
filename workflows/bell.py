"""Listens to PostgreSQL's notifications and rings a bell per channel, so that loops need not poll.

The connection is there as long as its worker, so by it others also know that one lives.
"""

import asyncio
import threading
from collections.abc import Iterable

import psycopg
import sqlalchemy as sa
import structlog

from store import working

_log = structlog.get_logger(__name__)


class Bell:
    """A thread with a connection of its own; after an outage every channel rings once, as some may have been missed.

    A channel is for one loop: of two, the first to wake would take the ring from the other while that is at work.
    """

    def __init__(self, database: sa.Engine, channels: Iterable[str]) -> None:
        self._url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._events = {channel: asyncio.Event() for channel in channels}
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._listen, name="tenure-bell", daemon=True)
        self._thread.start()

    async def wait(self, channel: str, at_most: float) -> None:
        """Until the channel rings, or so many seconds have passed."""
        event = self._events[channel]
        try:
            # Python 3.11's `wait_for` forgets that it was cancelled where the bell rings in the same moment: whoever
            # waits here would go on, and the process that is to stop would wait for it without end.
            async with asyncio.timeout(at_most):
                await event.wait()
        except TimeoutError:
            return
        finally:
            event.clear()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as conn:
                    conn.execute(working.SHARE)
                    for channel in self._events:
                        conn.execute(f"listen {channel}")
                        self._ring(channel)
                    while not self._stop.is_set():
                        for note in conn.notifies(timeout=0.5):
                            self._ring(note.channel)
            except psycopg.Error as error:
                _log.warning("bell.postgresql_away", error=str(error))
                self._stop.wait(0.5)

    def _ring(self, channel: str) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._events[channel].set)
