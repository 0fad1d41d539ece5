"""What is forgotten and rebuilt on the way leaves no mark: histories renewed all the time, nothing kept in memory."""

from functools import partial

import pytest
from temporalio.client import Client

from tests.e2e.test_equality import assert_equal, walk
from tests.journeys import random_journey
from workflows.wire import Begin


async def test_runs_that_are_replayed_at_every_wake_up_decide_as_ever(database: str, temporal_client: Client) -> None:
    world = await walk(database, temporal_client, [random_journey(seed) for seed in range(40, 48)], cached=2)
    assert_equal(world)
    world.database.dispose()


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
    world.database.dispose()
