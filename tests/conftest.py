"""Real servers for every test that wants them: one PostgreSQL and one Temporal per test process, started when asked."""

import contextlib
import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest
from hypothesis import settings

from app.embedded import Servers, TemporalAddress
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from temporalio.client import Client

    from tests.databases import Lent

gc.disable()  # until all is collected: it would look again and again through what stays
# Machines are shared: how long an example takes says nothing about it.
settings.register_profile("tenure", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=200)  # what `.ci/run` asks for
settings.load_profile("tenure")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: begun last, they would leave the other processes idle."""
    from tests.scheduling import turn

    items.sort(key=lambda item: turn(item.nodeid))


def pytest_collection_finish() -> None:
    """What was collected stays to the end: to look for garbage among half a million objects, again and again, takes
    some hundredths of the processor time."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(10_000, 20, 10)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Whatever `--dist` says, so that every way to run the tests shares what there is to share."""
    from tests.scheduling import ByFile

    return ByFile(config, log)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The embedded servers of this test process, in a home of their own."""
    with tempfile.TemporaryDirectory(prefix="tenure-tests-") as home, Servers(Path(home), durable=False) as servers:
        yield servers
        _end_keeper(servers)


@pytest.fixture(scope="session")
def postgres_url(servers: Servers) -> str:
    """A running PostgreSQL; its database `tenure` is empty and shared, so prefer `database`."""
    return servers.database_url()


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a database with today's schema, for `make_database`."""
    from store.migrate import migrate
    from tests.databases import let_go

    name = "tenure_template"
    # Databases come and go by the second; to look after them would only take the tests' time.
    _execute(postgres_url, "ALTER SYSTEM SET autovacuum = off")
    _execute(postgres_url, "SELECT pg_reload_conf()")
    _execute(postgres_url, f"CREATE DATABASE {name}")
    migrate(postgres_url.replace("/tenure?", f"/{name}?"))
    yield name
    let_go()


@pytest.fixture(scope="session")
def lent_database(postgres_url: str, migrated_template: str) -> "Lent":
    """What `database` lends."""
    from tests.databases import Lent

    return Lent(postgres_url, migrated_template)


@pytest.fixture
def database(lent_database: "Lent") -> Iterator[str]:
    """The URL of a database that is this test's own while it runs, migrated and empty; `engine_of` gives its engine."""
    yield lent_database.lend()
    lent_database.take_back()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that take no time."""
    from argon2 import PasswordHasher

    from store.access import logins

    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(logins, "_hasher", lambda: cheap)


@pytest.fixture(scope="session")
def temporal_server(servers: Servers) -> TemporalAddress:
    """A running Temporal server. It is shared: use workflow ids and task queues of the test's own."""
    return servers.temporal()


@pytest.fixture
async def temporal_client(temporal_server: TemporalAddress) -> "Client":
    """A fresh client with the data converter of production, on a prepared namespace."""
    from temporalio.client import Client

    from app.temporal import prepare_namespace
    from workflows.converter import DATA_CONVERTER

    client = await Client.connect(
        temporal_server.address, namespace=temporal_server.namespace, data_converter=DATA_CONVERTER
    )
    await prepare_namespace(client, embedded=True)
    return client


def _end_keeper(servers: Servers) -> None:
    """Not only let go: the home is about to be removed, so wait until nothing runs in it."""
    pids = servers.pids()
    keeper = psutil.Process(pids["keeper"])
    with contextlib.suppress(ProcessLookupError):
        os.kill(keeper.pid, signal.SIGTERM)
    psutil.wait_procs([keeper], timeout=PATIENCE)


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode())
