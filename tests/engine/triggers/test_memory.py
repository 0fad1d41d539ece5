from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars import Place
from engine.triggers.base import Moment
from engine.triggers.coming import moment_of, opens_at
from engine.triggers.memory import ARMED, TRIPPED, UNSEEN, Memory, advance

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
UTC_PLACE = Place(zone="UTC")
BERLIN = Place(zone="Europe/Berlin")

TRUTH = st.sampled_from([True, False, None])
LOOK = st.tuples(TRUTH, TRUTH)


def history(looks, dwell=None, start=UNSEEN):
    """Every (memory, happened) of a sequence of daily looks."""
    memory, seen = start, []
    for i, (trips, rearms) in enumerate(looks):
        now = START + i * DAY
        memory, happened = advance(memory, trips=trips, rearms=rearms, now=now, due=now + dwell if dwell else None)
        seen.append((memory, happened))
    return seen


T, F, U = (True, False), (False, True), (None, None)
BETWEEN = (False, False)
"""Neither below the line nor recovered: what hysteresis is for."""


@pytest.mark.parametrize(
    ("looks", "fired_on"),
    [
        pytest.param([F, T], [1], id="a crossing fires"),
        pytest.param([F, T, T, T], [1], id="equal values repeat nothing"),
        pytest.param([T, T], [], id="already true when first seen is existing"),
        pytest.param([U, U, T], [], id="unknown first, then true, is existing too"),
        pytest.param([T, F, T], [2], id="existing may fire after it re-armed"),
        pytest.param([F, T, BETWEEN, T], [1], id="it must recover before it can fall again"),
        pytest.param([F, T, BETWEEN, F, T], [1, 4], id="recovered, it fires again"),
        pytest.param([F, T, U, T], [1], id="a data gap does not re-arm"),
        pytest.param([F, U, F], [], id="a data gap does not fire"),
        pytest.param([F, T, (None, True), T], [1, 3], id="re-armed by a known recovery"),
        pytest.param([F, T, (True, True), T], [1], id="still true is not recovered, whatever re-arms"),
    ],
)
def test_an_edge_fires(looks, fired_on):
    assert [i for i, (_, happened) in enumerate(history(looks)) if happened == "fired"] == fired_on


@pytest.mark.parametrize(
    ("looks", "fired_on"),
    [
        pytest.param([F, T, T, T, T, T], [4], id="after three days"),
        pytest.param([F, T, T, F, T, T, T, T], [7], id="a dip starts it anew"),
        pytest.param([F, T, T, BETWEEN, T], [], id="so does leaving the condition without recovering"),
        pytest.param([F, T, U, U, T, T, T], [6], id="unknown stops the clock, and the days are added"),
        pytest.param([F, T, T, T, U, U], [], id="nothing fires while unknown, even when due"),
        pytest.param([F, T, T, U, T, T], [5], id="the time left when it became unknown is still to go"),
        pytest.param([T, T, T, T, T], [], id="existing does not dwell"),
        pytest.param([F, T, U, F, T, T, T, T], [7], id="false after unknown ends the dwell"),
    ],
)
def test_an_edge_dwells(looks, fired_on):
    assert [i for i, (_, happened) in enumerate(history(looks, 3 * DAY)) if happened == "fired"] == fired_on


def test_existing_is_told_once_and_only_at_the_first_sight():
    happened = [happened for _, happened in history([U, T, F, T])]
    assert happened == ["none", "existing", "none", "fired"]


def test_a_dwell_of_nothing_fires_at_once():
    assert advance(ARMED, trips=True, rearms=False, now=START, due=START) == (TRIPPED, "fired")


@given(st.lists(LOOK, max_size=30), st.sampled_from([None, DAY, 3 * DAY]))
def test_between_two_firings_lies_a_recovery(looks, dwell):
    fired = [i for i, (_, happened) in enumerate(history(looks, dwell)) if happened in ("fired", "existing")]
    for first, second in pairwise(fired):
        assert any(looks[i][1] is True for i in range(first + 1, second))


@given(st.lists(LOOK, max_size=30), st.sampled_from([None, DAY, 3 * DAY]))
def test_a_memory_is_in_exactly_one_state(looks, dwell):
    for memory, _ in history(looks, dwell):
        assert [not memory.seen, memory.tripped, memory.holding].count(True) <= 1
        assert (memory.due_at is not None) == (memory.since is not None) == memory.holding
        assert memory.suspended_at is None or memory.holding


@given(st.lists(LOOK, max_size=20), st.sampled_from([None, 3 * DAY]))
def test_looking_twice_at_one_instant_changes_nothing_the_second_time(looks, dwell):
    memory = UNSEEN
    for i, (trips, rearms) in enumerate(looks):
        now = START + i * DAY
        look = {"trips": trips, "rearms": rearms, "now": now, "due": now + dwell if dwell else None}
        memory, _ = advance(memory, **look)
        again, happened = advance(memory, **look)
        if not (memory == ARMED and trips):  # re-armed and true at once does not happen with sane conditions
            assert (again, happened) == (memory, "none")


@given(st.lists(TRUTH, max_size=30))
def test_unknown_never_shortens_a_dwell(truths):
    looks = [(truth, truth is False) for truth in truths]
    memory = Memory(seen=True, holding=True, since=START, due_at=START + 3 * DAY)
    true_days = 0
    for i, (trips, rearms) in enumerate(looks):
        memory, happened = advance(memory, trips=trips, rearms=rearms, now=START + i * DAY, due=START + (i + 3) * DAY)
        if happened == "fired":
            assert true_days >= 3
            return
        true_days = true_days + 1 if trips else 0 if trips is False else true_days


@pytest.mark.parametrize(
    ("value", "offset", "place", "moment"),
    [
        (date(2026, 6, 30), "0 days", UTC_PLACE, datetime(2026, 6, 30, tzinfo=UTC)),
        (date(2026, 6, 30), "-90 days", BERLIN, datetime(2026, 3, 31, 22, tzinfo=UTC)),
        (date(2026, 6, 30), "-120 days", BERLIN, datetime(2026, 3, 1, 23, tzinfo=UTC)),
        (date(2026, 3, 31), "-1 month", UTC_PLACE, datetime(2026, 2, 28, tzinfo=UTC)),
        (date(2026, 3, 9), "-1 business day", UTC_PLACE, datetime(2026, 3, 6, tzinfo=UTC)),
        (datetime(2026, 3, 9, 14, 5, tzinfo=UTC), "2 hours", BERLIN, datetime(2026, 3, 9, 16, 5, tzinfo=UTC)),
        (date(9999, 12, 31), "1 day", UTC_PLACE, None),
    ],
)
def test_a_date_trigger_comes_at_local_midnight_moved_by_its_offset(value, offset, place, moment):
    assert moment_of(Moment(says="", field="account.renewal_date", offset=offset), value, place) == moment


def test_a_moment_may_be_learned_late_by_its_grace_but_never_before_the_trigger_lived():
    trigger = Moment(says="", field="account.renewal_date", grace="5 days")
    now, live = START + 30 * DAY, START
    assert opens_at(trigger, now=now, since=now - DAY, live_since=live, place=UTC_PLACE) == now - 5 * DAY
    assert opens_at(trigger, now=now, since=now - 9 * DAY, live_since=live, place=UTC_PLACE) == now - 9 * DAY
    assert opens_at(trigger, now=now, since=now - DAY, live_since=now - 2 * DAY, place=UTC_PLACE) == now - 2 * DAY
