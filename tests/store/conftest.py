"""One migrated database for all tests of a process that can work inside a transaction, which is then rolled back."""

import pytest
import sqlalchemy as sa

from store.database import engine_for


@pytest.fixture(scope="session")
def scratch_engine(postgres_url, migrated_template):
    """Much faster than a database of one's own; only for tests that need no commit."""
    url = sa.make_url(postgres_url)
    engine = engine_for(postgres_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text(f"create database scratch template {migrated_template}"))
    engine.dispose()
    engine = engine_for(url.set(database="scratch").render_as_string(hide_password=False))
    yield engine
    engine.dispose()


@pytest.fixture
def scratch(scratch_engine):
    """A connection whose transaction is rolled back after the test."""
    with scratch_engine.connect() as conn:
        yield conn
        conn.rollback()
