"""The loops of the worker that sweep and deliver by the real clock."""

import asyncio

from store.sweep_lock import sweeping
from tests.databases import engine_of
from tests.store.world import FALLS, World
from workflows.worker import sweep_once


async def test_a_fact_that_came_while_another_sweep_was_under_way_is_looked_at_when_that_is_over(database: str) -> None:
    world = World(database)
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    engine = engine_of(database)
    with engine.connect() as other, sweeping(other, wait=True):
        ours = asyncio.create_task(sweep_once(engine))
        await asyncio.wait({ours}, timeout=0.3)
        assert not ours.done()
    await asyncio.wait_for(ours, timeout=10)
    assert world.rows("select count(*) from change") == [(0,)]
    engine.dispose()
