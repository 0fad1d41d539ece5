"""On which days a score is sampled: often enough that who leaves is seen from several distances, each fully awaited."""

from dataclasses import dataclass
from datetime import date, timedelta

YEAR = timedelta(days=365)
_MONTH = 30


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """Days in the workspace's zone."""

    days: tuple[date, ...]
    """Rising; empty where nothing is old enough."""
    every: int
    """Days from one to the next."""
    horizon: int
    """Days that each is followed for."""
    cut: bool
    """Whether the end was drawn back, to let the last horizon run out."""


def timetable(first: date | None, last: date | None, horizon: int, known: date, today: date) -> Timetable:
    """Counted back from the last day; by default a year up to the last day whose horizon is over.

    `known`: the day on which the first account became known; before, there is nothing to sample.
    """
    latest = today - timedelta(days=horizon)
    end = min(last or latest, latest)
    begin = max(first or end - YEAR, known)
    every = max(1, min(_MONTH, horizon // 3))
    count = (end - begin).days // every + 1
    days = tuple(end - timedelta(days=every * n) for n in reversed(range(max(0, count))))
    return Timetable(days=days, every=every, horizon=horizon, cut=last is not None and last > latest)
