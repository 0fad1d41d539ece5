"""Which dates come between two instants: the same as by asking each of them, whatever clocks do at midnight."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars import Place
from engine.triggers.base import Moment
from engine.triggers.coming import days_that_come, moment_of

# Their clocks leave out midnight, or a whole day, or half an hour; or are as far from UTC as they get.
ZONES = ["UTC", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Tokyo"]
UNITS = ["minutes", "hours", "days", "weeks", "months", "years", "business days"]
MOST = {"minutes": 3000, "hours": 100, "days": 120, "weeks": 20, "months": 14, "years": 3, "business days": 30}


def asked_one_by_one(trigger: Moment, place: Place, after: datetime, upto: datetime) -> tuple[date, ...]:
    first = after.date() - timedelta(days=1500)
    days = [first + timedelta(days=n) for n in range((upto.date() - after.date()).days + 3000)]
    comes = [(day, moment_of(trigger, day, place)) for day in days]
    return tuple(day for day, at in comes if at is not None and after < at <= upto)


OFFSETS = st.sampled_from(UNITS).flatmap(lambda unit: st.integers(-MOST[unit], MOST[unit]).map(lambda n: f"{n} {unit}"))


@given(
    zone=st.sampled_from(ZONES),
    offset=OFFSETS,
    minutes=st.integers(0, 20 * 365 * 24 * 60),
    hours=st.integers(0, 24 * 40),
    on_the_hour=st.booleans(),
)
def test_the_days_that_come_are_those_whose_moment_comes(zone, offset, minutes, hours, on_the_hour):
    place = Place(zone=zone, weekend=(4, 5))
    trigger = Moment(says="a date", field="account.renewal_date", offset=offset)
    after = datetime(2011, 6, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    if on_the_hour:
        after = after.replace(minute=0)
    upto = after + timedelta(hours=hours)
    assert days_that_come(trigger, place, after=after, upto=upto) == asked_one_by_one(trigger, place, after, upto)


@pytest.mark.parametrize("offset", ["0 days", "1 business days", "-1 days"])
def test_days_around_a_midnight_that_is_left_out_come_once_each(offset):
    # Clocks of Cairo go from Thursday 23:59 to Friday 01:00 on 2026-04-24; Friday and Saturday are off there.
    place = Place(zone="Africa/Cairo", weekend=(4, 5))
    trigger = Moment(says="a date", field="account.renewal_date", offset=offset)
    at = datetime(2026, 4, 15, 22, tzinfo=UTC)
    found: list[date] = []
    for n in range(20):
        after = at + timedelta(days=n)
        found += days_that_come(trigger, place, after=after, upto=after + timedelta(days=1))
    assert sorted(found) == list(asked_one_by_one(trigger, place, at, at + timedelta(days=20)))
