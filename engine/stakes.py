"""What is at stake with a task, in points and in words: when it is due, what the account is worth, and how it fares.

The points only order tasks; `store.inbox.stakes` reckons the same in SQL, and a test holds the two together.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_DAY = timedelta(days=1)

DUE: tuple[tuple[float, float], ...] = ((0, 40), (1, 34), (3, 26), (7, 16), (14, 9))
"""Days until it is due, and points for that or less; what is late gains two for each day, and twenty at most."""
LATE_A_DAY, LATE_MOST = 2.0, 20.0
LATER = 4.0
RENEWAL: tuple[tuple[int, float], ...] = ((30, 20), (60, 14), (90, 9), (180, 4))
"""Days until the renewal, and points for that or less."""
HEALTH: tuple[tuple[float, float], ...] = ((40, 15), (60, 9), (75, 4))
"""Scores, and points for less than that."""
WORTH_FROM, WORTH_A_DIGIT, WORTH_MOST = 1_000.0, 8.0, 25.0
"""Points for each digit of the annual revenue beyond this."""
NO_HEALTH = 5.0
"""A score that nobody knows is no comfort."""


@dataclass(frozen=True, kw_only=True)
class Stake:
    points: float
    reasons: tuple[str, ...]
    """The largest first; together they are the ranking in words."""


def stake_of(
    now: datetime, today: date, *, due_at: datetime | None, arr: float | None, renewal: date | None, score: float | None
) -> Stake:
    """`today` is the date in the reader's zone; None stands for unknown."""
    parts = [_due(now, due_at), _worth(arr), _renewal(today, renewal), _health(score)]
    reasons = sorted((part for part in parts if part[1]), key=lambda part: -part[0])
    return Stake(points=round(sum(part[0] for part in parts), 3), reasons=tuple(text for _, text in reasons))


def _due(now: datetime, due_at: datetime | None) -> tuple[float, str]:
    if due_at is None:
        return 0.0, ""
    days = (due_at - now) / _DAY
    if days < 0:
        late = int(-days)
        text = f"overdue by {_count(late, 'day')}" if late else "just overdue"
        return DUE[0][1] + min(-days * LATE_A_DAY, LATE_MOST), text
    points = next((points for most, points in DUE if days <= most), LATER)
    hours = int(days * 24)
    return points, f"due in {_count(int(days), 'day')}" if days >= 1 else f"due in {_count(hours, 'hour')}"


def _worth(arr: float | None) -> tuple[float, str]:
    if arr is None or not arr > 0 or not math.isfinite(arr):
        return 0.0, ""
    digits = math.log10(max(arr, WORTH_FROM) / WORTH_FROM)
    return min(digits * WORTH_A_DIGIT, WORTH_MOST), f"{money(arr)} a year"


def _renewal(today: date, renewal: date | None) -> tuple[float, str]:
    if renewal is None or renewal < today:
        return 0.0, ""
    days = (renewal - today).days
    points = next((points for most, points in RENEWAL if days <= most), 0.0)
    return points, (f"renews in {_count(days, 'day')}" if days else "renews today") if points else ""


def _health(score: float | None) -> tuple[float, str]:
    if score is None:
        return NO_HEALTH, "health unknown"
    points = next((points for less, points in HEALTH if score < less), 0.0)
    return points, f"health {score:.0f}" if points else ""


def money(amount: float) -> str:
    """Short, as in a list: 1.2M, 45k, 800."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if amount >= size * 0.9995:
            return f"{amount / size:.3g}{letter}"
    return f"{amount:.0f}"


def _count(n: int, unit: str) -> str:
    return f"{n:,} {unit}{'' if n == 1 else 's'}"
