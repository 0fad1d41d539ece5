"""When so much starts at once that a mistake is likelier than news: limits, and what they say of counts; no table."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from engine.values import Value

Span = Literal["sweep", "hour", "day"]
_SPOKEN: Mapping[Span, str] = {"sweep": "in one sweep", "hour": "within an hour", "day": "within a day"}
Share = float


class Breaker(Value):
    """How much of the book may start one playbook before a person is asked; shares are percent of all accounts."""

    at_least: int = Field(100, ge=1, description="fewer entries, or accounts, than this never hold anything back")
    per_sweep: Share = Field(20, ge=0, le=100, description="percent of the accounts that enter one playbook in a sweep")
    per_hour: Share = Field(30, ge=0, le=100, description="the same within an hour")
    per_day: Share = Field(50, ge=0, le=100, description="the same within a day")
    shift: float = Field(15, ge=0, description="points that the scores of many accounts moved by, on average, at once")
    shift_of: Share = Field(20, ge=0, le=100, description="percent of the accounts that make such a move suspicious")
    feed: Share = Field(
        50, ge=0, le=100, description="percent of the usual events a day below which a feed counts as half loaded"
    )
    canary: Share = Field(0, ge=0, le=100, description="percent that starts all the same, to show what it would do")
    off: bool = Field(False, description="true: nothing is ever held back")


@dataclass(frozen=True, kw_only=True)
class Entries:
    """How many would enter a playbook now, and how many did lately."""

    now: int
    hour: int
    """Within the hour before."""
    day: int


def too_many(limits: Breaker, entries: Entries, accounts: int) -> str | None:
    """Why the entries are held back; None when they may go on."""
    counts: tuple[tuple[Span, int, Share], ...] = (
        ("sweep", entries.now, limits.per_sweep),
        ("hour", entries.now + entries.hour, limits.per_hour),
        ("day", entries.now + entries.day, limits.per_day),
    )
    for span, count, share in counts:
        most = max(limits.at_least, accounts * share / 100)
        if count > most:
            return f"{count:,} of {accounts:,} accounts enter {_SPOKEN[span]}, and {most:,.0f} may"
    return None


def shifted(limits: Breaker, card: str, moved: int, by: float, accounts: int) -> str | None:
    """The same for scores: so many accounts moved, by so many points on average."""
    if moved < max(limits.at_least, accounts * limits.shift_of / 100) or abs(by) < limits.shift:
        return None
    way = "fell" if by < 0 else "rose"
    return f"the {card} score of {moved:,} of {accounts:,} accounts {way} by {abs(by):.1f} points on average at once"


def half_loaded(limits: Breaker, feed: str, today: int, usual: float) -> str | None:
    """The same for a feed: its events of the last day, beside the usual number a day."""
    if usual < limits.at_least or today >= usual * limits.feed / 100:
        return None
    return f"the feed {feed} brought {today:,} events within a day, and usually brings {usual:,.0f}"


def in_share(playbook: str, account: str, share: Share) -> bool:
    """Whether an account belongs to the first so many percent, by a stable lot of its own."""
    digest = hashlib.sha256(f"canary\x1f{playbook}\x1f{account}".encode()).digest()
    return int.from_bytes(digest[:6]) * 100 < share * 2**48
