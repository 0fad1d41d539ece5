"""The regular beat: Temporal Schedules that sweep and reconcile even when nothing was heard."""

from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    import asyncio

    import sqlalchemy as sa

    from store import clock
    from store import sweep as store_sweep
    from workflows.reconcile import reconcile
    from workflows.wire import PLAYBOOK_QUEUE

BEATS = {"tenure-sweep": timedelta(minutes=1), "tenure-reconcile": timedelta(hours=1)}
"""Schedule ids, which are also the activities' names, and how often they ring."""


@workflow.defn(name="tenure-heartbeat", sandboxed=False)
class Heartbeat:
    """One beat: one activity."""

    @workflow.run
    async def run(self, beat: str) -> None:
        await workflow.execute_activity(
            beat,
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(minutes=2),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )


class Beats:
    """The activities behind the beats. Under a virtual clock they do nothing: its driver sweeps."""

    def __init__(self, database: sa.Engine, client: Client) -> None:
        self._database, self._client = database, client

    @activity.defn(name="tenure-sweep")
    async def sweep(self) -> None:
        if not await asyncio.to_thread(self._virtual):
            await _beating(asyncio.to_thread(store_sweep.sweep, self._database))

    @activity.defn(name="tenure-reconcile")
    async def reconcile(self) -> None:
        await _beating(reconcile(self._database, self._client))

    def _virtual(self) -> bool:
        with self._database.connect() as conn:
            return clock.is_virtual(conn)


async def _beating(work: Awaitable[object]) -> None:
    """Heart-beat while the work is under way, so that another worker takes over soon after this one is lost."""
    task = asyncio.ensure_future(work)
    while not task.done():
        activity.heartbeat()
        await asyncio.wait([task], timeout=20)
    await task


async def keep_beating(client: Client) -> bool:
    """Create the schedules that are missing; whether any was: then Temporal is new, or has lost its data."""
    missing = False
    for beat, every in BEATS.items():
        schedule = Schedule(
            action=ScheduleActionStartWorkflow(Heartbeat.run, beat, id=beat, task_queue=PLAYBOOK_QUEUE),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=timedelta(minutes=1)),
        )
        with suppress(ScheduleAlreadyRunningError):
            await client.create_schedule(beat, schedule)
            missing = True
    return missing
