"""Temporal comes back without its data, or with that of a moment ago; a worker is asked to stop in the middle."""

import asyncio
import signal
import time

import pytest
import sqlalchemy as sa

from app.running import AWAY
from store.schema import task
from tests.faults.crowd import Crowd
from tests.faults.house import PAIR, TALK, House, Looking, eventually, standing_house
from tests.faults.verdict import judge, wait_for_all

pytestmark = pytest.mark.faults

COUNT, PAIRS = 12, 6


def populate(house: House) -> list[str]:
    house.publish({"talk": TALK, "pair": PAIR})
    keys = house.accounts(COUNT)
    for key in keys:
        house.enrol("talk", key)
    for key in keys[:PAIRS]:
        house.enrol("pair", key)
    return keys


def all_wait_for_people(house: House) -> bool:
    return len(house.query(sa.select(task.c.id))) == COUNT + 2 * PAIRS


def running_in_temporal(house: House) -> list[str]:
    async def running() -> list[str]:
        client = await house.services.temporal()
        query = "ExecutionStatus = 'Running' and TenureAccount is not null"
        return [one.id async for one in client.list_workflows(query)]

    return asyncio.run(running())


def asked_to_stop(house: House) -> tuple[int, float]:
    """The worker: its exit code, which tells whether it has stopped by itself, and the seconds that it took."""
    popen = house.worker.popen
    assert popen
    asked = time.monotonic()
    popen.send_signal(signal.SIGTERM)
    return popen.wait(60), time.monotonic() - asked


def test_runs_that_temporal_has_lost_go_on_from_where_they_rested() -> None:
    began = time.monotonic()
    with standing_house(seed=4) as house:
        keys = populate(house)
        with Looking(house):
            eventually("everybody waits for people", lambda: all_wait_for_people(house))
            house.set_temporal_back(None)
            # The worker lives on, and is to notice by itself.
            with Crowd(house, keys) as crowd:
                wait_for_all(house)
        assert judge(house, keys, PAIRS, crowd, f"Temporal lost everything; {time.monotonic() - began:.0f} s") == []


def test_runs_that_temporal_has_set_back_hear_again_what_they_had_heard() -> None:
    began = time.monotonic()
    with standing_house(seed=5) as house:
        keys = populate(house)
        with Looking(house), Crowd(house, keys) as crowd:
            eventually("some answers were heard", lambda: len(crowd.answered) > 3)
            snapshot = house.snapshot_temporal()
            eventually("more answers were heard", lambda: len(crowd.answered) > COUNT)
            # As a power cut would, which takes the worker as well.
            house.set_temporal_back(snapshot)
            house.kill("worker")
            wait_for_all(house)
            eventually("Temporal knows it too", lambda: not running_in_temporal(house))
        assert (
            judge(house, keys, PAIRS, crowd, f"Temporal lost its last moments; {time.monotonic() - began:.0f} s") == []
        )


def test_a_busy_worker_that_is_asked_to_stop_does_so_in_time_and_loses_nothing() -> None:
    with standing_house(seed=6) as house:
        keys = populate(house)
        with Looking(house), Crowd(house, keys) as crowd:
            eventually("answers are heard", lambda: len(crowd.answered) > 3)
            code, took = asked_to_stop(house)
            wait_for_all(house)
        assert code == 0
        assert judge(house, keys, PAIRS, crowd, f"the worker stopped {took:.1f} s after SIGTERM") == []


def test_a_worker_whose_acts_cannot_settle_stops_in_time_all_the_same() -> None:
    """Its database refuses every act, so that Temporal has them tried again for ever."""
    with standing_house(seed=7) as house:
        keys = populate(house)
        with Looking(house), Crowd(house, keys) as crowd:
            eventually("answers are heard", lambda: len(crowd.answered) > 3)
            with house.database.begin() as conn:
                conn.execute(sa.text("alter table trace rename to trace_elsewhere"))
            eventually("acts are refused", lambda: "trace" in house.worker.log.read_text(encoding="utf-8"))
            code, took = asked_to_stop(house)
            with house.database.begin() as conn:
                conn.execute(sa.text("alter table trace_elsewhere rename to trace"))
            wait_for_all(house)
        assert code == AWAY
        said = f"the worker gave up {took:.1f} s after SIGTERM"
        assert judge(house, keys, PAIRS, crowd, said) == []
