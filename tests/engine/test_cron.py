"""Cron expressions come when their clock says, and what never comes is refused."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cron import parse_cron

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "comes"),
    [
        ("0 9 * * mon", BERLIN, "2026-03-16 07:59", "2026-03-16 08:00"),
        ("0 9 * * mon", BERLIN, "2026-03-16 08:00", "2026-03-23 08:00"),
        ("0 9 * * MON", "Pacific/Auckland", "2026-03-16 00:00", "2026-03-22 20:00"),
        ("30 6-18/4 * * mon-fri", "UTC", "2026-03-20 14:30", "2026-03-20 18:30"),
        ("30 6-18/4 * * mon-fri", "UTC", "2026-03-20 18:30", "2026-03-23 06:30"),
        ("0 9 1 1,4,7,10 *", "UTC", "2026-03-16 00:00", "2026-04-01 09:00"),
        ("0 9 1 jan,apr,jul,oct *", "UTC", "2026-04-01 09:00", "2026-07-01 09:00"),
        ("0 0 31 * *", "UTC", "2026-03-31 00:00", "2026-05-31 00:00"),
        ("0 0 29 2 *", "UTC", "2026-03-01 00:00", "2028-02-29 00:00"),
        ("0 0 29 2 *", "UTC", "2096-03-01 00:00", "2104-02-29 00:00"),
        ("0 0 * * fri-sun", "UTC", "2026-03-16 00:00", "2026-03-20 00:00"),
        ("0 0 * * 7", "UTC", "2026-03-16 00:00", "2026-03-22 00:00"),
        ("0 0 * * 0", "UTC", "2026-03-16 00:00", "2026-03-22 00:00"),
        # 29 March 2026: clocks in Berlin go from 02:00 to 03:00; a time in the gap moves forward by it.
        ("30 2 * * *", BERLIN, "2026-03-28 12:00", "2026-03-29 01:30"),
        ("0 3 * * *", BERLIN, "2026-03-28 12:00", "2026-03-29 01:00"),
        # 25 October 2026: from 03:00 back to 02:00; what comes twice comes once, the first time.
        ("30 2 * * *", BERLIN, "2026-10-24 12:00", "2026-10-25 00:30"),
        ("30 2 * * *", BERLIN, "2026-10-25 00:30", "2026-10-26 01:30"),
        # Both hours of the gap's edge are one instant.
        ("0 2,3 * * *", BERLIN, "2026-03-28 12:00", "2026-03-29 01:00"),
        ("0 2,3 * * *", BERLIN, "2026-03-29 01:00", "2026-03-30 00:00"),
    ],
)
def test_it_comes_by_the_clock_of_the_zone(cron: str, zone: str, after: str, comes: str):
    assert parse_cron(cron).after(utc(after), zone) == utc(comes)


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("0 9 * *", "five fields"),
        ("", "five fields"),
        ("* * * * *", "at most once an hour"),
        ("0,30 9 * * *", "at most once an hour"),
        ("0 24 * * *", 'hour: "24" is not from 0 to 23'),
        ("0 9 0 * *", 'day of the month: "0" is not from 1 to 31'),
        ("0 9 * 13 *", 'month: "13" is not from 1 to 12'),
        ("0 9 * * 8", 'weekday: "8" is not from 0 to 7'),
        ("0 9 * * mondy", 'did you mean "mon"?'),
        ("0 9 * * ٣", "is not from 0 to 7"),
        ("0 18-9 * * *", "runs backwards"),
        ("0 */0 * * *", "is not a step"),
        ("0 */x * * *", "is not a step"),
        ("0 9 30 2 *", "never comes"),
        ("0 9 31 4,6,9,11 *", "never comes"),
        ("0 9 1 * mon", "write two schedules"),
        ("@daily", "five fields"),
    ],
)
def test_what_it_cannot_mean_is_refused_with_what_to_write(cron: str, says: str):
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_cron(cron)


@given(st.text(alphabet="0123456789*,-/ monfebL?", max_size=30))
def test_any_text_is_read_or_refused(text: str):
    try:
        found = parse_cron(text)
    except ValueError:
        return
    assert found.after(utc("2026-01-01"), BERLIN) is not None


@given(
    at=st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2027-01-01")),
    hours=st.integers(1, 24 * 40),
    cron=st.sampled_from(["0 9 * * mon", "30 2 * * *", "15 */5 * * *", "0 0 31 * *"]),
    zone=st.sampled_from([BERLIN, "Pacific/Auckland", "America/New_York", "Asia/Kathmandu"]),
)
def test_the_latest_in_a_stretch_is_the_last_that_came_in_it(at: datetime, hours: int, cron: str, zone: str):
    after = at.replace(tzinfo=UTC)
    upto, parsed = after + timedelta(hours=hours), parse_cron(cron)
    last, comes = None, parsed.after(after, zone)
    while comes is not None and comes <= upto:
        last, comes = comes, parsed.after(comes, zone)
    assert parsed.latest(after, upto, zone) == last
