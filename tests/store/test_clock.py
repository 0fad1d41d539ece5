from datetime import UTC, datetime, timedelta

import pytest

from store import clock

MAY = datetime(2024, 5, 31, tzinfo=UTC)


@pytest.fixture
def conn(scratch):
    return scratch


def test_a_new_database_runs_on_the_real_clock(conn):
    assert not clock.is_virtual(conn)
    assert abs(clock.now(conn) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_virtual_clock_stands_still_until_driven_on(conn):
    clock.set_virtual(conn, MAY)
    assert clock.is_virtual(conn)
    assert clock.now(conn) == MAY
    clock.set_virtual(conn, MAY + timedelta(days=1))
    assert clock.now(conn) == MAY + timedelta(days=1)


def test_setting_it_to_where_it_stands_is_fine(conn):
    clock.set_virtual(conn, MAY)
    clock.set_virtual(conn, MAY)
    assert clock.now(conn) == MAY


def test_it_never_goes_back(conn):
    clock.set_virtual(conn, MAY)
    with pytest.raises(ValueError, match="never goes back"):
        clock.set_virtual(conn, MAY - timedelta(seconds=1))
    assert clock.now(conn) == MAY


def test_an_instant_without_a_zone_is_refused(conn):
    with pytest.raises(ValueError, match="time zone"):
        clock.set_virtual(conn, datetime(2024, 5, 31))  # noqa: DTZ001 - the point of the test
