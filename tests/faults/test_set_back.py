"""PostgreSQL comes back as it was some time ago, while Temporal, and what was received by mail, are ahead of it."""

import asyncio
import json
import subprocess
import sys

import pytest
import sqlalchemy as sa

from store.deciding.sweep import sweep
from store.leaps import SetBack
from store.schema import mail, run, task
from tests.faults.crowd import Crowd
from tests.faults.house import TALK, House, Looking, eventually, standing_house
from tests.faults.test_lost import running_in_temporal
from tests.faults.verdict import endings, wait_for_all
from workflows.heartbeat import SWEEP, last_word

pytestmark = pytest.mark.faults


def ring(house: House) -> None:
    """A heartbeat, until Temporal remembers what it said."""

    async def word(*, trigger: bool = False) -> str | None:
        client = await house.services.temporal()
        if trigger:
            await client.get_schedule_handle(SWEEP).trigger()
        return await last_word(client)

    before = asyncio.run(word(trigger=True))
    eventually("Temporal remembers a heartbeat", lambda: asyncio.run(word()) not in (None, before))


def open_tasks(house: House) -> int:
    return len(house.query(sa.select(task.c.id).where(task.c.state == "open")))


def mails_sent(house: House) -> int:
    return len(house.query(sa.select(mail.c.id).where(mail.c.state.in_(("sent", "unknown")))))


def restored(house: House) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "app", "restored", "--json"]
    return subprocess.run(command, env=house.worker.environment, capture_output=True, text=True, check=False)


def test_nothing_happens_by_an_older_copy_of_postgresql_until_a_person_says_that_it_counts() -> None:
    with standing_house(seed=8) as house:
        house.publish({"talk": TALK})
        keys = house.accounts(3)
        for key in keys[:2]:
            house.enrol("talk", key)
        with Looking(house):
            eventually("two wait for people", lambda: open_tasks(house) == 2)
            eventually("their mails have left", lambda: mails_sent(house) == 2)
            ring(house)
            copy = house.copy_postgres()
            house.enrol("talk", keys[2])
            eventually("the third waits as well", lambda: open_tasks(house) == 3 and mails_sent(house) == 3)
            ring(house)
        received = dict(house.post.received)
        house.set_postgres_back(copy)
        with Looking(house):
            eventually("that is noticed", lambda: "database.set_back" in house.worker.log.read_text(encoding="utf-8"))
            house.enrol("talk", keys[2])  # under the number of the run that is lost
            with pytest.raises(SetBack, match="tenure restored"):
                sweep(house.database, wait=True)
            refused = restored(house)
            assert (refused.returncode, refused.stdout) == (2, ""), refused
            assert "a worker is running" in refused.stderr
        assert dict(house.post.received) == received
        done = restored(house)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["runs"], found["mails"], found["due"]) == (3, 0, [])
        assert running_in_temporal(house) == []
        with Looking(house), Crowd(house, keys):
            wait_for_all(house)
            assert len(house.query(sa.select(run.c.id))) == 3
        assert {ending[0] for ending in endings(house).values()} <= {"end", "goal", "exit"}
        assert all(house.post.received[one] == 1 for one in received if one not in _sent_by_lost(house, received))


def _sent_by_lost(house: House, received: dict[str, int]) -> set[str]:
    known = {row.message_id for row in house.query(sa.select(mail.c.message_id))}
    return set(received) - known
