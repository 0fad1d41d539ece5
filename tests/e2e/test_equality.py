"""Invariant I7: for equal facts and equal sweep instants the simulator and the real thing take the same decisions.

Random journeys walk over PostgreSQL and a Temporal server under a virtual clock; every trace line must be the
simulator's, with its instant, order and detail.
"""

import asyncio
import itertools
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.client import Client

from app.connectors import own_tasks
from app.temporal import prepare_namespace
from connectors.email.stored import StoredTransport
from connectors.webhook.port import Caller
from connectors.webhook.stored import StoredCaller
from engine.facts import AccountFact, ContactFact, EventFact, IncomingFact, MetricFact, PersonFact
from engine.turns.runtime import Entry
from store import clock
from store.deciding.enrolment import CannotEnrol, enrol
from store.deploying.deploy import Publication, deploy
from store.intake import arriving, take_in
from store.schema import account, run, trace
from tests.databases import engine_of
from tests.e2e.answering import Answering, Receiving
from tests.journeys import DAYS, T0, TEXT, Journey, guest, journey_workspace, random_journey
from tests.walking import FIRST_FACTS, comparable, simulate_all
from workflows.driver import Driver
from workflows.ports import STREAM, Ports
from workflows.worker import playbook_worker


def stored_ports(caller: Caller | None = None) -> Ports:
    """Where nothing leaves; webhooks reach the caller where one is given."""
    return Ports(
        tasks=own_tasks,
        transports=lambda: {STREAM: StoredTransport(lambda _mail: None, lambda _id: True)},
        webhook=lambda _name: caller or StoredCaller(),
    )


class World:
    """The journeys' accounts in a database, and the people who answer."""

    def __init__(self, database: sa.Engine, journeys: list[Journey]) -> None:
        self.database = database
        self.prefix = uuid.uuid4().hex[:8]
        self.journeys = {self.key(journey.seed): journey for journey in journeys}
        self.answering = Answering(database, {key: journey.habits for key, journey in self.journeys.items()})

    def key(self, seed: int) -> str:
        return f"{self.prefix}-{seed}"

    def begin(self) -> None:
        with self.database.begin() as conn:
            clock.set_virtual(conn, T0)
            people = [
                PersonFact(key="kim", name="Kim", email="kim@tenure.test", manager="lee"),
                PersonFact(key="lee", name="Lee", role="manager"),
            ]
            facts: list[IncomingFact] = [*people]
            staged: list[tuple[IncomingFact, datetime]] = []
            for key, journey in self.journeys.items():
                fields = {**FIRST_FACTS, "account.csm": "kim"}
                fields["account.renewal_date"] = (T0 + timedelta(days=12)).date().isoformat()
                facts.append(AccountFact(key=key, fields=fields))
                facts.append(
                    ContactFact(account=key, key="c", name="Ann Ex", email=f"ann@{key}.test", roles=("champion",))
                )
                facts.append(MetricFact(account=key, metric="use", value=50.0))
                staged += [
                    (MetricFact(account=key, metric="use", value=value, at=at), at) for at, value in journey.uses
                ]
                staged += [
                    (EventFact(type="login", account=key, at=at, key=f"{key}{at}", props={"device": device}), at)
                    for at, device in journey.events
                ]
            report = take_in(conn, facts, known_at=T0)
            assert not report.problems, report.problems
            arriving.stage(conn, staged)
            texts = {TEXT.hash: TEXT.model_dump(mode="json")}
            playbooks = [guest(), *(one.compiled for one in self.journeys.values())]
            publications = [Publication(compiled=one, source="", texts=texts) for one in playbooks]
            deploy(conn, journey_workspace(), publications, T0)

    def enrol_all(self) -> None:
        for key, journey in self.journeys.items():
            with self.database.begin() as conn:
                answer = enrol(conn, journey.compiled.playbook, key, "test")
            assert not isinstance(answer, CannotEnrol), answer
            assert answer.ruling.state == "started", answer

    def traces(self) -> dict[str, list[tuple[Any, list[Entry]]]]:
        """By account, its journey's run and those that this has started, each with its trace."""
        with self.database.connect() as conn:
            found: dict[str, list[tuple[Any, list[Entry]]]] = {}
            rows = conn.execute(
                sa.select(run, account.c.key.label("of"))
                .join(account, account.c.id == run.c.account_id)
                .order_by(run.c.id)
            )
            for row in rows.all():
                lines = conn.execute(sa.select(trace).where(trace.c.run_id == row.id).order_by(trace.c.seq)).all()
                entries = [Entry(seq=o.seq, at=o.at, path=o.path, what=o.what, detail=o.detail) for o in lines]
                found.setdefault(row.of, []).append((row, entries))
            return found


