from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.calendars import (
    Place,
    add,
    add_business_days,
    add_months,
    holidays_of,
    is_business_day,
    local_date,
    local_midnight,
    next_weekday_time,
    subtract,
)
from engine.durations import Duration, parse_duration

NEW_YORK = Place(zone="America/New_York")
BERLIN = Place(zone="Europe/Berlin", country="DE", holidays=(date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)))


def wall(at: datetime, place: Place) -> str:
    return at.astimezone(ZoneInfo(place.zone)).strftime("%Y-%m-%d %H:%M%z")


def local(text: str, place: Place, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(place.zone), fold=fold)


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-03-07 09:00", "1 day", "2026-03-08 09:00-0400"),  # 23 hours
        ("2026-03-07 09:00", "24 hours", "2026-03-08 10:00-0400"),
        ("2026-03-07 02:30", "1 day", "2026-03-08 03:30-0400"),  # skipped: forward by the gap
        ("2026-10-31 01:30", "1 day", "2026-11-01 01:30-0400"),  # comes twice: the first
        ("2026-10-31 01:30", "1 week", "2026-11-07 01:30-0500"),
        ("2026-01-31 12:00", "1 month", "2026-02-28 12:00-0500"),
        ("2024-02-29 12:00", "1 year", "2025-02-28 12:00-0500"),
        ("2024-02-29 12:00", "4 years", "2028-02-29 12:00-0500"),
        ("2026-11-20 23:59", "90 minutes", "2026-11-21 01:29-0500"),
        ("2026-11-20 12:00", "1 business day", "2026-11-23 12:00-0500"),
    ],
)
def test_days_keep_the_time_on_the_wall_and_hours_do_not(start, duration, end):
    assert wall(add(local(start, NEW_YORK), parse_duration(duration), NEW_YORK), NEW_YORK) == end


def test_subtracting_a_month_ends_at_its_last_day():
    assert wall(subtract(local("2026-03-31 08:00", NEW_YORK), Duration(1, "months"), NEW_YORK), NEW_YORK).startswith(
        "2026-02-28"
    )


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-12-24", 1, "2026-12-28"),  # a Thursday before a holiday and a weekend
        ("2026-12-24", 5, "2027-01-04"),
        ("2026-12-28", -1, "2026-12-24"),
        ("2026-12-26", 1, "2026-12-28"),  # from a day off, the next business day is the first
        ("2026-12-26", -1, "2026-12-24"),
        ("2026-12-26", 0, "2026-12-26"),
        ("2026-11-23", 10, "2026-12-07"),
    ],
)
def test_business_days_pass_over_weekends_and_holidays_both_ways(start, days, end):
    moved = add_business_days(local(f"{start} 10:15", BERLIN), days, BERLIN)
    assert wall(moved, BERLIN) == f"{end} 10:15+0100"


def test_a_weekend_may_lie_elsewhere():
    dubai = Place(zone="Asia/Dubai", weekend=(4, 5))
    assert wall(add_business_days(local("2026-11-19 09:00", dubai), 1, dubai), dubai).startswith("2026-11-22")


_PLACES = st.sampled_from(
    [NEW_YORK, BERLIN, Place(zone="Australia/Lord_Howe"), Place(zone="Africa/Cairo", weekend=(4, 5)), Place()]
)
_MOMENTS = st.integers(0, 630_000_000).map(
    lambda seconds: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(_MOMENTS, _PLACES, st.integers(1, 300))
def test_business_days_there_and_back_from_a_business_day(at, place, days):
    there = add_business_days(at, days, place)
    assert there > at
    assert is_business_day(local_date(there, place.zone), place)
    if is_business_day(local_date(at, place.zone), place):
        assert local_date(add_business_days(there, -days, place), place.zone) == local_date(at, place.zone)


@given(
    _MOMENTS, _PLACES, st.builds(Duration, st.integers(1, 90), st.sampled_from(["hours", "days", "weeks", "months"]))
)
def test_later_is_later_and_in_utc(at, place, duration):
    later = add(at, duration, place)
    assert later > at
    assert later.utcoffset() == timedelta(0)


@given(_MOMENTS, _PLACES)
def test_midnight_begins_the_local_day(at, place):
    day = local_date(at, place.zone)
    midnight = local_midnight(day, place.zone)
    assert local_date(midnight, place.zone) == day
    assert midnight <= at
    assert local_date(midnight - timedelta(seconds=1), place.zone) < day


@pytest.mark.parametrize(
    ("day", "wall_time", "end"),
    [
        ("monday", "09:00", "2026-12-28 09:00+0100"),
        ("friday", "12:00", "2026-12-25 12:00+0100"),
        ("thursday", "10:00", "2026-12-31 10:00+0100"),  # strictly after
        ("thursday", "10:01", "2026-12-24 10:01+0100"),
        ("business_day", "09:00", "2026-12-28 09:00+0100"),
    ],
)
def test_the_next_weekday_at_a_time_is_strictly_ahead(day, wall_time, end):
    found = next_weekday_time(local("2026-12-24 10:00", BERLIN), day, wall_time, BERLIN)
    assert wall(found, BERLIN) == end


def test_months_beyond_the_calendar_are_none():
    assert add_months(date(9999, 12, 1), 1) is None
    assert add_months(date(1, 1, 1), -1) is None


@pytest.mark.parametrize(
    "bad", [{"zone": "Mars/Base"}, {"zone": "../etc"}, {"weekend": tuple(range(7))}, {"weekend": (9,)}]
)
def test_a_place_that_cannot_be_is_refused(bad):
    with pytest.raises(ValidationError):
        Place(**bad)


def test_a_place_is_json_both_ways():
    assert Place.model_validate_json(BERLIN.model_dump_json()) == BERLIN
    assert '"2026-12-25"' in BERLIN.model_dump_json()


def test_holidays_come_from_the_calendar_of_the_country():
    bavaria = holidays_of("DE", "BY", [2026, 2027])
    assert date(2026, 1, 6) in bavaria
    assert date(2026, 1, 6) not in holidays_of("DE", None, [2026])
    assert list(bavaria) == sorted(bavaria)


@pytest.mark.parametrize(("country", "subdivision"), [("XX", None), ("DE", "ZZ")])
def test_a_country_without_calendar_is_refused_in_words(country, subdivision):
    with pytest.raises(ValueError, match="no holiday calendar"):
        holidays_of(country, subdivision, [2026])
