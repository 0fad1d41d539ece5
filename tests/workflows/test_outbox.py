"""Starts on their way from the outbox to Temporal."""

from temporalio.client import Client

from tests.e2e.test_equality import stored_ports
from tests.workflows.test_reconcile import Small, given
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
