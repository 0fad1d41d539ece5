"""How long after a task's completion the next act stands in the ledger, beside a signal sent straight to a workflow."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from benchmarks.house import House, house
from benchmarks.journeys import TASKS, TASKS_BY_HAND, TWO_TASKS
from benchmarks.measure import Figure, percentile
from engine.turns.runtime import Fact
from store.inbox import tasks
from store.schema import ledger, run, task
from workflows.wire import TELL

_RUNS = 50
_LOOK = 0.002
_MOST = 1.0


def figures() -> Iterator[Figure]:
    ours, by_hand = asyncio.run(_measure())
    for share in (0.5, 0.99):
        value, ceiling = percentile(ours, share), percentile(by_hand, share)
        tail = share > 0.9
        yield Figure(
            name=f"task_to_next_step_p{100 * share:.0f}",
            value=1000 * value,
            unit="ms",
            ceiling=1000 * ceiling,
            target=f"< {1000 * _MOST:.0f}" if tail else "",
            holds=value < _MOST if tail else None,
            note="" if tail else "the ceiling has no outbox: a bare signal, a bare workflow, the same act",
        )


async def _measure() -> tuple[list[float], list[float]]:
    ours: list[float] = []
    by_hand: list[float] = []
    async with house(_RUNS) as here:
        runs = await asyncio.to_thread(here.start, TWO_TASKS, range(_RUNS))
        others = await asyncio.to_thread(here.start, TASKS_BY_HAND, range(_RUNS))
        given = sa.select(sa.func.count()).select_from(task)
        await here.until(lambda conn: conn.execute(given).scalar() == 2 * _RUNS)
        await asyncio.sleep(1)
        for mine, theirs in zip(runs, others, strict=True):
            ours.append(await _until_next(here, mine, lambda: asyncio.to_thread(_complete, here, mine)))  # noqa: B023
            by_hand.append(await _until_next(here, theirs, lambda: _signal(here, theirs)))  # noqa: B023
    return ours, by_hand


async def _until_next(here: House, run_id: int, answer: Callable[[], Awaitable[float]]) -> float:
    began = await answer()
    there = sa.exists().where(ledger.c.run_id == run_id, ledger.c.step == TASKS[1])
    await here.until(lambda conn: bool(conn.execute(sa.select(there)).scalar()), every=_LOOK)
    return time.perf_counter() - began


def _complete(here: House, run_id: int) -> float:
    """When the completion was committed."""
    with here.database.begin() as conn:
        task_id = tasks.task_of(conn, run_id, TASKS[0], 1)
        assert task_id is not None
        tasks.complete(conn, task_id, "done", None, "kim", datetime.now(UTC))
    return time.perf_counter()


async def _signal(here: House, run_id: int) -> float:
    with here.database.connect() as conn:
        workflow_id = conn.execute(sa.select(run.c.workflow_id).where(run.c.id == run_id)).scalar_one()
    fact = Fact(n=2, at=datetime.now(UTC), kind="task", of=TASKS[0], values={"visit": 1, "outcome": "done"})
    began = time.perf_counter()
    await here.client.get_workflow_handle(workflow_id).signal(TELL, [fact])
    return began
