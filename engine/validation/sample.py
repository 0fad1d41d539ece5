"""One account at one instant: the score as it was known then, and whether the account left within the horizon after."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one component brought in."""

    points: float | None
    """0 to 100; None where it counted for nothing."""
    weight: float
    known: bool
    """False where `points` only stand in for missing or stale data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The same account comes back at other instants; whoever counts must not take those for other accounts."""

    account: int
    at: datetime
    score: float | None
    """0 to 100; None is unknown."""
    band: str | None
    churned: bool
    parts: Mapping[str, Part]
    """By component; empty where the score is unknown."""