async def walk(database_url: str, client: Client, journeys: list[Journey], *, cached: int = 1000) -> World:
    """All journeys at once, each in an account of its own."""
    await prepare_namespace(client, embedded=True)
    database = engine_of(database_url)
    world = World(database, journeys)
    await asyncio.to_thread(world.begin)
    queue = f"test-{world.prefix}"
    ports = stored_ports(Receiving({str(journey.seed): journey.habits for journey in journeys}))
    async with playbook_worker(client, database, ports, queue=queue, cached=cached):
        driver = Driver(database, client, ports, queue=queue, after=world.answering.look)
        world.answering.driver = driver
        await driver.settle(T0)
        await asyncio.to_thread(world.enrol_all)
        await driver.settle(T0)
        await asyncio.to_thread(world.answering.look, T0)
        await driver.advance(T0 + timedelta(days=DAYS))
        await driver.close()
    return world


def assert_equal(world: World) -> None:
    found = world.traces()
    for key, journey in world.journeys.items():
        simulated = simulate_all(journey, key)
        for expected, (row, entries) in zip(simulated, found[key], strict=False):
            assert comparable(entries) == comparable(expected.trace), f"seed {journey.seed}, {row.playbook}"
            ending = (row.outcome, row.reason) if row.state == "ended" else None
            said = (expected.ending.outcome, expected.ending.reason) if expected.ending else None
            assert ending == said, f"seed {journey.seed}, {row.playbook}"
        assert [row.playbook for row, _ in found[key]] == [one.compiled.playbook for one in simulated]


@pytest.mark.parametrize("block", [0, pytest.param(1, marks=pytest.mark.stage)])
async def test_random_journeys_are_walked_as_the_simulator_walks_them(
    block: int, database: str, temporal_client: Client
) -> None:
    journeys = [random_journey(seed) for seed in range(block * 20, block * 20 + 20)]
    world = await walk(database, temporal_client, journeys)
    assert_equal(world)


RARE: dict[str, Callable[[Entry], bool]] = {
    "a start that is held": lambda line: line.what == "enroll" and line.detail["outcome"] == "held",
    "a mail that is kept back": lambda line: line.what == "withdraw" and "unsent" in line.detail,
    "an event that is asked": lambda line: line.what == "came" and " where " in line.detail["for_"],
    "a task of a second round": lambda line: line.what == "task" and line.detail.get("visit") == 2,
}


SEEDS = (27, 39, 76, 130)
"""In whose journeys they happened when this was written: to go through all before takes seconds."""


def rare_journeys() -> list[Journey]:
    """The first journeys in which these things happen."""
    found: dict[str, Journey] = {}
    for seed in itertools.chain(SEEDS, itertools.count()):
        journey = random_journey(seed)
        lines = simulate_all(journey, "acme")[0].trace
        for what, happens in RARE.items():
            if what not in found and any(happens(line) for line in lines):
                found[what] = journey
        if len(found) == len(RARE):
            return list({journey.seed: journey for journey in found.values()}.values())
    raise AssertionError


async def test_rare_turns_are_taken_alike(database: str, temporal_client: Client) -> None:
    world = await walk(database, temporal_client, rare_journeys())
    assert_equal(world)
