"""The database that tests share is as good as new to each of them, whatever the one before has done."""

import psycopg
import pytest
import sqlalchemy as sa

from store.schema import metadata
from tests.databases import engine_of
from tests.store.world import FALLS, World


def left_behind(url):
    """A book with runs, an account's columns, used-up numbers, and somebody who has not finished."""
    world = World(url)
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme", zone="America/New_York")
    world.day(nps=80.0)
    assert world.day(nps=50.0).started == 1
    foreign = psycopg.connect(url.replace("+psycopg", ""))
    foreign.execute("lock table run")
    return foreign


def test_nothing_is_left_of_a_test(lent_database):
    url = lent_database.lend()
    foreign = left_behind(url)
    lent_database.take_back()
    with pytest.raises(psycopg.OperationalError):
        foreign.execute("select 1")
    assert lent_database.lend() == url
    with engine_of(url).connect() as conn:
        assert [table.name for table in metadata.sorted_tables if conn.execute(sa.select(table).limit(1)).all()] == []
        used = "select sequencename from pg_sequences where schemaname = 'public' and last_value is not null"
        assert conn.execute(sa.text(used)).all() == []
        assert [column["name"] for column in sa.inspect(conn).get_columns("account_now")] == ["account_id"]
    left_behind(url).close()
    lent_database.take_back()


@pytest.mark.parametrize(
    "change",
    [
        "drop table alembic_version",
        "update alembic_version set version_num = 'older'",
        "alter table account add column more int",
        "create index on account (learned_at)",
        "drop trigger audit_append_only on audit",
        "analyze account",
        "insert into account (key, learned_at) select n, now() from generate_series(1, 5000) as n",
    ],
)
def test_one_that_is_no_longer_like_a_new_one_is_replaced(lent_database, change):
    url = lent_database.lend()
    with engine_of(url).begin() as conn:
        conn.execute(sa.text(change))
    lent_database.take_back()
    assert lent_database.lend() != url
    lent_database.take_back()
