"""What every mail provider takes and gives. A provider knows neither runs nor tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class OutgoingMail:
    """One mail to one person, ready to leave; only its message id names it outside."""

    message_id: str
    """In angle brackets, the same on every attempt."""
    to_address: str
    to_name: str = ""
    from_address: str
    from_name: str
    reply_to: str | None = None
    replies_to: str | None = None
    """An address of Tenure's; who replies reaches it beside `reply_to`, or beside the sender."""
    subject: str
    html: str = field(repr=False)
    plain: str = field(repr=False)
    unsubscribe_url: str | None = None
    """HTTPS, answers a POST (RFC 8058); None for transactional mail."""
    category: str = ""
    """What kind of mail it is, such as service: providers may count by it."""
    at: datetime
    """The Date header, by the clock that Tenure runs on."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The provider has taken the mail and answers for it from here on."""

    provider_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The provider has looked, and did not take the mail."""

    reason: str


class Transport(Protocol):
    """A way for mail to leave. `deliver` is called by so many threads at a time as it says, all else by one."""

    @property
    def at_once(self) -> int:
        """How many mails may be on their way through it at the same time."""
        ...

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:
        """Deliver one mail, calling `hand_over` once, immediately before the byte that cannot be taken back.

        Raises Unavailable, RateLimited, Rejected or Misconfigured when the mail was certainly not taken, before or
        after handing over; UnknownOutcome when it was handed over and no answer came. When `hand_over` raises, the mail
        must not leave, and its error passes through.
        """
        ...

    def look_up(self, message_id: str) -> Accepted | Refused | None:
        """What became of a mail that was handed over; None when the provider cannot tell. May raise Unavailable."""
        ...

    def close(self) -> None:
        """Let go of connections; the transport may be used again afterwards."""
        ...
