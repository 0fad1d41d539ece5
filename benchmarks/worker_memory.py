"""What ten thousand runs that sleep in a `wait` step weigh in the worker, beside the same worker with none."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psutil
import sqlalchemy as sa

from benchmarks.measure import Figure
from benchmarks.served import Served, served, worker
from engine.compile import compile_playbook
from engine.facts import AccountFact, MetricFact
from engine.workspace import load_workspace
from store.deciding.sweep import sweep
from store.deploying.deploy import Publication, deploy
from store.intake import take_in
from store.schema import run

_RUNS = 10_000
_FIRST = 1000
"""As many as the worker keeps in memory: the others are woken from their history."""
_PATIENCE = 180.0
"""Seconds in which no further run comes to its wait."""
_LOOK = 0.25
_MB = 1e6
_WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: Bench
zone: Europe/Berlin
metrics: { use: number }
breaker: { off: true }
"""
    }
)
_PLAYBOOK = """
playbook: falls
title: Use falls
triggers: [{ metric: use, falls_below: 50 }]
steps: [{ wait: 300 days }]
"""


def figures() -> Iterator[Figure]:
    bare, first, all_, seconds = asyncio.run(_measure())
    yield Figure(
        name="worker_memory",
        value=all_ / _MB,
        unit="MB",
        ceiling=bare / _MB,
        note=f"{_RUNS:,} sleeping runs: {(all_ - bare) / _RUNS / 1000:.1f} kB each; "
        f"with {_FIRST:,}: {first / _MB:.0f} MB",
    )
    yield Figure(
        name="worker_memory_starts",
        value=_RUNS / seconds,
        unit="runs/s",
        note="from the facts' commit until the last one sleeps: swept, started, and its wait noted",
    )


async def _measure() -> tuple[int, int, int, float]:
    """Bytes with no run, with some, with all; and the seconds it took to start all."""
    async with served(_furnish) as here, worker(here) as process:
        bare = await _settled(process)
        began = time.perf_counter()
        await asyncio.to_thread(_tell, here.database, range(_FIRST))
        await _asleep(here, _FIRST)
        first = await _settled(process)
        await asyncio.to_thread(_tell, here.database, range(_FIRST, _RUNS))
        await _asleep(here, _RUNS)
        seconds = time.perf_counter() - began
        return bare, first, await _settled(process), seconds


async def _settled(process: psutil.Process) -> int:
    """What it has in memory after a moment of rest."""
    await asyncio.sleep(2)
    return int(process.memory_info().rss)


async def _asleep(here: Served, runs: int) -> None:
    last, since = 0, time.monotonic()
    while (resting := await asyncio.to_thread(_resting, here.database)) < runs:
        if resting > last:
            last, since = resting, time.monotonic()
        if time.monotonic() > since + _PATIENCE:
            raise TimeoutError("the runs do not come to rest")
        await asyncio.sleep(_LOOK)


def _resting(database: sa.Engine) -> int:
    asleep = sa.select(sa.func.count()).select_from(run).where(run.c.standing == "resting")
    with database.connect() as conn:
        return int(conn.execute(asleep).scalar_one())


def _furnish(database: sa.Engine) -> None:
    now = datetime.now(UTC)
    with database.begin() as conn:
        take_in(conn, [AccountFact(key=_account(n), fields={}) for n in range(_RUNS)], known_at=now)
        found = compile_playbook(_PLAYBOOK.encode(), "falls/playbook.yaml", "falls", {}, _WORKSPACE)
        assert found.compiled is not None, found.problems
        deploy(conn, _WORKSPACE, [Publication(compiled=found.compiled, source=_PLAYBOOK, texts={})], now)
    _tell(database, range(_RUNS), 80)
    sweep(database, wait=True)


def _tell(database: sa.Engine, accounts: range, use: float = 20) -> None:
    now = datetime.now(UTC)
    with database.begin() as conn:
        told = [MetricFact(account=_account(n), metric="use", value=use, at=now) for n in accounts]
        report = take_in(conn, told, known_at=now)
        assert not report.problems, report.problems


def _account(n: int) -> str:
    return f"bench-{n}"
