"""Goes on from an older copy of PostgreSQL: Temporal forgets the runs, which are ahead of it or unknown to it."""

import asyncio

import sqlalchemy as sa
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from store import set_back
from store.schema import run

_AT_ONCE = 20
_PAUSE = 0.2
_PATIENCE = 120
"""Seconds for Temporal to let go of one."""
_RUNNING = "ExecutionStatus = 'Running' and TenureAccount is not null"


async def go_on_from_copy(database: sa.Engine, client: Client) -> set_back.GoneOn:
    """While no worker lives. TimeoutError where Temporal does not let go of a run; then nothing has changed here, and
    it may be asked again."""
    known = await asyncio.to_thread(_open_runs, database)
    running = [one.id async for one in client.list_workflows(_RUNNING)]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def forget(workflow_id: str) -> None:
        async with gate:
            await _forget(client, workflow_id)

    await asyncio.gather(*(forget(one) for one in {*known, *running}))
    return await asyncio.to_thread(_go_on, database)


async def _forget(client: Client, workflow_id: str) -> None:
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
    handle = client.get_workflow_handle(workflow_id)
    try:
        await client.workflow_service.delete_workflow_execution(request)
        async with asyncio.timeout(_PATIENCE):
            while True:
                await handle.describe()
                await asyncio.sleep(_PAUSE)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise


def _open_runs(database: sa.Engine) -> list[str]:
    with database.connect() as conn:
        return list(conn.execute(sa.select(run.c.workflow_id).where(run.c.state == "open")).scalars())


def _go_on(database: sa.Engine) -> set_back.GoneOn:
    with database.begin() as conn:
        return set_back.go_on(conn)
