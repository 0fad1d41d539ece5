"""The web over a migrated database of the test's own, without Temporal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from store.database import engine_for
from tests.store.book import Book
from tests.web.signed_in import Browser, app_over, sign_in


@pytest.fixture
def engine(database) -> Iterator[sa.Engine]:
    engine = engine_for(database)
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine):
    return app_over(engine, temporal_ui="http://temporal.example")


@pytest.fixture
def client(app, engine) -> Iterator[Browser]:
    """A browser signed in as an admin, which may everything."""
    with Browser(app) as client:
        yield sign_in(client, engine, "admin")


@pytest.fixture
def client_as(app, engine) -> Iterator[Callable[..., Browser]]:
    """Another browser: `client_as("csm", person="kim")`; the person gets the role."""
    with ExitStack() as opened:
        yield lambda role, person=None: sign_in(opened.enter_context(Browser(app)), engine, role, person)


@pytest.fixture
def stranger(app) -> Iterator[Browser]:
    """A browser nobody has signed in with."""
    with Browser(app) as client:
        yield client


@pytest.fixture(scope="session")
def empty_engine(postgres_url, migrated_template) -> Iterator[sa.Engine]:
    """One empty database for all tests whose requests must change nothing."""
    admin = engine_for(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.exec_driver_sql(f"create database tenure_web_empty template {migrated_template}")
    admin.dispose()
    engine = engine_for(postgres_url.replace("/tenure?", "/tenure_web_empty?"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def empty(empty_engine) -> Iterator[TestClient]:
    """An admin's browser over the empty database; after a test that wrote something, others would fail."""
    with Browser(app_over(empty_engine)) as client:
        yield sign_in(client, empty_engine, "admin")


@pytest.fixture
def in_book(engine):
    """Write rows: `in_book(lambda book: book.account())`."""

    def write(make):
        with engine.begin() as conn:
            return make(Book(conn))

    return write
