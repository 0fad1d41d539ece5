"""The book of business: who the customers are, and which facts about them become known on which day."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from operator import itemgetter

from app.book.colleagues import COLLEAGUES
from app.book.companies import Company, company_names, established, newcomer
from app.book.diary import Dated, diary
from app.book.stories import Mood
from app.book.usage import usage_on
from engine.facts import IncomingFact

PAST = timedelta(days=365)
AHEAD = timedelta(days=365)
NEWCOMERS_WITHIN = 60
"""New customers sign within so many days after the start: one for every eight that are there."""

_EXPORT = time(4, 30, tzinfo=UTC)
"""The product exports each day's use in the night after it."""


def write(seed: int, accounts: int, start: date, *, with_past: bool) -> tuple["Book", list[Dated]]:
    """A book with all its pages, and its past if asked for: seconds of work, which another process can do."""
    book = Book(seed, accounts, start)
    book.fill()
    return book, list(book.history()) if with_past else []


class Book:
    """Pure, given its arguments: the same facts in every process, in whatever order the days are asked for."""

    def __init__(self, seed: int, accounts: int, start: date) -> None:
        self.seed, self.start = seed, start
        self.first, self.last = start - PAST, start + AHEAD
        coming = accounts // 8
        names = company_names(seed, accounts + coming)
        self.companies: tuple[Company, ...] = (
            *(established(seed, n + 1, name, start) for n, name in enumerate(names[:accounts])),
            *(newcomer(seed, n + 1, name, start, within=NEWCOMERS_WITHIN) for n, name in enumerate(names[accounts:])),
        )

    def fill(self) -> None:
        """Work out now what would be worked out when the first day is asked for."""
        _ = self._diaries

    def history(self) -> Iterator[tuple[datetime, IncomingFact]]:
        """The year before the start, in the order in which it became known."""
        for offset in range(PAST.days):
            yield from self.on(self.first + timedelta(days=offset))

    def on(self, day: date) -> list[tuple[datetime, IncomingFact]]:
        """The facts that become known on a day (in UTC), in order."""
        if not self.first <= day <= self.last:
            raise ValueError(f"this book tells of {self.first} to {self.last}, not of {day}")
        known: list[Dated] = []
        if day == self.first:
            known += [(datetime.combine(day, time(0), UTC), person) for person in COLLEAGUES]
        exported, yesterday = datetime.combine(day, _EXPORT), day - timedelta(days=1)
        for company in self.companies:
            if day > self.first and (usage := usage_on(self.seed, company, yesterday, self.start)) is not None:
                known.append((exported, usage))
        known += self._diaries.get(day, [])
        return sorted(known, key=itemgetter(0))

    def mood(self, account: str, day: date) -> float:
        """How well it goes for a customer on a day, 0 to 1."""
        return self._moods[account].on((day - self.start).days)

    @cached_property
    def _moods(self) -> Mapping[str, Mood]:
        return {company.key: company.mood for company in self.companies}

    @cached_property
    def _diaries(self) -> Mapping[date, list[Dated]]:
        by_day: defaultdict[date, list[Dated]] = defaultdict(list)
        for company in self.companies:
            for entry in diary(self.seed, company, self.start, self.first, self.last):
                by_day[entry[0].date()].append(entry)
        return by_day
