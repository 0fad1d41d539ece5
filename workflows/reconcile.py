"""Compares our runs with Temporal's: a lost one is started again, one that closed without our record is ended, and one
that Temporal has open though it ended here is closed there."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
import structlog
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from store import clock
from store.running import outbox, runs
from store.schema import outbox as outbox_table
from store.schema import run

_log = structlog.get_logger(__name__)
_AFTER_ITS_END = "its run has ended: Temporal was set back to before that"
_AT_ONCE = 20
_RUNNING = "ExecutionStatus = 'Running' and TenureAccount is not null"
_LAST_MOMENTS = timedelta(seconds=30)
"""What a machine may lose with its power, and a replica that takes over may never have had; with some to spare."""
_CLOSED_FOR = timedelta(seconds=10)
"""Our record of an end comes before Temporal's; still, give a worker that is just finishing a moment."""


async def reconcile(database: sa.Engine, client: Client) -> dict[str, int]:
    """How many runs are as they should be, have just closed in Temporal, were started again, ended as failed, and were
    closed there."""
    open_runs = await asyncio.to_thread(_open_runs, database)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def look(run_id: int, workflow_id: str) -> str:
        async with gate:
            return await _compare(database, client, run_id, workflow_id)

    found = await asyncio.gather(*(look(run_id, workflow_id) for run_id, workflow_id in open_runs))
    counts = {what: found.count(what) for what in ("fine", "closing", "restarted", "failed")}
    counts["closed"] = await _close_ended(database, client)
    _log.info("reconciled", **counts)
    return counts


def tell_again(database: sa.Engine) -> None:
    """Runs hear once more what they were told in the last moments before: a power cut may have taken those."""
    with database.begin() as conn:
        told = outbox.tell_latest_again(conn, _LAST_MOMENTS)
    if told:
        _log.info("runs.told_again", facts=told)


def _open_runs(database: sa.Engine) -> list[tuple[int, str]]:
    """Open runs whose start has been delivered."""
    started = sa.select(outbox_table.c.run_id).where(outbox_table.c.n == 1, outbox_table.c.delivered_at.is_not(None))
    with database.connect() as conn:
        rows = conn.execute(sa.select(run.c.id, run.c.workflow_id).where(run.c.state == "open", run.c.id.in_(started)))
        return [(row.id, row.workflow_id) for row in rows]


async def _compare(database: sa.Engine, client: Client, run_id: int, workflow_id: str) -> str:
    try:
        description = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        await asyncio.to_thread(_start_again, database, run_id)
        return "restarted"
    status = description.status
    if status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW):
        return "fine"
    if description.close_time and datetime.now(UTC) - description.close_time < _CLOSED_FOR:
        return "closing"
    reason = f"its workflow is {status.name.lower().replace('_', ' ') if status else 'gone'} in Temporal"
    ended = await asyncio.to_thread(_end, database, run_id, reason)
    return "failed" if ended else "fine"


async def _close_ended(database: sa.Engine, client: Client) -> int:
    """Temporal came back with data from before their end: they would wait, and act, beside it."""
    ended: list[str] = []
    running = client.list_workflows(_RUNNING)
    while running.next_page_token or running.current_page is None:
        await running.fetch_next_page()
        ids = [one.id for one in running.current_page or ()]
        ended += await asyncio.to_thread(_ended_of, database, ids)
    if not ended:
        return 0
    await asyncio.sleep(_CLOSED_FOR.total_seconds())
    closed = 0
    for workflow_id in ended:
        try:
            await client.get_workflow_handle(workflow_id).terminate(reason=_AFTER_ITS_END)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:  # it has just ended there as well
                raise
        else:
            _log.warning("run.open_after_its_end", workflow=workflow_id)
            closed += 1
    return closed


def _ended_of(database: sa.Engine, workflow_ids: Sequence[str]) -> Sequence[str]:
    ended = sa.select(run.c.workflow_id).where(run.c.workflow_id.in_(workflow_ids), run.c.state == "ended")
    with database.connect() as conn:
        return conn.execute(ended).scalars().all()


def _start_again(database: sa.Engine, run_id: int) -> None:
    _log.warning("run.lost", run=run_id)
    with database.begin() as conn:
        outbox.again(conn, run_id)


def _end(database: sa.Engine, run_id: int, reason: str) -> bool:
    _log.error("run.closed_without_record", run=run_id, reason=reason)
    with database.begin() as conn:
        return runs.end(conn, run_id, outcome="failed", reason=reason, at=clock.now(conn))
