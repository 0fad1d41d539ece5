"""Large grounds that are filled ahead of their bench, while another one is filled: one backend of PostgreSQL keeps one
processor busy, and nothing is measured meanwhile."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import sqlalchemy as sa

from benchmarks.ground import ground

_Filled = TypeVar("_Filled")
_expected: list["Ahead"] = []


class Ahead:
    """The ground of one bench, and how it is filled."""

    def __init__(self, fill: Callable[[sa.Engine], object]) -> None:
        self._fill = fill
        self._stack = ExitStack()
        self._engine: sa.Engine | None = None

    def expect(self) -> None:
        """Its bench is going to run: the next large ground that is filled may take it along."""
        _expected.append(self)

    @contextmanager
    def ground(self) -> Iterator[sa.Engine]:
        """Filled, unless that has been done; gone afterwards."""
        if self in _expected:
            _expected.remove(self)
        engine = self._engine or self.make()
        with self._stack:
            yield engine

    def make(self) -> sa.Engine:
        with ExitStack() as unless_filled:
            engine = unless_filled.enter_context(ground())
            self._fill(engine)
            self._stack = unless_filled.pop_all()
        self._engine = engine
        return engine


def filling(fill: Callable[[], _Filled]) -> _Filled:
    """Fill a large ground, and those that are expected beside it; back when all of them are there.

    What goes wrong with one of the others is left to its own bench, which then makes it itself.
    """
    with ThreadPoolExecutor() as pool:
        for one in _expected:
            pool.submit(one.make)
        _expected.clear()
        return fill()
