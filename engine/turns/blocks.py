"""How a run's branches wait: bare coroutines driven by hand, so that nothing here needs an event loop.

A branch yields a request and is driven on once the request is ripe; cutting a branch closes its coroutine where it
stands. `finally` in a step therefore must not await.
"""

from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from datetime import datetime
from typing import Any

from engine.turns.runtime import Act, Receipt, Standing, Values

Walking = Coroutine["Ask | Block | Together", None, None]


class Ask:
    """A question to the world: fields to read, or an act. Ripe once answered."""

    def __init__(self, question: tuple[str, ...] | Act) -> None:
        self.question = question
        self.answer: Values | Receipt | None = None

    def ripe(self, _now: datetime) -> bool:
        return self.answer is not None

    def __await__(self) -> Generator["Ask", None, Any]:
        yield self
        return self.answer


class Block:
    """Wait for something to be heard, or for a moment. Gives whether it was heard."""

    def __init__(
        self, ready: Callable[[], bool], until: datetime | None, standing: Standing, *, stuck: bool = False
    ) -> None:
        self.ready, self.until, self.standing, self.stuck = ready, until, standing, stuck

    def ripe(self, now: datetime) -> bool:
        return self.ready() or (self.until is not None and now >= self.until)

    def __await__(self) -> Generator["Block", None, bool]:
        yield self
        return self.ready()


class Together:
    """Branches side by side, in written order; over when all are done, or with `first` when one is."""

    def __init__(self, walks: Sequence[Walking], *, first: bool) -> None:
        self.branches = [Branch(walk) for walk in walks]
        self.first = first

    def ripe(self, now: datetime) -> bool:
        for branch in self.branches:
            branch.drive(now)
            if branch.done and self.first:
                return True
        return all(branch.done for branch in self.branches)

    def __await__(self) -> Generator["Together", None, int]:
        try:
            yield self
            return next((i for i, branch in enumerate(self.branches) if branch.done), 0)
        finally:
            for branch in self.branches:
                branch.close()


class Branch:
    """One coroutine and what it waits for."""

    def __init__(self, walk: Walking) -> None:
        self._walk = walk
        self._request: Ask | Block | Together | None = None
        self.done = False

    def drive(self, now: datetime) -> None:
        """Walk on until something is missing."""
        while not self.done and (self._request is None or self._request.ripe(now)):
            try:
                self._request = self._walk.send(None)
            except StopIteration:
                self.done, self._request = True, None

    def close(self) -> None:
        """Cut the branch where it stands."""
        self._walk.close()
        self.done, self._request = True, None

    def requests(self) -> Iterator[Ask | Block]:
        """The open questions and waits of this branch and those below it, in written order."""
        if isinstance(self._request, Together):
            for branch in self._request.branches:
                yield from branch.requests()
        elif self._request is not None:
            yield self._request
