"""Drives a virtual clock: moves the instant, lets facts arrive, sweeps, delivers, mails, and waits until all runs rest.

The order at one instant is fixed, so that the simulator can take the same decisions.
"""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from temporalio.client import Client

from engine.calendars import local_date, local_midnight
from store import clock
from store.deciding import sweep as store_sweep
from store.deciding.moments import Left, left, next_moment, restless, zones_in_use
from store.deployed import load_workspace
from store.intake import arriving
from store.postgres.database import apart
from store.running import runs
from workflows.errands import ErrandStream, Outside
from workflows.lookout import Lookout
from workflows.mail_stream import MailStream
from workflows.outbox import Deliverer
from workflows.owner_mail import tell_owners
from workflows.ports import STREAM, Ports
from workflows.wire import PLAYBOOK_QUEUE

_MOST_ROUNDS = 200
"""Rounds of facts and acts at one instant before it is called a circle."""
_PATIENCE = 120.0
"""Seconds that runs may take to come to rest before it is called an outage."""


class NotAtRest(Exception):
    """Runs did not come to rest in time: is a worker alive?"""


@dataclass(order=True)
class _Appointment:
    at: datetime
    name: str
    place: int
    do: Callable[[sa.Connection, datetime], object] = field(compare=False)


class Driver:
    """Owns the clock while it drives. Only one may drive a database at a time."""

    def __init__(
        self,
        database: sa.Engine,
        client: Client,
        ports: Ports,
        *,
        queue: str = PLAYBOOK_QUEUE,
        after: Callable[[datetime], object] = lambda _instant: None,
    ) -> None:
        """`after` is called in a thread when all is quiet at an instant; it may make appointments."""
        self._at_the_end = ExitStack()
        # One thing after the other, the same again and again; in the common pool the threads of the mail stream, and
        # whoever keeps a connection for good, would each time leave it another that has to learn it all.
        self._database = self._at_the_end.enter_context(apart(database))
        self._lookout = Lookout(database)
        self._after = after
        self._deliverer = Deliverer(self._database, client, virtual=True, queue=queue)
        transports = ports.transports()
        self._mails = MailStream(database, transports)
        self._to_owners = transports[STREAM]
        self._errands = ErrandStream(database, Outside(webhook=ports.webhook, chat=ports.chat))
        # A mail stream belongs to one thread.
        self._mail_thread = ThreadPoolExecutor(1, thread_name_prefix="tenure-mail")
        self._appointments: list[_Appointment] = []
        self._count = 0

    def appoint(self, at: datetime, do: Callable[[sa.Connection, datetime], object], *, name: str = "") -> None:
        """Have something happen at a virtual instant, in a transaction of its own: people's doings, mostly.

        What is appointed to one instant happens in the order of its names, and of those alike as it was appointed.
        """
        self._count += 1
        heapq.heappush(self._appointments, _Appointment(at, name, self._count, do))

    async def advance(self, to: datetime) -> None:
        """Drive the clock to an instant, stopping wherever something is due."""
        for instant in self._instants(await asyncio.to_thread(self._now), to):
            await self.stop_at(instant)

    def _instants(self, since: datetime, to: datetime) -> Iterator[datetime]:
        now = since
        while now < to:
            due = self._lookout.see(partial(self._due, now=now))
            if self._appointments:
                due.append(max(self._appointments[0].at, now))
            now = min([to, *(moment for moment in due if moment is not None)])
            yield now

    def _due(self, conn: sa.Connection, now: datetime) -> list[datetime | None]:
        return [next_moment(conn, now), *self._midnights(conn, now)]

    def _midnights(self, conn: sa.Connection, now: datetime) -> list[datetime]:
        zones = zones_in_use(conn, load_workspace(conn).zone)
        return [local_midnight(local_date(now, zone) + timedelta(days=1), zone) for zone in zones]

    async def stop_at(self, instant: datetime) -> None:
        """Everything that happens at one instant: facts, people, sweep, runs; until all is quiet."""
        await asyncio.to_thread(self._arrive, instant)
        await asyncio.to_thread(self._keep_appointments, instant)
        await self.settle(instant)
        await asyncio.to_thread(self._after, instant)

    async def settle(self, now: datetime) -> None:
        """Sweep and let the runs act at the standing instant until nothing is left to do."""
        for _ in range(_MOST_ROUNDS):
            await self._sweep()
            todo = await asyncio.to_thread(self._left, now)
            if not todo:
                return
            if todo.waits:
                await asyncio.to_thread(self._wake, now)
            told = await self._deliverer.deliver_all() if todo.waits or todo.outbox else 0
            await self._quiet()
            todo = await asyncio.to_thread(self._left, now)
            sent = await self._send(todo, now)
            if sent:
                todo = await asyncio.to_thread(self._left, now)
            if not todo or not (told or sent or todo.stirred):
                return
        raise NotAtRest(f"facts and acts follow each other in a circle at {now.isoformat()}")

    async def _sweep(self) -> None:
        report = await asyncio.to_thread(store_sweep.sweep, self._database, wait=True)
        if report is not None and report.held:
            # A breaker may be among what holds them.
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._mail_thread, tell_owners, self._database, self._to_owners)

    async def settle_if_told(self, now: datetime) -> None:
        """The same, if something happened at the standing instant meanwhile: a person answered on a page."""
        todo = await asyncio.to_thread(self._left, now)
        if todo.stirred or len(await asyncio.to_thread(self._restless)) > 0:
            await self.settle(now)
            await asyncio.to_thread(self._after, now)

    async def _send(self, todo: Left, now: datetime) -> bool:
        """Mails and errands that are due; whether any became something else by it."""
        sent = False
        loop = asyncio.get_running_loop()
        if todo.mails:
            sent |= bool(await loop.run_in_executor(self._mail_thread, self._mails.dispatch_due, now))
        if todo.errands:
            sent |= bool(await loop.run_in_executor(self._mail_thread, self._errands.dispatch_due, now))
        return sent

    async def _quiet(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while waiting := await asyncio.to_thread(self._restless):
            if time.monotonic() > deadline:
                raise NotAtRest(f"run {waiting[0]} and {len(waiting) - 1} more do not come to rest; is a worker alive?")
            await asyncio.to_thread(self._lookout.wait_for, waiting)

    async def close(self) -> None:
        """Let go of the streams' connections."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._mail_thread, self._mails.close)
        await loop.run_in_executor(self._mail_thread, self._errands.close)
        self._mail_thread.shutdown()
        await asyncio.to_thread(self._lookout.close)
        await asyncio.to_thread(self._at_the_end.close)

    # --- in threads ---

    def _now(self) -> datetime:
        return self._lookout.see(clock.now)

    def _arrive(self, instant: datetime) -> None:
        with self._database.begin() as conn:
            clock.set_virtual(conn, instant)
            arriving.arrive(conn, instant)

    def _keep_appointments(self, instant: datetime) -> None:
        while self._appointments and self._appointments[0].at <= instant:
            appointment = heapq.heappop(self._appointments)
            with self._database.begin() as conn:
                appointment.do(conn, instant)

    def _wake(self, now: datetime) -> None:
        with self._database.begin() as conn:
            runs.wake_due(conn, now)

    def _left(self, now: datetime) -> Left:
        return self._lookout.see(partial(left, now=now))

    def _restless(self) -> list[int]:
        return self._lookout.see(restless)
