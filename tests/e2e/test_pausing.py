"""Pausing, restarting and extending on PostgreSQL and Temporal, as the simulator has it."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from temporalio.client import Client

from app.temporal import prepare_namespace
from engine.compile import compile_playbook
from engine.facts import AccountFact
from engine.workspace import load_workspace
from store import clock
from store.deciding.enrolment import CannotEnrol, enrol
from store.deploying.deploy import Publication, deploy, pause, resume
from store.intake import take_in
from store.schema import run
from tests.databases import engine_of
from tests.e2e.test_equality import stored_ports
from tests.journeys import T0
from workflows.driver import Driver
from workflows.worker import playbook_worker

DAY = timedelta(days=1)
WORKSPACE = b"name: Pausing\nzone: Europe/Berlin\n"
PLAYBOOK = """
playbook: {name}
title: {name}
pause: {pause}
triggers: [{{ manual: true }}]
entry: {{ already_running: restart, again_after: 30 days }}
steps:
  - wait: 5 days
"""


async def test_waits_run_on_or_are_extended_and_a_restarted_run_ends_before_the_next_begins(
    database: str, temporal_client: Client
) -> None:
    await prepare_namespace(temporal_client, embedded=True)
    engine, key = engine_of(database), uuid.uuid4().hex[:8]
    names = ("hold", "extend", "again")
    await asyncio.to_thread(_publish, engine, key, names)
    queue = f"test-{key}"
    async with playbook_worker(temporal_client, engine, stored_ports(), queue=queue):
        driver = Driver(engine, temporal_client, stored_ports(), queue=queue)
        await driver.settle(T0)
        await asyncio.to_thread(_start, engine, key, names)
        await driver.settle(T0)
        await driver.advance(T0 + 2 * DAY)
        await asyncio.to_thread(_each, engine, pause, names[:2])
        await asyncio.to_thread(_start, engine, key, names[2:])
        await driver.settle(T0 + 2 * DAY)
        await driver.advance(T0 + 9 * DAY)
        await asyncio.to_thread(_each, engine, resume, names[:2])
        await driver.settle(T0 + 9 * DAY)
        await driver.advance(T0 + 20 * DAY)
        await driver.close()
    with engine.connect() as conn:
        rows = conn.execute(sa.select(run).order_by(run.c.playbook, run.c.id)).all()
    found = [(row.playbook, (row.ended_at - T0) / DAY, row.outcome, row.reason) for row in rows]
    assert found == [
        ("again", 2.0, "stop", "started anew"),
        ("again", 7.0, "end", "worked through"),
        ("extend", 12.0, "end", "worked through"),
        ("hold", 9.0, "end", "worked through"),
    ]


def _publish(engine: sa.Engine, key: str, names: tuple[str, ...]) -> None:
    workspace = load_workspace({"tenure.yaml": WORKSPACE})
    publications = []
    for name in names:
        source = PLAYBOOK.format(name=name, pause="extend" if name == "extend" else "hold")
        compiled = compile_playbook(source.encode(), "playbook.yaml", name, {}, workspace).compiled
        assert compiled is not None
        publications.append(Publication(compiled, source, {}))
    with engine.begin() as conn:
        clock.set_virtual(conn, T0)
        take_in(conn, [AccountFact(key=key, fields={"account.lifecycle": "live"})], known_at=T0)
        deploy(conn, workspace, publications, T0)


def _start(engine: sa.Engine, key: str, names: tuple[str, ...]) -> None:
    for name in names:
        with engine.begin() as conn:
            answer = enrol(conn, name, key, "kim")
        assert not isinstance(answer, CannotEnrol), answer
        assert answer.ruling.state in ("started", "held"), answer


def _each(engine: sa.Engine, do: Any, names: tuple[str, ...]) -> None:
    for name in names:
        with engine.begin() as conn:
            do(conn, name)
