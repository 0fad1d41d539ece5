"""The clocks' changes as rows: whatever instant SQL asks about, it finds what Python's clock shows."""

from bisect import bisect
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from store.expressions.zones import ensure_zones
from store.schema import zone_offset

# Usual ones; one that changes at a local midnight that is left out; one that skipped a day; odd seconds; war time;
# two changes within five days (Freetown in 1939); a pause for Ramadan every year.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Tehran", "Pacific/Apia", "Europe/Amsterdam",
    "Europe/London", "Africa/Freetown", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Kathmandu", "Asia/Kolkata",
)  # fmt: skip


def clock_shows(zone: str, at: datetime) -> int:
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_is_found_to_the_second(scratch: sa.Connection, zone: str):
    ensure_zones(scratch, [zone])
    rows = scratch.execute(
        sa.select(zone_offset.c.since, zone_offset.c.seconds)
        .where(zone_offset.c.zone == zone)
        .order_by(zone_offset.c.since)
    ).all()
    assert rows[0].since == datetime(1900, 1, 1, tzinfo=UTC)
    for before, row in pairwise(rows):
        assert clock_shows(zone, row.since) == row.seconds
        assert clock_shows(zone, row.since - timedelta(seconds=1)) == before.seconds
    times = [row.since for row in rows]
    for days in range(0, 301 * 365, 3):
        at = datetime(1900, 1, 1, 11, 30, tzinfo=UTC) + timedelta(days=days)
        assert rows[bisect(times, at) - 1].seconds == clock_shows(zone, at)


def test_names_that_are_no_zones_are_left_out(scratch: sa.Connection):
    ensure_zones(scratch, ["Mars/Olympus", "Europe/Vienna"])
    assert set(scratch.execute(sa.select(zone_offset.c.zone).distinct()).scalars()) == {"Europe/Vienna"}
