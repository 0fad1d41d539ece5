"""The loops of the worker that sweep and deliver by the real clock."""

import asyncio
import contextlib
from typing import Any

import pytest

from store.current import projection
from store.deciding import sweep as store_sweep
from store.deciding.sweep_lock import sweeping
from tests.databases import engine_of
from tests.store.world import FALLS, World, workspace
from tests.waiting import until
from workflows.bell import Bell
from workflows.worker import _sweep, sweep_once


async def test_a_fact_that_came_while_another_sweep_was_under_way_is_looked_at_when_that_is_over(database: str) -> None:
    world = World(database)
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    engine = engine_of(database)
    with engine.connect() as other, sweeping(other, wait=True):
        ours = asyncio.create_task(sweep_once(engine))
        await asyncio.wait({ours}, timeout=0.3)
        assert not ours.done()
    await asyncio.wait_for(ours, timeout=60)
    assert world.rows("select count(*) from change") == [(0,)]
    engine.dispose()


async def test_white_box_the_first_fact_that_a_worker_hears_of_meets_statements_that_are_built(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(database)
    world.workspace = workspace("name: Heard\nzone: UTC\nmetrics: { nps: number }\n")
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    ready, rehearse, loop = asyncio.Event(), store_sweep.rehearse, asyncio.get_running_loop()

    def rehearsed(engine: Any) -> None:
        rehearse(engine)
        loop.call_soon_threadsafe(ready.set)

    monkeypatch.setattr(store_sweep, "rehearse", rehearsed)
    with contextlib.closing(Bell(world.engine, ("tenure_facts",))) as bell:
        working = asyncio.create_task(_sweep(bell, world.engine))
        await asyncio.wait_for(ready.wait(), timeout=60)
        built: list[Any] = []
        monkeypatch.setattr(projection, "_statement", lambda *given: built.append(given))
        world.metric("acme", "nps", 40.0)
        swept = "select count(*) from sweep where finished"
        await asyncio.to_thread(until, lambda: world.rows(swept) == [(2,)])
        assert built == []
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
