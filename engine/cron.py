"""Cron expressions: five fields, read strictly, and the instants at which they come by the clock of a zone.

Our own rather than a package's: clock changes follow the house's rule (a gap moves forward, a fold takes the first),
and times must be found backwards as well as forwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from engine.calendars import at_wall, local_date
from engine.problems import did_you_mean

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL = {
    "sunday": "sun",
    "monday": "mon",
    "tuesday": "tue",
    "wednesday": "wed",
    "thursday": "thu",
    "friday": "fri",
    "saturday": "sat",
}
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_FARTHEST = timedelta(days=366 * 9)
"""February 29th is at most eight years away."""


@dataclass(frozen=True)
class Cron:
    """When it comes; each field holds the values that fit. Weekdays are 0 (Monday) to 6."""

    minute: int
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def fits(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.weekday() in self.weekdays

    def of_day(self, day: date, zone: str) -> list[datetime]:
        """Its instants on a local day, in order."""
        if not self.fits(day):
            return []
        walls = (datetime.combine(day, time(hour, self.minute)) for hour in self.hours)
        # Two wall times of a gap's hour may be one instant.
        return sorted({at_wall(wall, zone) for wall in walls})

    def after(self, at: datetime, zone: str) -> datetime | None:
        """The first instant after `at`; None beyond the calendar."""
        day = local_date(at, zone) - timedelta(days=1)
        for _ in range(_FARTHEST.days):
            if found := next((one for one in self.of_day(day, zone) if one > at), None):
                return found
            if day == date.max:
                return None
            day += timedelta(days=1)
        return None

    def latest(self, after: datetime, upto: datetime, zone: str) -> datetime | None:
        """The last instant after one moment, up to another."""
        day, first = local_date(upto, zone) + timedelta(days=1), local_date(after, zone) - timedelta(days=1)
        while day >= first:
            if found := [one for one in self.of_day(day, zone) if after < one <= upto]:
                return found[-1]
            day -= timedelta(days=1)
        return None


@lru_cache(maxsize=512)
def parse_cron(text: str) -> Cron:
    """`0 9 * * mon`: minute, hour, day of the month, month, weekday. Raises ValueError, saying what to write instead.

    Numbers, names, lists, ranges and steps are read; the minute is one number, so it comes at most once an hour.
    """
    fields = text.lower().split()
    if len(fields) != 5:
        what = "minute, hour, day of the month, month, weekday"
        raise ValueError(f'a cron expression has five fields ({what}), here are {len(fields)}; such as "0 9 * * mon"')
    minutes = _values(fields[0], "minute", 0, 59)
    if len(minutes) != 1:
        raise ValueError(f'the minute is one number, as a schedule comes at most once an hour; not "{fields[0]}"')
    days = _values(fields[2], "day of the month", 1, 31)
    weekdays = _values(fields[4], "weekday", 0, 7, {name: i for i, name in enumerate(_DAYS)})
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError("cron would take a day of the month or a weekday, either of them; write two schedules instead")
    months = _values(fields[3], "month", 1, 12, {name: i + 1 for i, name in enumerate(_MONTHS)})
    if not any(day <= _LONGEST_MONTH.get(month, 31) for month in months for day in days):
        raise ValueError(f'"{text}" never comes: none of these months has such a day')
    return Cron(
        minute=minutes[0],
        hours=_values(fields[1], "hour", 0, 23),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset((day - 1) % 7 for day in weekdays),
    )


def _values(field: str, what: str, low: int, high: int, names: Mapping[str, int] | None = None) -> tuple[int, ...]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, stop = low, 6 if what == "weekday" else high
        else:
            start = _value(first, what, low, high, names or {})
            stop = _value(last, what, low, high, names or {}) if dash else high if slash else start
        if what == "weekday" and dash and stop < start and stop == 0:
            stop = 7
        if stop < start:
            raise ValueError(f'{what}: "{span}" runs backwards')
        if slash and (not step.isascii() or not step.isdigit() or not 1 <= int(step[:4]) <= high):
            raise ValueError(f'{what}: "/{step}" is not a step; write for instance */2')
        found.update(range(start, stop + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _value(word: str, what: str, low: int, high: int, names: Mapping[str, int]) -> int:
    named = names.get(_FULL.get(word, word))
    if named is not None:
        return named
    if word.isascii() and word.isdigit() and len(word) <= 2 and low <= int(word) <= high:
        return int(word)
    hint = did_you_mean(word, names) if names and word.isalpha() else ""
    raise ValueError(f'{what}: "{word}" is not from {low} to {high}{hint and f"; {hint}"}')
