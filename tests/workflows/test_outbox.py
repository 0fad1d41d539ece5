"""Starts on their way from the outbox to Temporal."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from engine.turns.position import Inbox, Position
from store.running import outbox, runs
from tests.e2e.test_equality import stored_ports
from tests.workflows.test_reconcile import Small, given
from workflows.playbook import TemporalRuntime
from workflows.wire import Begin, First
from workflows.worker import playbook_worker


async def test_who_delivers_a_start_gets_the_first_task_of_the_run_with_the_answer(
    database: str, temporal_client: Client
) -> None:
    small = Small(database, temporal_client)
    small.begin()
    async with playbook_worker(temporal_client, small.database, stored_ports(), queue=small.queue):
        await small.until(given("first"))
    history = await temporal_client.get_workflow_handle(f"twice/{small.key}/1").fetch_history()
    assert history.events[0].workflow_execution_started_event_attributes.eager_execution_accepted


async def test_a_new_run_acts_first_of_all_as_its_start_brings_what_it_would_read(
    database: str, temporal_client: Client
) -> None:
    small = Small(database, temporal_client)
    small.begin()
    async with playbook_worker(temporal_client, small.database, stored_ports(), queue=small.queue):
        await small.until(given("first"))
    history = await temporal_client.get_workflow_handle(f"twice/{small.key}/1").fetch_history()
    asked = [str(event) for event in history.events if event.HasField("marker_recorded_event_attributes")]
    assert "perform" in asked[0]


def test_a_start_brings_what_the_run_would_have_read_itself(database: str, temporal_client: Client) -> None:
    small = Small(database, temporal_client)
    small.begin()
    with small.database.begin() as conn:
        (batch,) = outbox.batches(conn)
        assert batch.start
        assert batch.start.first
        assert batch.start.first.fields
        assert batch.start.first.values == runs.read(conn, batch.run_id, batch.start.first.fields)


@pytest.mark.parametrize(
    ("minutes", "fields", "read"),
    [(0, ["place"], False), (0, ["metric.use"], True), (2, ["place"], True)],
)
async def test_what_came_with_the_start_is_good_for_that_question_at_that_instant_alone(
    minutes: int, fields: list[str], read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    monkeypatch.setattr("workflows.playbook.workflow.now", lambda: at + timedelta(minutes=minutes))
    asked = []

    async def ask(_runtime: TemporalRuntime, activity: str, *_: object) -> dict[str, object]:
        asked.append(activity)
        return {}

    monkeypatch.setattr(TemporalRuntime, "_ask", ask)
    first = First(fields=["place", "account.name"], values={"place": {}})
    begin = Begin(run_id=1, account="acme", at=at, virtual=False, first=first)
    runtime = TemporalRuntime(begin, Position(clock=at, inbox=Inbox(heard=1)))
    await runtime.read(fields)
    assert bool(asked) == read
    await runtime.read(fields)
    assert len(asked) == 1 + read
