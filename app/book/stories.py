"""What happens to a customer, as one number a day: how well it goes, from 0 (gone) to 1 (could not be better).

Everything the book shows, from logins to survey answers, follows from this mood; nobody outside the book sees it.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

from app.book.chance import chance

Story = Literal[
    "healthy", "growing", "seasonal", "declining", "champion_leaves", "recovers", "leaves",
    "takes_off", "starts_slowly", "stalls",
]  # fmt: skip

_ESTABLISHED: dict[Story, int] = {
    "healthy": 34, "growing": 10, "seasonal": 8, "declining": 12, "champion_leaves": 13, "recovers": 15, "leaves": 8,
}  # fmt: skip
_NEW: dict[Story, int] = {"takes_off": 50, "starts_slowly": 28, "stalls": 22}

NEWCOMER = "new-"
"""How the key of an account begins that signs up after the book's start."""


def story_of(seed: int, key: str) -> Story:
    stories = _NEW if key.startswith(NEWCOMER) else _ESTABLISHED
    return chance(seed, key, "story").choices(list(stories), list(stories.values()))[0]


@dataclass(frozen=True, kw_only=True)
class Mood:
    """How one customer's story goes over time; days are counted from the book's start."""

    story: Story
    base: float
    turn: int
    """The day on which the story turns: the champion leaves, the decline begins, the account signs up."""
    pace: float
    """Stretches what takes days; 1 is the usual pace."""
    phase: float

    def on(self, day: int) -> float:
        swing = 0.03 * math.sin(day / 9 + self.phase) + 0.02 * math.sin(day / 23 + 2 * self.phase)
        return min(1.0, max(0.0, self._level((day - self.turn) / self.pace, day) + swing * self._level(0, day)))

    def _level(self, since: float, day: int) -> float:
        match self.story:
            case "healthy":
                return self.base
            case "growing":
                return self.base + 0.15 * _ramp(day, -200, 150)
            case "seasonal":  # six good months, a trough of some weeks, and back
                return self.base - 0.36 * max(0.0, math.cos((day / 365 + self.phase) * math.tau)) ** 6
            case "declining":
                return self.base - 0.6 * _ramp(since, 0, 110)
            case "leaves":
                return self.base - 0.62 * _ramp(since, 0, 80)
            case "champion_leaves":
                return self.base - 0.5 * _ramp(since, 0, 8) + 0.25 * _ramp(since, 45, 100)
            case "recovers":
                return self.base - 0.52 * _ramp(since, 0, 9) + 0.55 * _ramp(since, 19, 36)
            case "takes_off":
                return self.base * _ramp(since, 2, 16)
            case "starts_slowly":
                return self.base * (0.2 * _ramp(since, 2, 10) + 0.8 * _ramp(since, 19, 40))
            case "stalls":
                return 0.09 * _ramp(since, 3, 6)


def nps_of(mood: float, dice: Random) -> int:
    """What somebody answers, 0 to 10, when asked whether they would recommend us."""
    return round(min(10.0, max(0.0, 2.6 + 7.6 * mood + dice.gauss(0, 0.7))))


def _ramp(x: float, start: float, end: float) -> float:
    """0 before `start`, 1 from `end` on, and a line between."""
    if x <= start:
        return 0.0
    return 1.0 if x >= end else (x - start) / (end - start)
