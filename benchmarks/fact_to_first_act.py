"""How long after a fact the first act of the run it starts is there, in an idle system, beside bare Temporal.

The fact crosses a threshold; from its commit on, the sweep, the outbox, Temporal and the worker do what they do in
production: the worker is a process of its own. Beside it, in turns and on the same server: from a client's start of a
workflow until its activity begins.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Self

import psycopg
import sqlalchemy as sa
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.journeys import account, facts
from benchmarks.measure import Figure, median, percentile
from benchmarks.served import Served, served, worker
from engine.compile import compile_playbook
from engine.facts import MetricFact
from engine.workspace import load_workspace
from store.deciding.sweep import sweep
from store.deploying.deploy import Publication, deploy
from store.intake import take_in
from store.schema import run

_ROUNDS, _WARM = 100, 10
_ACCOUNTS = 10_000
"""In the portfolio: who stays as they were costs nothing, which is part of the figure."""
_IDLE = 0.15
"""Seconds between one and the next: what follows an act is over by then."""
_PATIENCE = 30.0
_MOST = 3.0
_WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: Bench
zone: Europe/Berlin
roles: { staff: { csm: account.csm } }
metrics: { use: number }
"""
    }
)
_PLAYBOOK = """
playbook: falls
title: Use falls
triggers: [{ metric: use, falls_below: 50 }]
steps:
  - { id: call, task: { title: "Call {{ account.name }}", assign: csm } }
"""
_QUEUE = "bare"


def figures() -> Iterator[Figure]:
    ours, bare, legs = asyncio.run(_measure())
    for share in (0.5, 0.99):
        value, ceiling = percentile(ours, share), percentile(bare, share)
        tail = share > 0.9
        yield Figure(
            name=f"fact_to_first_act_p{100 * share:.0f}",
            value=1000 * value,
            unit="ms",
            ceiling=1000 * ceiling,
            target=f"ratio <= {_MOST:g}" if tail else "",
            holds=value <= _MOST * ceiling if tail else None,
            note="" if tail else ", ".join(f"{leg} {1000 * spent:.0f} ms" for leg, spent in legs.items()),
        )


async def _measure() -> tuple[list[float], list[float], Mapping[str, float]]:
    """Seconds from fact to act, from start to activity, and the median of each leg of the former's way."""
    ours: list[float] = []
    bare: list[float] = []
    legs: dict[str, list[float]] = {}
    async with served(_furnish) as here, worker(here), _bare_worker(here.client):
        with _Bell(here.database) as bell:
            for n in range(_WARM + _ROUNDS):
                spent = await _act(here, bell, n)
                start = await _start(here.client, n)
                if n >= _WARM:
                    ours.append(sum(spent.values()))
                    bare.append(start)
                    for leg, one in spent.items():
                        legs.setdefault(leg, []).append(one)
    return ours, bare, {leg: median(each) for leg, each in legs.items()}


async def _act(here: Served, bell: "_Bell", n: int) -> Mapping[str, float]:
    """Seconds by leg, until the task is committed."""
    await asyncio.sleep(_IDLE)
    told = await asyncio.to_thread(_tell, here.database, n)
    swept = await asyncio.to_thread(bell.heard, "tenure_outbox", told)
    there = await asyncio.to_thread(bell.heard, "bench_task", told)
    begun = await _begun(here, n)
    return {"swept": swept - told, "in Temporal": begun - swept, "the act": there - begun}


def _tell(database: sa.Engine, n: int) -> float:
    """When the fact was committed."""
    with database.begin() as conn:
        now = datetime.now(UTC)
        report = take_in(conn, [MetricFact(account=account(n), metric="use", value=20, at=now)], known_at=now)
        assert not report.problems, report.problems
    return time.time()


async def _begun(here: Served, n: int) -> float:
    """When Temporal had the run."""
    with here.database.connect() as conn:
        workflow_id = conn.execute(sa.select(run.c.workflow_id).order_by(run.c.id.desc()).limit(1)).scalar_one()
    assert account(n) in workflow_id
    description = await here.client.get_workflow_handle(workflow_id).describe()
    return description.start_time.timestamp()


class _Bell:
    """Hears PostgreSQL say that a start is in the outbox, and that a task is there: both are said at the commit."""

    def __init__(self, database: sa.Engine) -> None:
        url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._conn = psycopg.connect(url, autocommit=True)
        self._heard: list[tuple[str, float]] = []

    def __enter__(self) -> Self:
        for statement in (*_TASK_RINGS, "listen tenure_outbox", "listen bench_task"):
            self._conn.execute(statement)
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def heard(self, channel: str, since: float) -> float:
        """When this was first said after `since`."""
        deadline = time.time() + _PATIENCE
        while True:
            if found := [at for name, at in self._heard if name == channel and at >= since]:
                return found[0]
            if time.time() > deadline:
                raise TimeoutError(f"nothing is heard of {channel}")
            for note in self._conn.notifies(timeout=1, stop_after=1):
                self._heard.append((note.channel, time.time()))


_TASK_RINGS = (
    """
    create function bench_task() returns trigger language plpgsql as
    $$ begin perform pg_notify('bench_task', ''); return null; end $$
    """,
    "create trigger bench_task after insert on task for each row execute function bench_task()",
)


def _furnish(database: sa.Engine) -> None:
    now = datetime.now(UTC)
    with database.begin() as conn:
        known = [MetricFact(account=account(n), metric="use", value=80, at=now) for n in range(_ACCOUNTS)]
        report = take_in(conn, [*facts(_ACCOUNTS), *known], known_at=now)
        assert not report.problems, report.problems
        found = compile_playbook(_PLAYBOOK.encode(), "falls/playbook.yaml", "falls", {}, _WORKSPACE)
        assert found.compiled is not None, found.problems
        deploy(conn, _WORKSPACE, [Publication(compiled=found.compiled, source=_PLAYBOOK, texts={})], now)
    sweep(database, wait=True)


# --- bare ------------------------------------------------------------------------------------------------------------


@workflow.defn(name="bench-bare", sandboxed=False)
class Bare:
    """One activity, and no more."""

    @workflow.run
    async def run(self) -> float:
        when: float = await workflow.execute_activity("bench-touch", start_to_close_timeout=timedelta(seconds=15))
        return when


@activity.defn(name="bench-touch")
async def touch() -> float:
    """When it began."""
    return time.time()


def _bare_worker(client: Client) -> Worker:
    return Worker(client, task_queue=_QUEUE, workflows=[Bare], activities=[touch])


async def _start(client: Client, n: int) -> float:
    await asyncio.sleep(_IDLE)
    began = time.time()
    when: float = await client.execute_workflow(Bare.run, id=f"bare/{n}", task_queue=_QUEUE)
    return when - began
