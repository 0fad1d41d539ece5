"""Invariant I9: worker, Temporal, PostgreSQL and web die at any moment; afterwards I1 to I5 still hold."""

import random
import time
from collections.abc import Sequence

import pytest

from tests.faults.crowd import Crowd
from tests.faults.house import PAIR, TALK, House, Looking, eventually, standing_house
from tests.faults.verdict import judge, wait_for_all


def torment(house: House, count: int, pairs: int, kills: Sequence[str], seed: int, pause: tuple[float, float]) -> None:
    """Have many runs under way, kill one thing after the other, and judge when all is over."""
    began, chance = time.monotonic(), random.Random(seed)
    house.publish({"talk": TALK, "pair": PAIR})
    keys = house.accounts(count)
    with Looking(house), Crowd(house, keys) as crowd:
        for key in keys:
            house.enrol("talk", key)
        for key in keys[:pairs]:
            house.enrol("pair", key)
        # The first runs are under way when the first kill comes; a third of the kills come in quick succession.
        eventually("a task was given", lambda: crowd.answered)
        for what in kills:
            time.sleep(chance.uniform(*pause) if chance.random() < 0.7 else 0.05)
            house.kill(what)
        killed_after = time.monotonic() - began
        wait_for_all(house)
    took = time.monotonic() - began
    assert judge(house, keys, pairs, crowd, f"killed until {killed_after:.0f} s, over after {took:.0f} s") == []


def test_a_worker_and_temporal_that_are_killed_lose_nothing() -> None:
    with standing_house(seed=1) as house:
        torment(house, 14, 6, ["worker", "temporal", "worker"], seed=1, pause=(0.3, 1.5))


@pytest.mark.faults
@pytest.mark.parametrize("what", ["worker", "temporal", "postgres", "web"])
def test_many_runs_survive_that_one_part_is_killed_again_and_again(what: str) -> None:
    with standing_house(seed=2, web=True) as house:
        torment(house, 60, 20, [what] * 5, seed=2, pause=(0.5, 3))


@pytest.mark.faults
def test_many_runs_survive_that_everything_is_killed() -> None:
    with standing_house(seed=3, web=True) as house:
        kills = ["worker", "temporal", "postgres", "web"] * 2
        random.Random(3).shuffle(kills)
        torment(house, 60, 20, kills, seed=3, pause=(0.5, 3))
