"""The bell that loops wait for."""

import asyncio

import pytest
import sqlalchemy as sa

from store.working import WorkersLive, alone
from tests.databases import engine_of
from tests.waiting import PATIENCE
from workflows.bell import Bell


async def test_who_is_to_stop_stops_even_if_the_bell_rings_in_that_moment(database: str) -> None:
    """Without that a busy worker would go on for ever: its bells ring all the time."""
    bell = Bell(engine_of(database), ("tenure_facts",))
    try:
        await bell.wait("tenure_facts", PATIENCE)  # It rings once when it begins to listen.
        waiting = asyncio.create_task(bell.wait("tenure_facts", 2 * PATIENCE))
        await asyncio.sleep(0)
        bell._events["tenure_facts"].set()
        waiting.cancel()
        await asyncio.wait([waiting], timeout=PATIENCE)
        assert waiting.cancelled()
    finally:
        bell.close()


async def test_a_ring_ends_the_wait_and_counts_once(database: str) -> None:
    bell = Bell(engine_of(database), ("tenure_facts",))
    try:
        await bell.wait("tenure_facts", PATIENCE)
        with engine_of(database).begin() as conn:
            conn.execute(sa.text("select pg_notify('tenure_facts', '')"))
        async with asyncio.timeout(PATIENCE):
            await bell.wait("tenure_facts", 2 * PATIENCE)
        assert not bell._events["tenure_facts"].is_set()
    finally:
        bell.close()


async def test_who_wants_to_be_alone_is_told_of_a_worker_while_it_lives(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(database)
    bell = Bell(engine, ("tenure_facts",))
    await bell.wait("tenure_facts", PATIENCE)
    monkeypatch.setattr("store.working._PATIENCE", 0.1)
    with pytest.raises(WorkersLive), alone(engine):
        pass
    bell.close()
    monkeypatch.setattr("store.working._PATIENCE", PATIENCE)
    with alone(engine):
        pass
