"""All measures of a book together, and for a while kept: over a large book some of them take their time."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from store.queries.business.answers import Answers, answers
from store.queries.business.at_risk import AtRisk, at_risk
from store.queries.business.book import Book
from store.queries.business.goal_rates import GoalRate, goal_rates
from store.queries.business.health import InBand, Movement, health, movement
from store.queries.business.late_tasks import Late, late_tasks
from store.queries.business.lifetime_value import LifetimeValue, lifetime_value
from store.queries.business.past_values import NotKept
from store.queries.business.renewals import Renewing, renewals
from store.queries.business.retention import Retention, retention

PERIODS: Mapping[int, str] = {30: "30 days", 90: "90 days", 365: "a year"}
"""How far back retention and goals may look."""
_KEPT_FOR = 60.0
_SLOW = 0.5
"""Seconds. What took less is worked out anew every time."""
_MOST = 64


@dataclass(frozen=True, kw_only=True)
class Figures:
    """`retention` and `value` are None where the past of the ARR is not kept."""

    as_of: datetime
    bands: Sequence[str]
    revenue: AtRisk
    health: Mapping[str, InBand]
    movement: Movement
    renewals: Sequence[Renewing]
    late: Sequence[Late]
    goals: Sequence[GoalRate]
    retention: Retention | None
    value: LifetimeValue | None
    nps: Answers
    csat: Answers


def figures(book: Book) -> Figures:
    revenue = at_risk(book)
    try:
        kept = retention(book)
    except NotKept:
        kept = None
    return Figures(
        as_of=book.now,
        bands=book.bands,
        revenue=revenue,
        health=health(book),
        movement=movement(book),
        renewals=renewals(book),
        late=late_tasks(book),
        goals=goal_rates(book),
        retention=kept,
        value=None if kept is None else lifetime_value(revenue, kept, book.days),
        nps=answers(book, "nps"),
        csat=answers(book, "csat"),
    )


class KeptFigures:
    """Figures that took long are shown for a minute; who asks while they are worked out waits for them."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Figures]] = {}
        self._locks: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, key: Hashable, work_out: Callable[[], Figures]) -> Figures:
        with self._lock:
            if len(self._locks) > _MOST:
                self._locks.clear()
                self._kept.clear()
            mine = self._locks.setdefault(key, Lock())
        with mine:
            until, kept = self._kept.get(key, (0.0, None))
            began = time.monotonic()
            if kept is not None and began < until:
                return kept
            found = work_out()
            took = time.monotonic() - began
            if took > _SLOW:
                self._kept[key] = (began + took + _KEPT_FOR, found)
            return found
