"""What every way of telling another program takes and gives; it knows neither runs nor tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. Its id is the same on every attempt, so that the receiver can tell a repeat."""

    id: str
    body: Mapping[str, Any] = field(repr=False)
    """JSON values by name."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The receiver has taken it."""

    status: int
    json: Any = field(default=None, repr=False)
    """What it answered; None where that was no JSON, or too long."""


class Caller(Protocol):
    """A way for requests to leave. Used by one thread at a time."""

    def call(self, request: Request, hand_over: Callable[[], None]) -> Answered:
        """Make a request, calling `hand_over` once, immediately before the byte that cannot be taken back.

        Raises Unavailable, RateLimited, Rejected or Misconfigured when it was certainly not taken; UnknownOutcome when
        it was handed over and no answer came. When `hand_over` raises, nothing leaves, and its error passes through.
        """
        ...
