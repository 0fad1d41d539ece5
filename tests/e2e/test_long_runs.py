"""What is forgotten and rebuilt on the way leaves no mark: histories renewed all the time, nothing kept in memory."""

import itertools
from functools import partial

import pytest
from temporalio.client import Client, WorkflowHistory

from tests.e2e.test_equality import assert_equal, walk
from tests.journeys import Journey, random_journey
from tests.walking import simulate
from workflows.wire import Begin


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
    renewed = [one.id async for one in temporal_client.list_workflows(query)]
    assert len(renewed) > 2


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


def _continued_with(history: WorkflowHistory) -> str:
    """What the next run of the workflow was given."""
    payloads = history.events[-1].workflow_execution_continued_as_new_event_attributes.input.payloads
    return payloads[1].data.decode()
