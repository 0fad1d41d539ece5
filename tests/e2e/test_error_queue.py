"""A run whose step fails for good waits for a person, who lets it try again, skip the step, or end."""

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from temporalio.client import Client

from app.temporal import prepare_namespace
from engine.facts import AccountFact
from engine.steps.task import TaskStep
from engine.steps.wait import WaitStep
from store import clock
from store.intake import take_in
from store.running import runs
from store.schema import ledger, run, task, trace
from tests.databases import engine_of
from tests.e2e.test_equality import World, stored_ports
from tests.journeys import T0, Journey, random_journey
from workflows.driver import Driver
from workflows.worker import playbook_worker

DAY = timedelta(days=1)
CALL = TaskStep(id="call", title="Ask about {{ account.note }}", assign="csm", due="2 days", give_up_after="5 days")


def calling(seed: int) -> Journey:
    """A task whose title needs what nobody has told yet."""
    journey = random_journey(seed)
    plan = journey.compiled.plan.model_copy(
        update={"steps": (CALL, WaitStep(duration="1 day")), "goal": None, "exits": ()}
    )
    return Journey(
        seed=seed,
        compiled=journey.compiled.model_copy(update={"plan": plan}),
        habits=journey.habits,
        uses=(),
        events=(),
    )


async def test_a_failed_run_is_tried_again_skipped_or_ended_by_a_person(database: str, temporal_client: Client) -> None:
    await prepare_namespace(temporal_client, embedded=True)
    engine = engine_of(database)
    world = World(engine, [calling(seed) for seed in (1, 2, 3)])
    await asyncio.to_thread(world.begin)
    queue = f"test-{world.prefix}"
    async with playbook_worker(temporal_client, engine, stored_ports(), queue=queue, cached=2):
        driver = Driver(engine, temporal_client, stored_ports(), queue=queue)
        await driver.settle(T0)
        await asyncio.to_thread(world.enrol_all)
        await driver.settle(T0)
        await driver.advance(T0 + 10 * DAY)
        stuck = await asyncio.to_thread(rows, engine, sa.select(run).order_by(run.c.id))
        assert [row.standing for row in stuck] == ["stuck"] * 3
        assert all("account.note" in row.at_step[0]["says"] for row in stuck)

        await asyncio.to_thread(decide, engine, world, [row.id for row in stuck])
        await driver.settle(T0 + 10 * DAY)
        await driver.advance(T0 + 20 * DAY)
        await driver.close()
    first, second, third = await asyncio.to_thread(rows, engine, sa.select(run).order_by(run.c.id))
    assert [(one.outcome, one.reason) for one in (first, second, third)] == [
        ("end", "worked through"),
        ("end", "worked through"),
        ("stop", "ended by an operator"),
    ]
    assert first.ended_at == T0 + 16 * DAY, "given up five days after the retry, and a day later"
    assert second.ended_at == T0 + 11 * DAY
    (given,) = rows(engine, sa.select(task))
    assert (given.visit, given.due_at, given.title) == (2, T0 + 12 * DAY, "Ask about prices")
    tries = sa.select(ledger.c.visit, ledger.c.receipt["outcome"].astext.label("outcome"))
    tries = tries.where(ledger.c.run_id == first.id, ledger.c.effect == "task").order_by(ledger.c.visit)
    assert [tuple(row) for row in rows(engine, tries)] == [(1, "failed"), (2, "done")]
    said = sa.select(trace.c.what).where(trace.c.run_id == first.id).order_by(trace.c.seq)
    lines = [row.what for row in rows(engine, said)]
    assert lines[:4] == ["task", "stuck", "ordered", "task"]


def decide(engine: sa.Engine, world: World, ids: list[int]) -> None:
    with engine.begin() as conn:
        now = clock.now(conn)
        facts = [AccountFact(key=key, fields={"account.note": "prices"}) for key in world.journeys]
        assert not take_in(conn, facts, known_at=now).problems
        first, second, third = ids
        runs.tell(conn, first, "retry", of="call", values={"do": "retry"}, at=now)
        runs.tell(conn, second, "retry", of="call", values={"do": "skip"}, at=now)
        runs.tell(conn, third, "end", of="stop", values={"reason": "ended by an operator"}, at=now)


def rows(engine: sa.Engine, query: Any) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(query).all())
