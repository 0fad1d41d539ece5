"""Records histories, from the project's root: `.venv/bin/python -m tests.replay.record [more]`.

`more` adds what no recorded run does yet, and leaves the others. Without it all are recorded anew: only when a change
of the workflow is meant and no run of a released version can still be under way.
"""

import asyncio
import itertools
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from temporalio.client import Client, WorkflowHistory

from app.running import Services
from engine.facts import MetricFact
from engine.plan import Plan
from store.inbox import tasks
from store.schema import playbook_version, run, task, trace
from tests.e2e.test_equality import stored_ports, walk
from tests.faults.house import PAIR, TALK, House, MailServer
from tests.journeys import random_journey
from tests.replay.replaying import kinds_walked, paths_in, plan_of, replay
from workflows.mail_stream import MailStream
from workflows.outbox import Deliverer
from workflows.worker import playbook_worker

HISTORIES = Path(__file__).with_name("histories")
MAX_BYTES = 100_000
PAUSE = """
playbook: pause
title: A timer that fires
owner: ops@tenure.example
audience: account.name is known
triggers: [{ manual: true }]
steps:
  - wait: 1 minute
  - id: call
    task: { title: Call, assign: csm }
  - end: { reason: rested }
"""


async def record_virtual(home: Path, *, done: set[str]) -> None:
    """The smallest random journeys that together do everything that journeys do, and is not done already."""
    with Services(home) as services:
        client = await services.temporal()
        services.database.connect().close()
        world = await walk(services.database_url, client, [random_journey(seed) for seed in range(40)])
        with world.database.connect() as conn:
            doings = _doings(conn)
        world.database.dispose()
        histories = [(await _fetch(client, workflow_id), does) for workflow_id, does in doings.items()]
        histories.sort(key=lambda one: len(one[0].to_json()))
        for history, does in histories:
            if not does <= done:
                done |= does
                await _keep(history, _free(history.workflow_id.split("/")[0]))


def _doings(conn: sa.Connection) -> Mapping[str, set[str]]:
    """What was done in each ended run, and what kinds of steps it has walked, by workflow id."""
    of = playbook_version.c
    rows = conn.execute(
        sa.select(run.c.workflow_id, trace.c.what, trace.c.path, of.compiled)
        .join(trace, trace.c.run_id == run.c.id)
        .join(playbook_version, (of.playbook == run.c.playbook) & (of.version == run.c.version))
        .where(run.c.state == "ended")
        .order_by(run.c.id, trace.c.seq)
    )
    doings: dict[str, set[str]] = {}
    for workflow_id, lines in itertools.groupby(rows, key=lambda row: row.workflow_id):
        told = list(lines)
        plan = Plan.model_validate(told[0].compiled["plan"])
        doings[workflow_id] = {row.what for row in told} | kinds_walked(plan, [row.path for row in told])
    return doings


def _free(name: str) -> str:
    """A name that no history has."""
    number = next(n for n in itertools.count(1) if not (HISTORIES / f"{name}{'' if n == 1 else f'-{n}'}.json").exists())
    return name if number == 1 else f"{name}-{number}"


def _recorded() -> set[str]:
    """What the recorded runs do already."""
    found: set[str] = set()
    for file in HISTORIES.glob("*.json"):
        document = json.loads(file.read_text(encoding="utf-8"))
        entries = [entry for one in document["asked"] for entry in one["input"].get("entries", ())]
        found |= {entry["what"] for entry in entries}
        found |= kinds_walked(plan_of(document["history"]), paths_in(document["asked"]))
    return found


async def record_real(home: Path) -> None:
    """Under the real clock: timers that are cancelled, and one that fires."""
    with MailServer(1) as post:
        house = await asyncio.to_thread(House, home, post, web=False)
        house.publish({"talk": TALK, "pair": PAIR, "pause": PAUSE})
        (key,) = house.accounts(1)
        for playbook in ("talk", "pair", "pause"):
            house.enrol(playbook, key)
        client, ports = await house.services.temporal(), stored_ports()
        deliverer, mails = (
            Deliverer(house.database, client, virtual=False),
            MailStream(house.database, ports.transports()),
        )
        async with playbook_worker(client, house.database, ports):
            while house.query(sa.select(run.c.id).where(run.c.state == "open")):
                await deliverer.deliver_all()
                await asyncio.to_thread(_answer, house, mails)
                await asyncio.sleep(0.3)
        mails.close()
        for row in house.query(sa.select(run.c.workflow_id, run.c.playbook)):
            await _keep(await _fetch(client, row.workflow_id), row.playbook)
        house.close()


def _answer(house: House, mails: MailStream) -> None:
    from store import clock
    from store.deciding.sweep import sweep

    with house.database.begin() as conn:
        now = clock.now(conn)
        for row in conn.execute(sa.select(task.c.id, task.c.outcomes).where(task.c.state == "open")).all():
            tasks.complete(conn, row.id, row.outcomes[0], None, "kim", now)
    house.take_in([MetricFact(account="acme-0", metric="use", value=60.0)])
    sweep(house.database)
    mails.dispatch_due(now)


async def _fetch(client: Client, workflow_id: str) -> WorkflowHistory:
    return await client.get_workflow_handle(workflow_id).fetch_history()


async def _keep(history: WorkflowHistory, name: str) -> None:
    document = {
        "workflow_id": history.workflow_id,
        "history": json.loads(history.to_json()),
        "asked": await replay(history),
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    print(f"{name}: {len(history.events)} events, {len(document['asked'])} questions, {len(text):,} bytes")  # noqa: T201
    if len(text) <= MAX_BYTES:
        (HISTORIES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    HISTORIES.mkdir(exist_ok=True)
    more = sys.argv[1:] == ["more"]
    with tempfile.TemporaryDirectory(prefix="tenure-record-") as home:
        asyncio.run(record_virtual(Path(home), done=_recorded() if more else set()))
    if not more:
        with tempfile.TemporaryDirectory(prefix="tenure-record-") as home:
            asyncio.run(record_real(Path(home)))


if __name__ == "__main__":
    main()
