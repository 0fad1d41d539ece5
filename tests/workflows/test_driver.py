"""The driver of a virtual clock, as far as it can be seen without runs: how it asks the database."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

import sqlalchemy as sa
from temporalio.client import Client

from tests.databases import engine_of
from tests.e2e.test_equality import stored_ports
from workflows.driver import Driver

_START = datetime(2026, 3, 2, tzinfo=UTC)


async def test_what_is_driven_stays_on_one_connection_that_knows_its_statements(database: str) -> None:
    engine, nobody = engine_of(database), cast("Client", None)  # there is nothing to deliver
    driver = Driver(engine, nobody, stored_ports())
    backends: list[int] = []

    def note(conn: sa.Connection, _at: datetime) -> None:
        backends.append(conn.execute(sa.text("select pg_backend_pid()")).scalar_one())

    taken = []
    for day in range(3):
        instant = _START + timedelta(days=day)
        driver.appoint(instant, note)
        await driver.stop_at(instant)
        # Somebody keeps the connection that was used last, as a mail stream does.
        taken.append(await asyncio.to_thread(engine.connect))
    assert len(backends) == 3
    assert len(set(backends)) == 1
    for conn in taken:
        conn.close()
    await driver.close()


def _note(done: list[str], name: str, _conn: sa.Connection, _at: datetime) -> None:
    done.append(name)


async def test_what_is_appointed_to_one_instant_happens_in_the_order_of_its_names(database: str) -> None:
    engine, nobody = engine_of(database), cast("Client", None)
    driver = Driver(engine, nobody, stored_ports())
    done: list[str] = []
    later = _START + timedelta(hours=4)
    for at, name in ((later, "a"), (_START, "c"), (_START, "b"), (_START, "c2")):
        driver.appoint(at, partial(_note, done, name), name=name)
    await driver.stop_at(_START)
    assert done == ["b", "c", "c2"]
    await driver.stop_at(later)
    assert done == ["b", "c", "c2", "a"]
    await driver.close()
