"""One migrated database for all tests of a process that can work inside a transaction, which is then rolled back."""

import pytest

from tests.databases import engine_of, make_database


@pytest.fixture(scope="session")
def scratch_engine(postgres_url, migrated_template):
    """Much faster than a database of one's own; only for tests that need no commit."""
    return engine_of(make_database(postgres_url, "scratch", migrated_template))


@pytest.fixture
def scratch(scratch_engine):
    """A connection whose transaction is rolled back after the test."""
    with scratch_engine.connect() as conn:
        yield conn
        conn.rollback()
