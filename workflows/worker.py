"""The worker process: Temporal's worker beside the loops that sweep, deliver and mail while the clock is real."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta

import sqlalchemy as sa
import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from store import clock
from store.deciding import sweep as store_sweep
from store.intake import arriving
from store.leaps import certain_now
from store.postgres.database import apart
from store.postgres.notices import HELD
from workflows.activities import Activities
from workflows.bell import Bell
from workflows.build import build_id
from workflows.endpoints import EndpointStream
from workflows.errands import ErrandStream, Outside
from workflows.heartbeat import Beats, Heartbeat, PullBeats, keep_beating, look_whether_set_back
from workflows.mail_stream import MailStream
from workflows.outbox import Deliverer
from workflows.owner_mail import tell_owners
from workflows.playbook import PlaybookWorkflow
from workflows.ports import STREAM, Ports
from workflows.reconcile import reconcile, tell_again
from workflows.reply_poll import ReplyPoll
from workflows.wire import PLAYBOOK_QUEUE

_log = structlog.get_logger(__name__)
_POLL = 5.0
"""Seconds between looks when no bell rings."""
_LOOK = 10.0
"""Seconds between looks whether Temporal still has what we gave it."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Seconds between looks whether another sweep is over."""
_THREADS = 16
WORKFLOW_TASKS = 32
"""At once: the pollers keep five, and the outbox starts twenty runs at a time. A start that finds no room goes through
Temporal's queue, which costs the server a fifth more."""


def playbook_worker(
    client: Client, database: sa.Engine, ports: Ports, *, queue: str = PLAYBOOK_QUEUE, cached: int = 1000
) -> Worker:
    """Temporal's worker for playbooks and heartbeats."""
    acts, beats = Activities(database, ports), Beats(database, client, ports.source)
    return Worker(
        client,
        task_queue=queue,
        workflows=[PlaybookWorkflow, Heartbeat],
        build_id=build_id(),
        activities=[acts.perform, acts.read, acts.rest, beats.sweep, beats.reconcile, beats.forget, beats.pull],
        activity_executor=ThreadPoolExecutor(_THREADS, thread_name_prefix="tenure-act"),
        max_concurrent_local_activities=_THREADS,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS,
        max_cached_workflows=cached,
        graceful_shutdown_timeout=timedelta(seconds=15),
    )


async def run_worker(
    client: Client, database: sa.Engine, ports: Ports, stop: asyncio.Event, prepare: Callable[[], Awaitable[None]]
) -> None:
    """Work until `stop` is set, then finish what is under way. `prepare` makes Temporal's namespace ready for us."""
    virtual = await asyncio.to_thread(_is_virtual, database)
    if not virtual:
        await look_whether_set_back(client, database)
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(playbook_worker(client, database, ports))
        _log.info("worker.ready", queue=worker.task_queue, clock="virtual" if virtual else "real")
        quiet = threading.Event()
        stack.callback(quiet.set)
        # Other programs live by the real clock, whatever ours is.
        told = EndpointStream(database, allow_private=ports.tell_private).run
        loops: list[asyncio.Task[None]] = [asyncio.create_task(asyncio.to_thread(told, quiet))]
        if not virtual:
            bell = Bell(database, ("tenure_facts", "tenure_outbox", HELD))
            stack.callback(bell.close)
            await asyncio.to_thread(tell_again, database)
            sweeping, delivering = stack.enter_context(apart(database)), stack.enter_context(apart(database))
            deliverer = Deliverer(delivering, client, virtual=False)
            # Two, so that one receiver that takes its time does not hold up all others.
            outside = Outside(webhook=ports.webhook, chat=ports.chat)
            loops += [
                asyncio.create_task(_sweep(bell, sweeping)),
                asyncio.create_task(_loop("outbox", bell, "tenure_outbox", deliverer.deliver_all)),
                asyncio.create_task(asyncio.to_thread(MailStream(database, ports.transports()).run, quiet)),
                asyncio.create_task(asyncio.to_thread(ReplyPoll(database, ports.mailbox).run, quiet)),
                *(asyncio.create_task(asyncio.to_thread(ErrandStream(database, outside).run, quiet)) for _ in range(2)),
                asyncio.create_task(_look_after_runs(client, database, deliverer, prepare)),
                asyncio.create_task(_loop("owners", bell, HELD, lambda: _owners(database, ports))),
            ]
        await stop.wait()
        _log.info("worker.stopping")
        quiet.set()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def _sweep(bell: Bell, database: sa.Engine) -> None:
    """Sweep, and at once rehearse the next sweep: whoever tells the first fact need not wait for its statements."""
    rehearsed = False

    async def work() -> None:
        nonlocal rehearsed
        await sweep_once(database)
        if not rehearsed:
            rehearsed = True
            await asyncio.to_thread(store_sweep.rehearse, database)

    await _loop("sweep", bell, "tenure_facts", work)


async def sweep_once(database: sa.Engine) -> None:
    """Sweep; where another sweep is under way, after that: it took its work before what rang the bell was there."""
    pause = _SHORTEST_PAUSE
    while await asyncio.to_thread(_arrive_and_sweep, database) is None:
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _owners(database: sa.Engine, ports: Ports) -> int:
    return await asyncio.to_thread(tell_owners, database, ports.transports()[STREAM])


def _arrive_and_sweep(database: sa.Engine) -> object:
    with database.connect() as conn:
        awaited = arriving.next_arrival(conn)
    if awaited is not None:
        with database.begin() as conn:
            arriving.arrive(conn, certain_now(conn))
    return store_sweep.sweep(database)


async def _loop(name: str, bell: Bell, channel: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do the work whenever the bell rings; an outage is logged and waited out, never the end of the loop."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it was, the loop must go on
            _log.warning(f"{name}.failed", error=str(error), kind=type(error).__name__)
            await asyncio.sleep(1)
        await bell.wait(channel, _POLL)


async def _look_after_runs(
    client: Client, database: sa.Engine, deliverer: Deliverer, prepare: Callable[[], Awaitable[None]]
) -> None:
    """Reconcile at the start, and again when Temporal has lost runs: it may come back empty while we work."""
    lost, pull_beats = True, PullBeats(client, database)
    while True:
        try:
            lost = await keep_beating(client) or deliverer.lost or lost
            if lost:
                deliverer.lost = False
                await prepare()
                lost = (await reconcile(database, client))["closing"] > 0
            await pull_beats.keep()
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may find it gone
            _log.warning("reconcile.failed", error=str(error), kind=type(error).__name__)
        await asyncio.sleep(_LOOK)


def _is_virtual(database: sa.Engine) -> bool:
    with database.connect() as conn:
        return clock.is_virtual(conn)
