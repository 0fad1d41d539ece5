"""The past of the demo's book, written and taken in by another process, while the demo's own prepares all the rest.

Imports what it needs only when it is called: whoever hands it to that process shall not wait for it.
"""

import atexit
import gc
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import cache
from itertools import islice
from multiprocessing import active_children, get_context
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.book.book import Book
    from app.book.diary import Dated


@contextmanager
def another_process() -> Iterator[ProcessPoolExecutor]:
    """Where `write` and `begin` are meant to run: what one of them has written, the next one finds."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_set_up, initargs=(os.getpid(),)) as pool:
        try:
            yield pool
        except BaseException:
            # Nobody will ask for what it is at, and the database keeps nothing of it.
            for child in active_children():
                child.kill()
            raise


def write(seed: int, accounts: int, start: date) -> None:
    """Begin to write the past, for `begin`, which comes when there is a database: seconds of work. It goes on while
    PostgreSQL has what is written already."""
    _writing(seed, accounts, start)


def begin(seed: int, accounts: int, start: date, url: str) -> tuple["Book", int]:
    """Take the past in and stop the clock at the start, both or nothing; the book, and how many facts that were."""
    from app.book.life import begin_life
    from store.postgres.database import engine_for

    writing = _writing(seed, accounts, start)
    engine = engine_for(url)
    try:
        told = begin_life(engine, start, writing.parts())
    finally:
        engine.dispose()
    writing.book.leave_past()
    return writing.book, told


@cache
def _writing(seed: int, accounts: int, start: date) -> "_Writing":
    from app.book.book import Book

    return _Writing(Book(seed, accounts, start))


class _Writing:
    """A book's past in parts, written by a thread."""

    def __init__(self, book: "Book") -> None:
        self.book = book
        self._written: SimpleQueue[list[Dated]] = SimpleQueue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tenure-book")
        self._done = self._thread.submit(self._write)

    def parts(self) -> "Iterator[list[Dated]]":
        """In order, as soon as each is there; once."""
        while part := self._written.get():
            yield part
        self._done.result()

    def _write(self) -> None:
        try:
            facts = self.book.history()
            while part := list(islice(facts, _PART)):
                self._written.put(part)
        finally:
            self._written.put([])


_PART = 12_000
"""Facts: few enough that PostgreSQL begins early, many enough to be copied."""


def _set_up(parent: int) -> None:
    from app.embedded.child import dying_with_parent

    # What it writes would be nobody's.
    dying_with_parent(signal.SIGKILL, parent)()
    # Whoever began it hears of Ctrl-C as well, and ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A book is made to be kept: to look for garbage in it takes a sixth of the time, and finds none.
    gc.disable()
    # Nor is there a need to take it apart at the end.
    atexit.register(os._exit, 0)
