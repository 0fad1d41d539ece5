"""The twin of a mailbox for tests: it holds mails, and fails as it is told."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.errors import ConnectorError
from connectors.replies.port import Held


@dataclass(kw_only=True)
class MemoryMailbox:
    """`held` by number; `failures` are used up one a call."""

    held: dict[int, bytes] = field(default_factory=dict)
    failures: deque[ConnectorError | None] = field(default_factory=deque)

    def new(self, most: int) -> Sequence[Held]:
        self._fail()
        return tuple(Held(number=number, raw=raw) for number, raw in sorted(self.held.items())[:most])

    def taken(self, numbers: Sequence[int]) -> None:
        self._fail()
        for number in numbers:
            self.held.pop(number, None)

    def close(self) -> None:
        """Nothing is open."""

    def _fail(self) -> None:
        failure = self.failures.popleft() if self.failures else None
        if failure is not None:
            raise failure
