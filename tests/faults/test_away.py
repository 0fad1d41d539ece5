"""While a server is away, what was said is kept, and who asks learns which one it is and what to do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from store.schema import run
from tests.faults.crowd import Crowd
from tests.faults.house import TALK, Looking, eventually, persist, standing_house
from tests.faults.verdict import judge, wait_for_all
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize("command", ["migrate", "worker", "up"])
def test_a_command_says_that_postgresql_is_away_and_where_it_looked(command: str, tmp_path: Path) -> None:
    found = tenure(command, TENURE_DATABASE_URL=f"postgresql://me:secret@{NOWHERE}/tenure", TENURE_HOME=str(tmp_path))
    assert found.returncode == 3, found.stderr
    assert says_which(found, "PostgreSQL", "TENURE_DATABASE_URL"), found.stderr
    assert "secret" not in found.stderr


def test_the_worker_says_that_temporal_is_away_and_where_it_looked(database: str, tmp_path: Path) -> None:
    found = tenure("worker", TENURE_DATABASE_URL=database, TEMPORAL_ADDRESS=NOWHERE, TENURE_HOME=str(tmp_path))
    assert found.returncode == 3, found.stderr
    assert says_which(found, "Temporal", "TEMPORAL_ADDRESS"), found.stderr


def says_which(found: "subprocess.CompletedProcess[str]", *words: str) -> bool:
    return all(word in found.stderr for word in (*words, "127.0.0.1")) and "Traceback" not in found.stderr


def tenure(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )


@pytest.mark.faults
def test_what_is_said_while_temporal_is_away_is_kept_and_acted_on_later() -> None:
    with standing_house(seed=7, web=True) as house:
        house.publish({"talk": TALK})
        keys = house.accounts(6)
        with Looking(house):
            persist(lambda: house.http.get("/healthz").raise_for_status())
            pid = house.servers.pids()["temporal"]
            os.kill(pid, signal.SIGSTOP)
            try:
                for key in keys:
                    house.enrol("talk", key)
                ready = house.http.get("/readyz")
                news = {"kind": "metric", "account": keys[0], "metric": "use", "value": 1.0}
                assert house.post_facts(news).status_code == 200
                assert house.query(sa.select(run.c.standing).distinct()) == [("starting",)]
            finally:
                os.kill(pid, signal.SIGCONT)
            assert (ready.status_code, ready.json()["postgresql"], ready.json()["temporal"]) == (
                *(503, "ready", "no answer"),
            )
            with Crowd(house, keys) as crowd:
                wait_for_all(house)
            eventually("all is ready again", lambda: house.http.get("/readyz").status_code == 200)
        assert judge(house, keys, 0, crowd, "Temporal was away at first") == []
