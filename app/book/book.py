"""The book of business: who the customers are, and which facts about them become known on which day."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from operator import itemgetter

from app.book.colleagues import COLLEAGUES
from app.book.companies import Company, company_names, established, newcomer
from app.book.diary import Dated, Diary
from app.book.stories import Mood
from app.book.usage import usage_on
from engine.facts import IncomingFact

PAST = timedelta(days=365)
AHEAD = timedelta(days=365)
NEWCOMERS_WITHIN = 60
"""New customers sign within so many days after the start: one for every eight that are there."""

_AT_ONCE = timedelta(days=30)
"""How much of all diaries is read when a day is asked for that was not read yet."""
_EXPORT = time(4, 30, tzinfo=UTC)
"""The product exports each day's use in the night after it."""


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
        self._diaries = [Diary(seed, company, start, self.first, self.last) for company in self.companies]
        self._read_until = date.min
        self._pages: defaultdict[date, list[tuple[int, Dated]]] = defaultdict(list)

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
        self._read(day)
        known += [entry for _, entry in sorted(self._pages.get(day, ()), key=itemgetter(0))]
        return sorted(known, key=itemgetter(0))

    def leave_past(self) -> None:
        """Let go of the pages before the start, which nobody will ask for again."""
        for day in [day for day in self._pages if day < self.start]:
            del self._pages[day]

    def mood(self, account: str, day: date) -> float:
        """How well it goes for a customer on a day, 0 to 1."""
        return self._moods[account].on((day - self.start).days)

    @cached_property
    def _moods(self) -> Mapping[str, Mood]:
        return {company.key: company.mood for company in self.companies}

    def _read(self, day: date) -> None:
        """Read all diaries so far that nothing of this day is missing."""
        if day <= self._read_until:
            return
        self._read_until = min(self.last, day + _AT_ONCE)
        for number, diary in enumerate(self._diaries):
            for entry in diary.read(self._read_until):
                self._pages[entry[0].date()].append((number, entry))
