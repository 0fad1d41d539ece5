"""The web over a migrated database of the test's own, without Temporal."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from tests.databases import engine_of, make_database
from tests.store.book import Book
from tests.web.signed_in import Browser, app_over, sign_in


@pytest.fixture
def engine(database, cheap_passwords) -> sa.Engine:
    return engine_of(database)


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
def empty_engine(postgres_url, migrated_template) -> sa.Engine:
    """One empty database for all tests whose requests must change nothing."""
    return engine_of(make_database(postgres_url, "tenure_web_empty", migrated_template))


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
