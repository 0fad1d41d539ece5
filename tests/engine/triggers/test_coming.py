"""Schedules that count days come on their days, and events are asked when they should be."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars import Place, local_midnight
from engine.triggers.base import Occurrence, Schedule
from engine.triggers.coming import asked_at, falls_on, following, latest

BERLIN = Place(zone="Europe/Berlin")


def every(period: str) -> Schedule:
    return Schedule(says="", every=period, anchor="account.signup_date")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "anchor", "days"),
    [
        ("90 days", "2026-01-01", ["2026-04-01", "2026-06-30", "2026-09-28"]),
        ("2 weeks", "2026-03-16", ["2026-03-30", "2026-04-13", "2026-04-27"]),
        # Months count from the anchor, so a short one does not shorten those after it.
        ("1 month", "2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("3 months", "2025-11-30", ["2026-02-28", "2026-05-30", "2026-08-30"]),
        ("1 year", "2024-02-29", ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("1 day", "2026-03-28", ["2026-03-29", "2026-03-30"]),
    ],
)
def test_a_schedule_counts_from_its_anchor_which_is_not_one_of_its_times(period: str, anchor: str, days: list[str]):
    trigger, start = every(period), date.fromisoformat(anchor)
    at = local_midnight(start, BERLIN.zone) - timedelta(days=1)
    found = []
    for _ in days:
        comes = following(trigger, start, BERLIN, at)
        assert comes is not None
        found.append(comes)
        at = comes
    assert found == [local_midnight(date.fromisoformat(day), BERLIN.zone) for day in days]
    assert latest(trigger, start, BERLIN, after=found[0] - timedelta(seconds=1), upto=found[-1]) == found[-1]
    assert latest(trigger, start, BERLIN, after=found[-1], upto=found[-1] + timedelta(hours=23)) is None


def test_an_instant_counts_as_its_day_and_no_date_never_comes():
    at = utc("2026-03-16 23:30")  # the 17th in Berlin
    assert following(every("1 week"), at, BERLIN, at) == local_midnight(date(2026, 3, 24), BERLIN.zone)
    assert following(every("1 week"), None, BERLIN, at) is None
    assert latest(every("1 week"), None, BERLIN, after=at, upto=at + timedelta(days=99)) is None


@given(
    anchor=st.dates(date(2019, 12, 1), date(2026, 3, 1)),
    period=st.sampled_from(["1 day", "10 days", "3 weeks", "1 month", "5 months", "1 year", "2 years"]),
    day=st.dates(date(2025, 1, 1), date(2028, 3, 1)),
)
def test_what_sql_says_of_days_is_what_the_calendar_says(anchor: date, period: str, day: date):
    midnight = local_midnight(day, BERLIN.zone)
    came = latest(every(period), anchor, BERLIN, after=midnight - timedelta(seconds=1), upto=midnight)
    assert falls_on(every(period), anchor, day) == (came is not None)


@pytest.mark.parametrize(
    ("at", "learned", "settle", "asked"),
    [
        ("2026-03-16 10:00", "2026-03-16 10:00", None, "2026-03-16 10:00"),
        ("2026-03-16 10:00", "2026-03-16 10:00", "5 minutes", "2026-03-16 10:05"),
        ("2026-03-16 10:00", "2026-03-17 10:00", "5 minutes", "2026-03-17 10:05"),  # late: its data may be late, too
        ("2026-03-16 10:00", "2026-03-16 09:00", "5 minutes", "2026-03-16 10:05"),  # dated ahead
        ("2026-03-16 10:00", "2026-03-19 09:00", None, "2026-03-19 09:00"),
        ("2026-03-16 10:00", "2026-03-19 11:00", None, None),  # later than its grace of three days
        ("2026-03-01 00:00", "2026-03-01 00:00", None, None),  # from before the trigger lived
    ],
)
def test_an_event_is_asked_when_it_is_known_and_has_settled(at: str, learned: str, settle: str | None, asked: str):
    trigger = Occurrence(says="", event="login", settle=settle, grace="3 days")
    found = asked_at(trigger, utc(at), utc(learned), live_since=utc("2026-03-01"), place=BERLIN)
    assert found == (utc(asked) if asked else None)
