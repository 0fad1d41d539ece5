"""The twin of a provider for tests: it takes mail, forgets nothing, and fails as it is told."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connectors.email.message import build_message
from connectors.email.port import Accepted, OutgoingMail, Refused
from connectors.errors import ConnectorError


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What a delivery does instead: raise `error` before the mail is handed over, after that, or having taken it."""

    error: ConnectorError | Exception
    when: Literal["before", "handed_over", "taken"] = "before"


@dataclass(kw_only=True)
class MemoryTransport:
    """`taken` holds every mail that arrived, in order; `failures` are used up one a delivery."""

    taken: list[OutgoingMail] = field(default_factory=list)
    failures: deque[Failure | None] = field(default_factory=deque)
    can_look_up: bool = True
    at_once: int = 1

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:
        failure = self.failures.popleft() if self.failures else None
        build_message(mail)
        if failure and failure.when == "before":
            raise failure.error
        hand_over()
        if failure and failure.when == "handed_over":
            raise failure.error
        self.taken.append(mail)
        if failure:
            raise failure.error
        return Accepted(provider_id=f"memory-{len(self.taken)}")

    def look_up(self, message_id: str) -> Accepted | Refused | None:
        if not self.can_look_up:
            return None
        numbers = (n for n, mail in enumerate(self.taken, start=1) if mail.message_id == message_id)
        number = next(numbers, None)
        return Refused(reason="it never arrived") if number is None else Accepted(provider_id=f"memory-{number}")

    def close(self) -> None:
        """Nothing is open."""
