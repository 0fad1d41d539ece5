"""Invariant I7: for equal facts and equal sweep instants the simulator and the real thing take the same decisions.

Random journeys walk over PostgreSQL and a Temporal server under a virtual clock; every trace line must be the
simulator's, with its instant, order and detail.
"""

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.client import Client

from app.connectors import own_tasks
from app.temporal import prepare_namespace
from connectors.email.stored import StoredTransport
from engine.facts import AccountFact, ContactFact, EventFact, IncomingFact, MetricFact, PersonFact
from engine.runtime import Entry
from store import arriving, clock, tasks
from store.database import engine_for
from store.deploy import Publication, deploy
from store.enrolment import CannotEnrol, enrol
from store.intake import take_in
from store.mails import record_event
from store.schema import account, mail, run, task, trace
from tests.journeys import DAYS, T0, TEXT, Journey, journey_workspace, random_journey
from tests.walking import FIRST_FACTS, comparable, simulate
from workflows.driver import Driver
from workflows.ports import STREAM, Ports
from workflows.worker import playbook_worker


def stored_ports() -> Ports:
    return Ports(tasks=own_tasks, transports=lambda: {STREAM: StoredTransport(lambda _mail: None, lambda _id: True)})


class World:
    """The journeys' accounts in a database, and the people who answer."""

    def __init__(self, database: sa.Engine, journeys: list[Journey]) -> None:
        self.database = database
        self.prefix = uuid.uuid4().hex[:8]
        self.journeys = {self.key(journey.seed): journey for journey in journeys}
        self._tasks = self._mails = 0
        self.driver: Driver | None = None

    def key(self, seed: int) -> str:
        return f"{self.prefix}-{seed}"

    def begin(self) -> None:
        with self.database.begin() as conn:
            clock.set_virtual(conn, T0)
            people = [
                PersonFact(key="kim", name="Kim", manager="lee"),
                PersonFact(key="lee", name="Lee", role="manager"),
            ]
            facts: list[IncomingFact] = [*people]
            staged: list[tuple[IncomingFact, datetime]] = []
            for key, journey in self.journeys.items():
                fields = {**FIRST_FACTS, "account.csm": "kim"}
                fields["account.renewal_date"] = (T0 + timedelta(days=12)).date().isoformat()
                facts.append(AccountFact(key=key, fields=fields))
                facts.append(
                    ContactFact(account=key, key="c", name="Ann Ex", email="ann@acme.test", roles=("champion",))
                )
                facts.append(MetricFact(account=key, metric="use", value=50.0))
                staged += [
                    (MetricFact(account=key, metric="use", value=value, at=at), at) for at, value in journey.uses
                ]
                staged += [(EventFact(type="login", account=key, at=at, key=f"{key}{at}"), at) for at in journey.events]
            report = take_in(conn, facts, known_at=T0)
            assert not report.problems, report.problems
            arriving.stage(conn, staged)
            texts = {TEXT.hash: TEXT.model_dump(mode="json")}
            publications = [
                Publication(compiled=one.compiled, source="", texts=texts) for one in self.journeys.values()
            ]
            deploy(conn, journey_workspace(), publications, T0)

    def enrol_all(self) -> None:
        for key, journey in self.journeys.items():
            with self.database.begin() as conn:
                answer = enrol(conn, journey.compiled.playbook, key, "test")
            assert not isinstance(answer, CannotEnrol), answer
            assert answer.ruling.state == "started", answer

    def look(self, _now: datetime) -> None:
        assert self.driver is not None
        with self.database.connect() as conn:
            new_tasks = conn.execute(
                sa.select(task, account.c.key.label("of"))
                .join(account)
                .where(task.c.id > self._tasks)
                .order_by(task.c.id)
            ).all()
            new_mails = conn.execute(
                sa.select(mail, account.c.key.label("of"))
                .join(account, account.c.id == mail.c.account_id)
                .where(mail.c.id > self._mails, mail.c.state == "sent")
                .order_by(mail.c.id)
            ).all()
        for row in new_tasks:
            self._tasks = row.id
            doing = self.journeys[row.of].habits.task(row.step, row.outcomes)
            if doing:
                self.driver.appoint(row.created_at + doing[0], _completing(row.id, doing[1]))
        for row in new_mails:
            self._mails = row.id
            for delay, event in self.journeys[row.of].habits.mail(row.step)[1]:
                self.driver.appoint(row.settled_at + delay, _noticing(row.id, event))

    def traces(self) -> dict[str, tuple[Any, list[Entry]]]:
        with self.database.connect() as conn:
            found = {}
            rows = conn.execute(
                sa.select(run, account.c.key.label("of")).join(account, account.c.id == run.c.account_id)
            )
            for row in rows.all():
                lines = conn.execute(sa.select(trace).where(trace.c.run_id == row.id).order_by(trace.c.seq)).all()
                entries = [Entry(seq=o.seq, at=o.at, path=o.path, what=o.what, detail=o.detail) for o in lines]
                found[row.of] = (row, entries)
            return found


def _completing(task_id: int, outcome: str) -> Any:
    return lambda conn, now: tasks.complete(conn, task_id, outcome, None, "kim", now)


def _noticing(mail_id: int, event: str) -> Any:
    kind: Any = event.removeprefix("email.")
    return lambda conn, now: record_event(conn, mail_id, kind, f"{mail_id}/{kind}", now, now=now)


async def walk(database_url: str, client: Client, journeys: list[Journey], *, cached: int = 1000) -> World:
    """All journeys at once, each in an account of its own."""
    await prepare_namespace(client, embedded=True)
    database = engine_for(database_url)
    world = World(database, journeys)
    await asyncio.to_thread(world.begin)
    queue = f"test-{world.prefix}"
    ports = stored_ports()
    async with playbook_worker(client, database, ports, queue=queue, cached=cached):
        driver = world.driver = Driver(database, client, ports, queue=queue, after=world.look)
        await driver.settle(T0)
        await asyncio.to_thread(world.enrol_all)
        await driver.settle(T0)
        await asyncio.to_thread(world.look, T0)
        await driver.advance(T0 + timedelta(days=DAYS))
        await driver.close()
    return world


def assert_equal(world: World) -> None:
    found = world.traces()
    for key, journey in world.journeys.items():
        simulated = simulate(journey)
        row, entries = found[key]
        assert comparable(entries) == comparable(simulated.trace), f"seed {journey.seed}"
        ending = (row.outcome, row.reason) if row.state == "ended" else None
        expected = (simulated.ending.outcome, simulated.ending.reason) if simulated.ending else None
        assert ending == expected, f"seed {journey.seed}"


@pytest.mark.parametrize("block", range(2))
async def test_random_journeys_are_walked_as_the_simulator_walks_them(
    block: int, database: str, temporal_client: Client
) -> None:
    journeys = [random_journey(seed) for seed in range(block * 20, block * 20 + 20)]
    world = await walk(database, temporal_client, journeys)
    assert_equal(world)
    world.database.dispose()
