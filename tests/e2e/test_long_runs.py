"""What is forgotten and rebuilt on the way leaves no mark: histories renewed all the time, nothing kept in memory."""

import itertools
import time
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from temporalio import activity
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowHistory

from store.schema import errand, outbox
from tests.e2e.test_equality import assert_equal, walk
from tests.journeys import Journey, random_journey
from tests.waiting import until_answered
from tests.walking import simulate
from workflows.activities import Activities
from workflows.wire import Begin, Resting


def looping_journeys(first: int, count: int) -> list[Journey]:
    """The next journeys in which a repeat goes round more than once."""
    journeys = (random_journey(seed) for seed in itertools.count(first))
    return list(itertools.islice((one for one in journeys if _loops(one)), count))


def _loops(journey: Journey) -> bool:
    return any(line.what == "round" and line.detail["round"] > 1 for line in simulate(journey).trace)


@pytest.mark.stage
async def test_runs_that_are_replayed_at_every_wake_up_decide_as_ever(database: str, temporal_client: Client) -> None:
    world = await walk(database, temporal_client, [random_journey(seed) for seed in range(40, 45)], cached=2)
    assert_equal(world)


async def test_runs_that_continue_as_new_again_and_again_decide_as_ever(
    database: str, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.outbox.Begin", partial(Begin, longest_history=12))
    world = await walk(database, temporal_client, [random_journey(seed) for seed in range(52, 58)])
    assert_equal(world)
    mine = f"TenureAccount >= '{world.prefix}' and TenureAccount < '{world.prefix}~'"
    query = f"ExecutionStatus = 'ContinuedAsNew' and {mine}"

    async def renewed() -> bool:
        return len([one.id async for one in temporal_client.list_workflows(query)]) > 2

    # Temporal lists a run a moment after it has gone on as another.
    assert await until_answered(renewed)


@pytest.mark.stage
async def test_a_run_may_continue_as_new_in_the_middle_of_a_repeat(
    database: str, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.outbox.Begin", partial(Begin, longest_history=5))
    world = await walk(database, temporal_client, looping_journeys(100, 3), cached=2)
    assert_equal(world)
    mine = f"TenureAccount >= '{world.prefix}' and TenureAccount < '{world.prefix}~'"
    carried = set()
    async for one in temporal_client.list_workflows(f"ExecutionStatus = 'ContinuedAsNew' and {mine}"):
        history = await temporal_client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        carried |= {mark for mark in ("/rounds", "/begun") if mark in _continued_with(history)}
    assert carried == {"/rounds", "/begun"}


@pytest.mark.stage
async def test_what_crosses_with_a_continue_as_new_in_the_middle_of_a_repeat_is_heard(
    database: str, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal then refuses to continue, and has the turns since its last word taken again; what came of them comes
    before them."""
    monkeypatch.setattr("workflows.outbox.Begin", partial(Begin, longest_history=5))
    # However slow the machine: a task that takes longer is handed over in parts, and hears in between.
    slow = partial(temporal_client.start_workflow, task_timeout=timedelta(seconds=60))
    monkeypatch.setattr(temporal_client, "start_workflow", slow)
    rest = Activities.rest

    @activity.defn(name="rest")
    def rest_until_answered(self, resting: Resting) -> list[str]:
        met = rest(self, resting)
        until = time.monotonic() + 8
        while _is_to_be_told(self._database, resting.run_id) and time.monotonic() < until:
            time.sleep(0.01)
        return met

    monkeypatch.setattr(Activities, "rest", rest_until_answered)
    world = await walk(database, temporal_client, looping_journeys(153, 1))
    assert_equal(world)
    mine = f"TenureAccount >= '{world.prefix}' and TenureAccount < '{world.prefix}~'"
    crossed = 0
    async for one in temporal_client.list_workflows(mine):
        history = await temporal_client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        crossed += sum(
            event.workflow_task_failed_event_attributes.cause
            == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
            for event in history.events
        )
    assert crossed > 0


def _is_to_be_told(database: sa.Engine, run_id: int) -> bool:
    """Whether a request of the run is under way, or its answer."""
    requested = sa.exists().where(errand.c.run_id == run_id, errand.c.state.in_(("prepared", "handing_over")))
    answered = sa.exists().where(outbox.c.run_id == run_id, outbox.c.delivered_at.is_(None))
    with database.connect() as conn:
        return bool(conn.execute(sa.select(sa.or_(requested, answered))).scalar())


def _continued_with(history: WorkflowHistory) -> str:
    """What the next run of the workflow was given."""
    payloads = history.events[-1].workflow_execution_continued_as_new_event_attributes.input.payloads
    return payloads[1].data.decode()
