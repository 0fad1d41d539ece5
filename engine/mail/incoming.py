"""What may come back by mail to one of ours: a person's reply, a machine's, or the news that it did not arrive."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

IncomingKind = Literal["replied", "auto_replied", "bounced", "deferred"]

MOST_SAID = 10_000
"""Characters of a reply that are kept."""


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One mail that came in, as far as Tenure cares: attachments, pictures and layout are not."""

    key: str
    """Its own message id, or a digest of it where it has none: a repeat has the same."""
    kind: IncomingKind
    to: tuple[str, ...] = field(repr=False)
    """Every address it was sent to, in small letters: one may be that of a mail of ours."""
    about: tuple[str, ...]
    """Message ids that it answers or reports on, in angle brackets, the nearest first."""
    from_address: str = field(default="", repr=False)
    from_name: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    says: str = field(default="", repr=False)
    """What was written above the quotation, at most MOST_SAID characters."""
    reason: str | None = None
    """Why it did not arrive."""
    at: datetime
    """When it was written, by its own Date."""
