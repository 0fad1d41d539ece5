"""What every chat takes; it knows neither runs nor tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message for a channel: plain text, in lines."""

    id: str
    text: str = field(repr=False)


class Chat(Protocol):
    """One channel. Used by one thread at a time."""

    def say(self, message: Message, hand_over: Callable[[], None]) -> None:
        """Put a message into the channel; `hand_over` and errors as with connectors.webhook.port.Caller."""
        ...
