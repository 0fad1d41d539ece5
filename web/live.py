"""Tells open pages that something has changed: one listening connection per process, handed on to all who look."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from store.postgres.notices import INBOX, heard

_BEAT = 15.0
"""Seconds between signs of life, which also tell us of browsers that have gone."""
_LONGEST = 120.0
"""Seconds after which a browser is to ask anew, and show again who it is."""
EVERYBODY = ""


class Live:
    """Listens from the first page that asks to the last that goes."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        """Of the thread that listens, while one does."""
        self._open: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[str]]] = set()

    async def changes(self, people: frozenset[str] | None) -> AsyncIterator[str]:
        """Server-sent events, one whenever tasks of these people (None: anybody) have changed."""
        with self._subscribed() as queue:
            yield "retry: 2000\nevent: open\ndata: \n\n"
            ends = asyncio.get_running_loop().time() + _LONGEST
            while (left := ends - asyncio.get_running_loop().time()) > 0:
                try:
                    # Not `wait_for`: in Python 3.11 it forgets that it was cancelled where news comes in that moment.
                    async with asyncio.timeout(min(_BEAT, left)):
                        person = await queue.get()
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if people is None or person in people or person == EVERYBODY:
                    _drain(queue)
                    yield "event: change\ndata: \n\n"

    @contextmanager
    def _subscribed(self) -> Iterator[asyncio.Queue[str]]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        mine = (asyncio.get_running_loop(), queue)
        with self._lock:
            self._open.add(mine)
            if self._stop is None:
                self._stop = threading.Event()
                threading.Thread(target=self._listen, args=[self._stop], name="tenure-live", daemon=True).start()
        try:
            yield queue
        finally:
            with self._lock:
                self._open.discard(mine)
                if not self._open and self._stop is not None:
                    self._stop.set()
                    self._stop = None

    def _listen(self, stop: threading.Event) -> None:
        for person in heard(self._engine, INBOX, stop):
            with self._lock:
                listeners = list(self._open)
            for loop, queue in listeners:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(queue.put_nowait, person)


def _drain(queue: asyncio.Queue[str]) -> None:
    """Many changes at once are one look."""
    while not queue.empty():
        queue.get_nowait()
