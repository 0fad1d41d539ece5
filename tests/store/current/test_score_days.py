"""Every book at the end of every day: written once, by the first sweep after midnight, as it stood before."""

from datetime import UTC, date, datetime, timedelta

import pytest

from store.current import score_days
from store.current.sight import Sight
from store.queries.score_days import book_days
from tests.store.world import World, workspace

TENURE = "name: W\nzone: America/New_York\nmetrics: { nps: number }\n"
HEALTH = """
scorecard: health
components: [{ id: nps, metric: nps, scale: { 0: 0, 10: 100 }, weight: 1 }]
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""
MONDAY = date(2026, 3, 2)


@pytest.fixture
def world(database):
    found = World(database, start=datetime(2026, 3, 2, 15, tzinfo=UTC))
    found.deploy(workspace(TENURE, health=HEALTH))
    found.account("acme", arr=100.0, csm="ada", lifecycle="live")
    found.account("birch", arr=50.0, csm="ben", lifecycle="live")
    found.account("cedar", csm="ben", lifecycle="churned")
    found.metric("acme", "nps", 8)
    found.metric("birch", "nps", 2)
    found.sweep()
    return found


def days(world, csm=None):
    with world.tx() as conn:
        return [
            (one.day, one.accounts, one.arr, one.mean, dict(one.bands))
            for one in book_days(conn, "health", date(2026, 1, 1), csm)
        ]


def test_a_day_is_kept_as_it_ended_by_the_first_sweep_after_local_midnight(world):
    world.pass_time(timedelta(hours=10))  # Tuesday in UTC, Monday evening in New York
    world.sweep()
    assert days(world) == []
    world.pass_time(timedelta(hours=6))
    world.metric("birch", "nps", 9)  # on Tuesday: not Monday's
    world.sweep()
    assert days(world) == [(MONDAY, 2, 150.0, 50.0, {"green": 1, "red": 1})]
    assert days(world, "ben") == [(MONDAY, 1, 50.0, 20.0, {"red": 1})]


def test_a_day_is_kept_once_also_when_nothing_changes(world):
    world.pass_time(timedelta(days=1))
    assert world.sweep().accounts == 0
    before = days(world)
    world.pass_time(timedelta(hours=1))
    world.sweep()
    assert days(world) == before
    assert [day for day, *_ in before] == [MONDAY]


def test_days_on_which_nobody_swept_ended_as_the_last_sweep_left_them(world):
    world.pass_time(timedelta(days=3))
    world.sweep()
    assert [(day, mean) for day, _, _, mean, _ in days(world)] == [(MONDAY + timedelta(days=n), 50.0) for n in range(3)]


def test_writing_a_day_again_changes_nothing(world):
    since = world.now
    world.pass_time(timedelta(days=1))
    world.sweep()
    before = days(world)
    world.day("acme", nps=1)
    with world.tx() as conn:
        score_days.record(conn, Sight(conn, world.workspace, since + timedelta(days=1)), since)
    assert days(world)[:1] == before


def test_a_day_goes_when_it_is_older_than_the_workspace_keeps_them(world):
    world.deploy(workspace(TENURE + "retention: { score_days: 2 days }\n", health=HEALTH))
    world.pass_time(timedelta(days=1000))
    world.sweep()
    kept = [day for day, *_ in days(world)]
    world.pass_time(timedelta(days=1))
    world.sweep()
    assert len(kept) == 2
    assert [day for day, *_ in days(world)] == [kept[1], kept[1] + timedelta(days=1)]


def test_an_account_without_a_score_is_counted_as_unknown(world):
    world.account("dogwood", lifecycle="live", csm="ada")
    world.sweep()
    world.pass_time(timedelta(days=1))
    world.sweep()
    assert days(world, "ada") == [(MONDAY, 2, 100.0, 80.0, {"green": 1, "unknown": 1})]
