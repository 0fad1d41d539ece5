"""What every mailbox for replies can do: show what is new, and remember what was taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Held:
    """A mail in the mailbox."""

    number: int
    """By which the mailbox knows it, until `close`."""
    raw: bytes = field(repr=False)
    """As it travelled; the end of a long one may be missing."""


class Mailbox(Protocol):
    """A place where replies arrive. Used by one thread at a time."""

    def new(self, most: int) -> Sequence[Held]:
        """Mails that were not taken yet, oldest first. Raises Unavailable or Misconfigured."""
        ...

    def taken(self, numbers: Sequence[int]) -> None:
        """These are committed elsewhere, and shall not be shown again. Raises as `new` does."""
        ...

    def close(self) -> None:
        """Let go of the connection; the mailbox may be used again afterwards."""
        ...
