"""The regular beat: Temporal Schedules that sweep, reconcile and forget even when nothing was heard."""

from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import activity, workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecutionStatus,
)
from temporalio.common import RetryPolicy
from temporalio.service import RPCError, RPCStatusCode

with workflow.unsafe.imports_passed_through():
    import asyncio

    import sqlalchemy as sa
    import structlog

    from store import clock, set_back
    from store.deciding import sweep as store_sweep
    from store.deployed import load_workspace
    from store.forgetting import forget
    from store.intake.pulling import Overtaken
    from workflows import pulls
    from workflows.reconcile import reconcile
    from workflows.wire import PLAYBOOK_QUEUE

_log = structlog.get_logger(__name__)
PULL = "tenure-pull"
"""The activity of the sources; their schedules are called `tenure-pull/NAME`."""
SWEEP = "tenure-sweep"
"""What the last one has said of the database is kept by its schedule, and handed to the next one."""
BEATS = {
    SWEEP: timedelta(minutes=1),
    "tenure-reconcile": timedelta(hours=1),
    "tenure-forget": timedelta(days=1),
}
"""Schedule ids, which are also the activities' names, and how often they ring."""


@workflow.defn(name="tenure-heartbeat", sandboxed=False)
class Heartbeat:
    """One beat: one activity."""

    @workflow.run
    async def run(self, beat: str) -> Any:
        name, _, of = beat.partition("/")
        if beat == SWEEP:
            of = workflow.get_last_completion_result(str) or ""
        return await workflow.execute_activity(
            name,
            args=[of] if of else [],
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(minutes=2),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )


class Beats:
    """The activities behind the beats. Under a virtual clock they do nothing: its driver sweeps."""

    def __init__(self, database: sa.Engine, client: Client, open_source: pulls.OpenSource) -> None:
        self._database, self._client, self._open_source = database, client, open_source

    @activity.defn(name=SWEEP)
    async def sweep(self, seen: str | None = None) -> str | None:
        if await asyncio.to_thread(self._virtual):
            return None
        word = await asyncio.to_thread(_say, self._database, seen)
        await _beating(asyncio.to_thread(store_sweep.sweep, self._database))
        return word

    @activity.defn(name="tenure-reconcile")
    async def reconcile(self) -> None:
        await _beating(reconcile(self._database, self._client))

    @activity.defn(name="tenure-forget")
    async def forget(self) -> None:
        if not await asyncio.to_thread(self._virtual):
            await _beating(asyncio.to_thread(forget, self._database))

    @activity.defn(name=PULL)
    async def pull(self, name: str) -> None:
        if not await asyncio.to_thread(self._virtual):
            await _beating(asyncio.to_thread(self._pull, name))

    def _pull(self, name: str) -> None:
        with self._database.connect() as conn:
            workspace = load_workspace(conn)
        if name in workspace.pulls:
            with suppress(Overtaken):
                pulls.pull(self._database, workspace, workspace.pulls[name], self._open_source)

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
        with suppress(ScheduleAlreadyRunningError):
            await client.create_schedule(beat, _schedule(beat, every))
            missing = True
    return missing


async def look_whether_set_back(client: Client, database: sa.Engine) -> None:
    """Before anything is done: compare the database with what Temporal remembers of it."""
    if (word := await last_word(client)) is not None:
        await asyncio.to_thread(_say, database, word)


async def last_word(client: Client) -> str | None:
    """What the last sweep of the heartbeat that Temporal remembers has said of the database."""
    try:
        schedule = await client.get_schedule_handle(SWEEP).describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return None
    for one in reversed(schedule.info.recent_actions):
        if isinstance(one.action, ScheduleActionExecutionStartWorkflow):
            handle = client.get_workflow_handle(one.action.workflow_id, result_type=str)
            with suppress(RPCError):  # nobody keeps it for ever
                if (await handle.describe()).status == WorkflowExecutionStatus.COMPLETED:
                    word: str | None = await handle.result()
                    return word
    return None


def _say(database: sa.Engine, seen: str | None) -> str:
    with database.begin() as conn:
        word = set_back.beat(conn, seen)
        if set_back.is_set_back(conn):
            _log.error("database.set_back", known_until=word.partition(" ")[2])
    return word


class PullBeats:
    """Schedules of the workspace's sources: made, changed and ended as it is deployed."""

    def __init__(self, client: Client, database: sa.Engine) -> None:
        self._client, self._database = client, database
        self._known: dict[str, timedelta] | None = None

    async def keep(self) -> None:
        """Have a schedule for every source, and for no other."""
        declared = await asyncio.to_thread(pulls.declared_pulls, self._database)
        wanted = {f"{PULL}/{name}": one.every.exact or timedelta(minutes=15) for name, one in declared.items()}
        if wanted == self._known:
            return
        there = {one.id async for one in await self._client.list_schedules() if one.id.startswith(f"{PULL}/")}
        for beat in there - wanted.keys():
            await self._client.get_schedule_handle(beat).delete()
        for beat, every in wanted.items():
            schedule = _schedule(beat, every)
            try:
                await self._client.create_schedule(beat, schedule)
            except ScheduleAlreadyRunningError:
                await self._client.get_schedule_handle(beat).update(partial(_become, schedule))
        self._known = wanted


def _become(schedule: Schedule, _: ScheduleUpdateInput) -> ScheduleUpdate:
    return ScheduleUpdate(schedule=schedule)


def _schedule(beat: str, every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(Heartbeat.run, beat, id=beat, task_queue=PLAYBOOK_QUEUE),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=timedelta(minutes=1)),
    )
