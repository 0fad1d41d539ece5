"""The web over a migrated database of the test's own, without Temporal."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from store.database import engine_for
from tests.store.book import Book
from web.app import create_app
from web.deps import WebDeps


async def alive() -> bool:
    return True


@pytest.fixture
def engine(database) -> Iterator[sa.Engine]:
    engine = engine_for(database)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine) -> Iterator[TestClient]:
    app = create_app(WebDeps(engine=engine, temporal_answers=alive, temporal_ui="http://temporal.example"))
    with TestClient(app) as client:
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
    """A client of the empty database; after a test that wrote something, others would fail."""
    with TestClient(create_app(WebDeps(engine=empty_engine, temporal_answers=alive))) as client:
        yield client


@pytest.fixture
def in_book(engine):
    """Write rows: `in_book(lambda book: book.account())`."""

    def write(make):
        with engine.begin() as conn:
            return make(Book(conn))

    return write
