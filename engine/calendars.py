"""Adds durations to moments in a place: its zone, weekend and holidays; whoever calls brings the holidays along."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.durations import Duration
from engine.problems import did_you_mean


def known_zone(name: str) -> str:
    """The name itself if it is an IANA time zone; ValueError otherwise."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{name}" is not a time zone; write for instance Europe/Berlin or UTC') from None
    return name


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """All IANA time zones; asked once, as it takes hundreds of looks at the disk."""
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether this is an IANA time zone."""
    return name in zone_names()


# ZoneInfo keeps only eight zones for sure, and reads the others from disk again.
_zone = lru_cache(maxsize=600)(ZoneInfo)


def _some_workday(weekend: tuple[int, ...]) -> tuple[int, ...]:
    if set(weekend) >= set(range(7)) or not set(weekend) <= set(range(7)):
        raise ValueError("a weekend is days from 0 (Monday) to 6 (Sunday), and leaves at least one to work")
    return weekend


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ZoneName = Annotated[str, AfterValidator(known_zone)]


class Place(BaseModel):
    """Where days begin and which of them are worked; JSON in and out."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    zone: ZoneName = Field("UTC", description="IANA time zone")
    country: str | None = Field(None, description="ISO 3166 code, for people; the holidays are already worked out")
    weekend: Annotated[tuple[int, ...], AfterValidator(_some_workday)] = Field((5, 6), description="0 is Monday")
    holidays: tuple[date, ...] = Field((), description="days not worked, as ISO dates")


def add(at: datetime, duration: Duration, place: Place) -> datetime:
    """A moment later (or earlier, for negative amounts), in UTC.

    Minutes and hours are exact. Days and more keep the time on the wall: a wall time that a clock change skips moves
    forward by the gap, one that comes twice is the first; months and years end at the month's last day at most.
    """
    match duration.unit:
        case "minutes" | "hours":
            assert duration.exact is not None
            return at.astimezone(UTC) + duration.exact
        case "business_days":
            return add_business_days(at, duration.amount, place)
        case "days" | "weeks":
            days = duration.amount * (7 if duration.unit == "weeks" else 1)
            return _on_the_wall(at, place.zone, lambda day: day + timedelta(days=days))
        case "months" | "years":
            months = duration.amount * (12 if duration.unit == "years" else 1)
            return _on_the_wall(at, place.zone, lambda day: add_months(day, months) or day)


def subtract(at: datetime, duration: Duration, place: Place) -> datetime:
    return add(at, -duration, place)


def add_business_days(at: datetime, days: int, place: Place) -> datetime:
    """The same wall time `days` business days on, or back when negative; from a day off, the next one is the first."""
    return _on_the_wall(at, place.zone, lambda day: _business_day(day, days, place))


def local_date(at: datetime, zone: str) -> date:
    """The day of an instant in a zone."""
    return at.astimezone(_zone(zone)).date()


def local_midnight(day: date, zone: str) -> datetime:
    """The instant a day begins in a zone, in UTC; where a clock change skips midnight, the first instant of the day."""
    return _instant(datetime.combine(day, time()), zone)


def at_wall(wall: datetime, zone: str) -> datetime:
    """The instant at which a zone's clocks show this; in a gap moved forward by it, in a fold the first."""
    return _instant(wall, zone)


def next_weekday_time(at: datetime, day: str, wall: str, place: Place) -> datetime:
    """The first instant after `at` that is `wall` o'clock (09:00) on a day such as monday, or on a business_day."""
    clock, today = time.fromisoformat(wall), local_date(at, place.zone)
    days = (today + timedelta(days=ahead) for ahead in count())
    fitting = (each for each in days if _is_called(each, day, place))
    instants = (_instant(datetime.combine(each, clock), place.zone) for each in fitting)
    return next(instant for instant in instants if instant > at)


def _is_called(day: date, name: str, place: Place) -> bool:
    return is_business_day(day, place) if name == "business_day" else day.weekday() == WEEKDAYS.index(name)


def is_business_day(day: date, place: Place) -> bool:
    return day.weekday() not in place.weekend and day not in _as_set(place.holidays)


def add_months(day: date, months: int) -> date | None:
    """The same day of another month, or its last; None beyond the calendar."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    for last in (day.day, 30, 29, 28):
        if last <= day.day:
            try:
                return date(year, month + 1, last)
            except ValueError:
                continue
    return None


def holidays_of(country: str, subdivision: str | None, years: Iterable[int]) -> tuple[date, ...]:
    """Public holidays, sorted; ValueError for a country or subdivision without a calendar."""
    import holidays  # heavy; only those who prepare a place pay for it

    supported = holidays.list_supported_countries()
    if country not in supported:
        raise ValueError(f'there is no holiday calendar for "{country}"; {did_you_mean(country, supported)}')
    if subdivision is not None and subdivision not in supported[country]:
        hint = did_you_mean(subdivision, supported[country])
        raise ValueError(f'there is no holiday calendar for "{subdivision}" in {country}; {hint}')
    return tuple(sorted(holidays.country_holidays(country, subdiv=subdivision, years=sorted(set(years)))))


def has_holidays(country: str) -> bool:
    """Whether there is a holiday calendar for a country."""
    import holidays  # heavy; see above

    return country in holidays.list_supported_countries()


def weekend_of(country: str) -> tuple[int, ...]:
    """The days of the week that a country with a calendar does not work; 0 is Monday."""
    import holidays  # heavy; see above

    return tuple(sorted(holidays.country_holidays(country).weekend))


# --- wall clocks ----------------------------------------------------------------------------------------------------


def _on_the_wall(at: datetime, zone: str, move: Callable[[date], date]) -> datetime:
    local = at.astimezone(_zone(zone))
    return _instant(datetime.combine(move(local.date()), local.time()), zone)


def _instant(wall: datetime, zone: str) -> datetime:
    # With fold=0 Python reads a skipped wall time by the offset before the gap, hence moves it forward by the gap.
    return wall.replace(tzinfo=_zone(zone), fold=0).astimezone(UTC)


def _business_day(day: date, days: int, place: Place) -> date:
    step = timedelta(days=1 if days > 0 else -1)
    left = abs(days)
    while left:
        day += step
        left -= is_business_day(day, place)
    return day


@lru_cache(maxsize=256)
def _as_set(days: tuple[date, ...]) -> frozenset[date]:
    return frozenset(days)
