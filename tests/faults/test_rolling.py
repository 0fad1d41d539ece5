"""Workers are replaced one by one while they work, as a rolling deploy does: no run, task or mail suffers from it."""

import contextlib
import random
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.faults.crowd import Crowd
from tests.faults.house import PAIR, TALK, House, Looking, eventually, standing_house
from tests.faults.verdict import judge, wait_for_all
from tests.waiting import PATIENCE


@pytest.mark.faults
def test_many_runs_survive_that_their_workers_are_replaced_again_and_again() -> None:
    chance = random.Random(8)
    with standing_house(seed=8) as house:
        house.publish({"talk": TALK, "pair": PAIR})
        keys = house.accounts(60)
        with Looking(house), replaced(house) as workers, Crowd(house, keys) as crowd:
            for key in keys:
                house.enrol("talk", key)
            for key in keys[:20]:
                house.enrol("pair", key)
            eventually("a task was given", lambda: crowd.answered)
            for n in range(8):
                time.sleep(chance.uniform(0.3, 1.5))
                # The next is there before the last has gone.
                last, workers[n % 2] = workers[n % 2], another(house)
                last.terminate()
                assert last.wait(PATIENCE) == 0
            wait_for_all(house)
        assert judge(house, keys, 20, crowd, "8 workers were replaced") == []


def another(house: House) -> subprocess.Popen[bytes]:
    """A worker beside that of the house; their lines share a log."""
    with house.worker.log.open("ab") as log:
        return subprocess.Popen(house.worker.command, env=house.worker.environment, stdout=log, stderr=log)


@contextlib.contextmanager
def replaced(house: House) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two more workers, whoever they are in the end."""
    workers = [another(house), another(house)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.terminate()
        assert [worker.wait(PATIENCE) for worker in workers] == [0, 0]
