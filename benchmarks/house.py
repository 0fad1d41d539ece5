"""A whole Tenure in this process, on the real clock and on servers of its own: worker, sweeps, outbox and mail stream.

The loops are those of `workflows.worker.run_worker`; the worker also knows the workflows written by hand.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil
import sqlalchemy as sa
import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from app.connectors import open_ports
from benchmarks import journeys
from benchmarks.by_hand import MailsByHand, TasksByHand
from benchmarks.served import served
from store.deciding import sweep as store_sweep
from store.deciding.enrolment import CannotEnrol, enrol
from store.deploying.deploy import deploy
from store.intake import take_in
from store.schema import run
from workflows.activities import Activities
from workflows.bell import Bell
from workflows.mail_stream import MailStream
from workflows.outbox import Deliverer
from workflows.playbook import PlaybookWorkflow
from workflows.wire import PLAYBOOK_QUEUE
from workflows.worker import WORKFLOW_TASKS

_THREADS = 16
_POLL = 5.0
_LOOK = 0.01
_PATIENCE = 60.0


@dataclass(frozen=True)
class House:
    """The running thing."""

    database: sa.Engine
    client: Client
    servers: psutil.Process

    def start(self, playbook: str, accounts: range) -> list[int]:
        """Start a playbook by hand for some accounts, in one transaction; the runs."""
        with self.database.begin() as conn:
            found = [enrol(conn, playbook, journeys.account(n), "bench") for n in accounts]
            assert all(not isinstance(one, CannotEnrol) and one.ruling.state == "started" for one in found), found[0]
            rows = conn.execute(sa.select(run.c.id).order_by(run.c.id.desc()).limit(len(accounts)))
            return sorted(rows.scalars())

    async def ended(self, runs: list[int]) -> None:
        """Until all these runs are over."""
        is_open = sa.select(sa.func.count()).select_from(run).where(run.c.id.in_(runs), run.c.state == "open")
        await self.until(lambda conn: conn.execute(is_open).scalar() == 0)

    async def until(self, holds: Callable[[sa.Connection], bool], every: float = _LOOK) -> None:
        """Look until something holds in the database."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while not await asyncio.to_thread(self._look, holds):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError("what is waited for does not happen")
            await asyncio.sleep(every)

    def _look(self, holds: Callable[[sa.Connection], bool]) -> bool:
        with self.database.connect() as conn:
            return holds(conn)

    def servers_cpu(self) -> float:
        """Seconds of processor time that PostgreSQL and Temporal have taken."""
        total = 0.0
        for process in self.servers.children(recursive=True):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total


@asynccontextmanager
async def house(accounts: int) -> AsyncIterator[House]:
    """Servers, database, worker and loops; all of it is gone afterwards."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    async with (
        served(lambda database: _furnish(database, accounts)) as here,
        _working(here.database, here.client),
    ):
        yield House(here.database, here.client, here.keeper)


def _furnish(database: sa.Engine, accounts: int) -> None:
    with database.begin() as conn:
        now = datetime.now(UTC)
        report = take_in(conn, journeys.facts(accounts), known_at=now)
        assert not report.problems, report.problems
        deploy(conn, journeys.workspace(), journeys.publications(), now)
    store_sweep.sweep(database, wait=True)


@asynccontextmanager
async def _working(database: sa.Engine, client: Client) -> AsyncIterator[None]:
    ports = open_ports(database)
    acts, quiet = Activities(database, ports), threading.Event()
    worker = Worker(
        client,
        task_queue=PLAYBOOK_QUEUE,
        workflows=[PlaybookWorkflow, MailsByHand, TasksByHand],
        activities=[acts.perform, acts.read, acts.rest],
        activity_executor=ThreadPoolExecutor(_THREADS),
        max_concurrent_local_activities=_THREADS,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS,
        max_cached_workflows=1000,
    )
    async with worker:
        bell = Bell(database, ("tenure_facts", "tenure_outbox"))
        deliverer = Deliverer(database, client, virtual=False)
        loops = [
            asyncio.create_task(_loop(bell, "tenure_outbox", deliverer.deliver_all)),
            asyncio.create_task(_loop(bell, "tenure_facts", lambda: asyncio.to_thread(store_sweep.sweep, database))),
        ]
        mails = asyncio.create_task(asyncio.to_thread(MailStream(database, ports.transports()).run, quiet))
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            quiet.set()
            await asyncio.gather(*loops, mails, return_exceptions=True)
            bell.close()


async def _loop(bell: Bell, channel: str, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        await work()
        await bell.wait(channel, _POLL)
