"""Everything dies while a hundred thousand accounts come in and are swept: the same enrolments as without, once."""

import asyncio
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.importing import import_folder
from engine.workspace import Workspace, load_workspace
from store import clock, schema
from store.deciding.sweep import sweep
from store.deploying.deploy import Publication, deploy
from tests.faults.house import House, Looking, eventually, persist, standing_house
from tests.store.world import FALLS, publication

ACCOUNTS, FALLING = 100_000, 300
WORKSPACE = """
name: Volume
metrics: { nps: number }
imports:
  accounts: { file: accounts.csv, as: account, id: key, fields: { account.name: name } }
  before:   { file: before.csv, as: metrics, account: key, at: day, fields: { nps: nps } }
  after:    { file: after.csv, as: metrics, account: key, at: day, fields: { nps: nps } }
"""


def write(folder: Path) -> set[str]:
    """All are well on the first day, and some are not on the second; who."""
    falling = set(random.Random(7).sample(range(ACCOUNTS), FALLING))
    names = [f"a{n}" for n in range(ACCOUNTS)]
    (folder / "accounts.csv").write_text("key,name\n" + "".join(f"{name},{name}\n" for name in names))
    (folder / "before.csv").write_text("key,day,nps\n" + "".join(f"{name},2026-03-01,80\n" for name in names))
    after = (f"{name},2026-03-02,{10 if n in falling else 75}\n" for n, name in enumerate(names))
    (folder / "later.csv").write_text("key,day,nps\n" + "".join(after))
    return {names[n] for n in falling}


def persistently(house: House, workspace: Workspace, folder: Path) -> None:
    """Import as a person would: again, when a server was away."""
    report = persist(lambda: import_folder(house.database, workspace, folder), patience=300)
    assert all(problem.code == "PB520" for problem in report.problems), report.problems[:3]


def amid(work: Callable[[], None], house: House, kills: list[str], pause: float) -> None:
    """Kill one thing after the other while the work is under way."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test's thread
            failed.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    for what in kills:
        thread.join(pause)
        house.kill(what)
    thread.join(600)
    assert not thread.is_alive()
    assert failed == []


def swept(house: House) -> None:
    persist(lambda: sweep(house.database, wait=True), patience=300)


def started(house: House) -> list[str]:
    run, account = schema.run, schema.account
    query = sa.select(account.c.key).join(run, run.c.account_id == account.c.id).order_by(account.c.key)
    return [row.key for row in house.query(query)]


def undelivered(house: House) -> int:
    query = sa.select(sa.func.count()).select_from(schema.outbox).where(schema.outbox.c.delivered_at.is_(None))
    return int(house.query(query)[0][0])


async def in_temporal(house: House) -> int:
    client = await house.services.temporal()
    return (await client.count_workflows("WorkflowType = 'risk'")).count


@pytest.mark.faults
def test_a_hundred_thousand_accounts_come_in_and_are_swept_while_everything_is_killed(tmp_path: Path) -> None:
    workspace = load_workspace({"tenure.yaml": WORKSPACE.encode()})
    risk: Publication = publication("risk", FALLS, workspace)
    with standing_house(seed=5) as house:
        with house.database.begin() as conn:
            deploy(conn, workspace, [risk], clock.now(conn))
        falling = write(tmp_path)
        with Looking(house):
            amid(lambda: persistently(house, workspace, tmp_path), house, ["postgres", "worker", "postgres"], 5)
            swept(house)
            (tmp_path / "later.csv").rename(tmp_path / "after.csv")
            kills = ["postgres", "temporal", "worker", "postgres", "worker", "temporal"]
            amid(lambda: persistently(house, workspace, tmp_path), house, kills, 3)
            amid(lambda: swept(house), house, ["postgres"], 0.5)
            eventually("all who fell have started", lambda: len(started(house)) >= FALLING, 300)
            house.kill("temporal")
            house.kill("worker")
            eventually("all starts are delivered", lambda: undelivered(house) == 0, 300)
            assert started(house) == sorted(falling)
            assert eventually("Temporal shows them", lambda: asyncio.run(in_temporal(house)) == FALLING, 60)
            query = sa.select(sa.func.count()).select_from(schema.account_value)
            assert house.query(query)[0][0] == 3 * ACCOUNTS
