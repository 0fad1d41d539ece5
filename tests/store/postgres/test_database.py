"""Connections keep what they have prepared, and let go of it when it does not hold any more."""

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from store.postgres import database as ours
from store.postgres.database import apart, engine_for
from store.postgres.notices import heard, notify
from store.postgres.statements import Statement

_OFTEN = 8
"""Executions after which a statement is prepared for certain."""


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    """Of a database with a table of one row."""
    made = engine_for(database, pool_size=1)
    with made.begin() as conn:
        conn.execute(sa.text("create table kept_plan as select 1::bigint as id"))
    yield made
    made.dispose()


def _look(engine: sa.Engine) -> int:
    """Of one row, as one who changes nothing: the transaction is rolled back."""
    with engine.connect() as conn:
        return int(conn.execute(sa.text("select id from kept_plan where id < :most"), {"most": 5}).scalar_one())


def _prepared(engine: sa.Engine) -> set[str]:
    with engine.connect() as conn:
        return set(conn.execute(sa.text("select statement from pg_prepared_statements")).scalars())


def test_a_statement_stays_prepared_through_transactions_that_are_rolled_back(engine: sa.Engine) -> None:
    for _ in range(_OFTEN):
        _look(engine)
    assert any("kept_plan" in statement for statement in _prepared(engine))


def test_a_statement_that_is_kept_is_prepared_at_once(engine: sa.Engine) -> None:
    kept = Statement("select id, 'kept' as how from kept_plan where id < %(most)s")
    with engine.connect() as conn:
        assert kept.read(conn, {"most": 5})[0].id == 1
    assert any("'kept' as how" in statement for statement in _prepared(engine))


def test_nothing_stays_prepared_after_an_error(engine: sa.Engine) -> None:
    for _ in range(_OFTEN):
        _look(engine)
    with pytest.raises(sa.exc.DataError), engine.connect() as conn:
        conn.execute(sa.text("select 1 / 0"))
    assert not any("kept_plan" in statement for statement in _prepared(engine))


def test_after_a_column_was_retyped_every_connection_begins_anew(engine: sa.Engine, database: str) -> None:
    for _ in range(_OFTEN):
        _look(engine)
    other = engine_for(database)
    with other.begin() as conn:
        conn.execute(sa.text("alter table kept_plan alter id type integer"))
    other.dispose()
    with pytest.raises(sa.exc.NotSupportedError, match="cached plan"):
        _look(engine)
    assert _look(engine) == 1


def test_what_was_rolled_back_is_gone(engine: sa.Engine) -> None:
    with engine.connect() as conn:
        conn.execute(sa.text("update kept_plan set id = 2"))
    assert _look(engine) == 1


def _server(of: sa.Engine) -> int:
    with of.connect() as conn:
        return int(conn.execute(sa.text("select pg_backend_pid()")).scalar_one())


_WAS_ASKED = sa.text("select state_change from pg_stat_activity where pid = :pid")


@pytest.mark.parametrize("rests_for_long", [False, True])
def test_a_connection_is_asked_whether_its_server_is_there_only_after_a_long_rest(
    rests_for_long: bool, engine: sa.Engine, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "_ASK_AFTER_SECONDS", 0.0 if rests_for_long else 3600.0)
    pid = _server(engine)
    watching = engine_for(database, pool_size=1)
    with watching.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        before = conn.execute(_WAS_ASKED, {"pid": pid}).scalar_one()
        engine.connect().close()
        assert (conn.execute(_WAS_ASKED, {"pid": pid}).scalar_one() != before) is rests_for_long
    watching.dispose()


def test_whose_server_has_ended_while_it_rested_is_replaced_before_anybody_notices(
    engine: sa.Engine, database: str
) -> None:
    pid = _server(engine)
    other = engine_for(database)
    with other.begin() as conn:
        assert conn.execute(sa.text("select pg_terminate_backend(:pid, 60000)"), {"pid": pid}).scalar_one()
    other.dispose()
    assert _look(engine) == 1
    assert _server(engine) != pid


def test_a_loop_with_a_connection_of_its_own_meets_no_other_whoever_asks_meanwhile(engine: sa.Engine) -> None:
    with apart(engine) as own:
        mine = _server(own)
        with engine.connect(), own.connect() as conn:
            assert conn.execute(sa.text("select pg_backend_pid()")).scalar_one() == mine
        assert _server(engine) != mine == _server(own)


@contextmanager
def read_only(database: str) -> Iterator[None]:
    """For who connects meanwhile, as after a failover."""
    url = sa.make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    # From before, so that it may also say when it is over.
    with psycopg.connect(url, autocommit=True) as conn:
        setting = f"alter database {conn.info.dbname} set default_transaction_read_only"
        conn.execute(f"{setting} = on".encode())
        try:
            yield
        finally:
            conn.execute(f"{setting} = off".encode())


@pytest.mark.parametrize("kept", [True, False])
def test_a_database_that_takes_no_changes_is_away_until_it_takes_them_again(kept: bool, database: str) -> None:
    """Whoever has connected meanwhile would stay read-only for ever."""
    made = engine_for(database, pool_size=2)
    text = "create table written_at_last (id int)"
    statement = Statement(text)

    def write() -> None:
        with made.begin() as conn:
            statement.write(conn, {}) if kept else conn.execute(sa.text(text))

    with read_only(database):
        with made.connect(), made.connect():
            pass
        with pytest.raises(sa.exc.OperationalError, match="read-only"):
            write()
        with made.connect(), made.connect():
            pass
    with pytest.raises(sa.exc.OperationalError, match="read-only"):
        write()
    write()
    made.dispose()


@pytest.mark.parametrize("kept", [True, False])
def test_an_error_tells_nothing_of_whom_was_asked_about(kept: bool, engine: sa.Engine) -> None:
    asked = {"whom": "ann@acme.test"}
    statement = Statement("select 1 / (length(%(whom)s) - 13)")
    with pytest.raises(sa.exc.DataError) as told, engine.connect() as conn:
        statement.read(conn, asked) if kept else conn.execute(sa.text("select 1 / (length(:whom) - 13)"), asked)
    assert "acme" not in str(told.value)


def test_who_listens_hears_again_after_its_connection_was_cut(engine: sa.Engine, database: str) -> None:
    stop = threading.Event()
    words = heard(engine, "tenure_test", stop)
    assert next(words) == ""
    other = engine_for(database)
    with other.begin() as conn:
        ended = conn.execute(
            sa.text(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where query ilike 'listen tenure_test'"
            )
        )
        assert ended.scalars().all() == [True]
    assert next(words) == ""
    with other.begin() as conn:
        notify(conn, "tenure_test", "news")
    assert next(words) == "news"
    stop.set()
    assert list(words) == []
    other.dispose()


@pytest.mark.parametrize("limit", ["idle_in_transaction_session_timeout", "transaction_timeout"])
def test_a_transaction_that_is_cut_for_its_age_is_an_outage(limit: str, engine: sa.Engine) -> None:
    with engine.connect() as conn:
        conn.execute(sa.text(f"set local {limit} = '50ms'"))
        driver: Any = conn.connection.dbapi_connection
        # What the server says at last is there to be read.
        assert select.select([driver.pgconn.socket], [], [], 60)[0]
        with pytest.raises(sa.exc.OperationalError, match="timeout"):
            conn.execute(sa.text("select 1"))
    assert _look(engine) == 1
