"""The twin of a chat for tests: it takes messages, and fails as it is told."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.chat.port import Message
from connectors.errors import ConnectorError


@dataclass(kw_only=True)
class MemoryChat:
    """`said` holds every message that arrived, in order; `failures` are used up one a message."""

    said: list[Message] = field(default_factory=list)
    failures: deque[ConnectorError | None] = field(default_factory=deque)

    def say(self, message: Message, hand_over: Callable[[], None]) -> None:
        failure = self.failures.popleft() if self.failures else None
        if failure:
            raise failure
        hand_over()
        self.said.append(message)
