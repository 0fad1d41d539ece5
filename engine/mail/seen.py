"""What may be seen of a mail after it has left, and whether a person was behind it or, more likely, a machine."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

SeenType = Literal[
    "processed",
    "deferred",
    "delivered",
    "bounced",
    "dropped",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "group_unsubscribed",
    "replied",
    "auto_replied",
]
Evidence = Literal["human", "likely_machine"]

AT_ONCE = timedelta(seconds=10)
"""Nobody reads a mail this soon after it arrived; scanners and privacy proxies do."""
IN_A_ROW = timedelta(seconds=3)
"""Nobody follows two links of a mail within this; scanners follow them all."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One thing that was seen of one mail: by a provider, by our own pages, or in what came back."""

    message_id: str
    """In angle brackets, as the mail has it."""
    type: SeenType
    key: str
    """The provider and its id of the event: a repeat has the same."""
    at: datetime
    link: str | None = field(default=None, repr=False)
    """What was clicked."""
    reason: str | None = None
    machine: bool = False
    """The provider itself says so."""
    stops: Literal["bounced", "complained", "provider"] | None = None
    """Why the address is to be written to no more, where this says so; `provider`: it writes there no more itself."""


def is_about_people(type_: str) -> bool:
    """Opens and clicks: the only ones where it may matter who did it."""
    return type_ in ("opened", "clicked")


def evidence(
    type_: str,
    at: datetime,
    link: str | None = None,
    *,
    machine: bool = False,
    arrived_at: datetime | None,
    clicks: Iterable[tuple[datetime, str | None]],
) -> Evidence:
    """How much an open or a click is worth, by when the mail arrived and by all that was clicked in it.

    `machine`: the provider itself says so.
    """
    at_once = arrived_at is not None and at < arrived_at + AT_ONCE
    in_a_row = type_ == "clicked" and any(
        other is not None and other != link and abs(when - at) <= IN_A_ROW for when, other in clicks
    )
    return "likely_machine" if machine or at_once or in_a_row else "human"
