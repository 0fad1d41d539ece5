"""Rows of other databases come in as they grow, and never twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from connectors.errors import Misconfigured, Unavailable
from connectors.source.sql import SqlSource, before, reached
from engine.facts import AccountFact
from engine.workspace import load_workspace
from store import clock, schema
from store.deploying.deploy import deploy
from store.intake import pulling, quarantine, take_in
from tests.databases import engine_of
from workflows.heartbeat import PULL, PullBeats
from workflows.pulls import pull

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEXT = """
name: W
metrics: { nps: number }
events: { login: null }
sources:
  scores:
    address_env: SCORES
    table: scores
    cursor: updated_at
    as: metrics
    account: customer
    at: updated_at
    fields: { nps: nps }
  logins:
    address_env: SCORES
    query: select id, customer, updated_at from scores where nps > 0
    cursor: id
    every: 2 hours
    as: event login
    id: id
    account: customer
    at: updated_at
"""
WORKSPACE = load_workspace({"tenure.yaml": TEXT.encode()})


@pytest.fixture
def engine(database):
    engine = engine_of(database)
    with engine.begin() as conn:
        clock.set_virtual(conn, T0)
        deploy(conn, WORKSPACE, [], T0)
        take_in(conn, [AccountFact(key="a"), AccountFact(key="b")], known_at=T0)
    return engine


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request, tmp_path, postgres_url):
    """Another database with a table of scores, by its address."""
    address = f"sqlite:///{tmp_path / 'other.db'}"
    if request.param == "postgresql":
        address = postgres_url
    made = sa.create_engine(address, poolclass=sa.NullPool)
    scores = sa.Table(
        "scores",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer", sa.Text),
        sa.Column("nps", sa.Numeric(10, 2)),
        sa.Column("updated_at", sa.DateTime(timezone=True)),
    )
    with made.begin() as conn:
        scores.drop(conn, checkfirst=True)
        scores.create(conn)
    yield _Other(made, scores, address)
    with made.begin() as conn:
        scores.drop(conn)
    made.dispose()


class _Other:
    def __init__(self, engine, table, address):
        self.engine, self.table, self.address = engine, table, address

    def add(self, *rows):
        with self.engine.begin() as conn:
            for id_, customer, nps, minutes in rows:
                at = None if minutes is None else T0 - timedelta(hours=2) + timedelta(minutes=minutes)
                conn.execute(sa.insert(self.table).values(id=id_, customer=customer, nps=nps, updated_at=at))

    def open(self, one):
        return SqlSource(one, self.address)


def facts(engine):
    with engine.connect() as conn:
        values = conn.execute(sa.select(sa.func.count()).select_from(schema.account_value)).scalar()
        return values, conn.execute(sa.select(sa.func.count()).select_from(schema.event)).scalar()


def pulled(engine, other, name="scores"):
    found = pull(engine, WORKSPACE, WORKSPACE.pulls[name], other.open)
    return found.rows, found.facts, found.repeats


def test_what_is_new_comes_in_and_the_overlap_changes_nothing(engine, other):
    other.add((1, "a", 7, 0), (2, "b", 8, 10), (3, "a", 9, 20), (9, "b", 1, None))
    assert pulled(engine, other) == (3, 3, 0)
    assert pulled(engine, other)[1:] in ((0, 1), (0, 2))  # the last row again
    other.add((4, "b", 5, 18), (5, "a", 6, 30))  # the first was committed late
    assert pulled(engine, other)[1] in (1, 2)
    rows, new, _ = pulled(engine, other, "logins")
    assert (rows, new) == (6, 5)  # the one without a time is put aside
    assert pulled(engine, other, "logins")[1] == 0


def test_killed_between_two_batches_it_goes_on_where_it_stopped(engine, other, monkeypatch):
    monkeypatch.setattr("connectors.source.sql.BATCH", 10)
    other.add(*((n, "a", n, n) for n in range(1, 36)))

    class Killed(BaseException):
        pass

    class Dies(SqlSource):
        def batches(self, columns, since):
            for n, rows in enumerate(super().batches(columns, since)):
                if n == 2:
                    raise Killed
                yield rows

    with pytest.raises(Killed):
        pull(engine, WORKSPACE, WORKSPACE.pulls["scores"], lambda one: Dies(one, other.address))
    assert facts(engine)[0] == 20
    rows, new, _ = pulled(engine, other)
    assert (rows < 35, new) == (True, 15)
    assert facts(engine)[0] == 35


def test_a_row_of_the_future_hides_none_that_come_later(engine, other):
    as_text = other.address.startswith("sqlite")
    other.add((1, "a", 7, 0), (2, "b", 8, 60 * 24 * 365 * 60))
    assert pulled(engine, other)[0] == 2
    other.add((3, "a", 9, 60 * 24 * 365 * 30))
    assert pulled(engine, other)[0] == (3 if as_text else 2)  # the last of the past again
    with engine.begin() as conn:
        kept = pulling.cursor_of(conn, WORKSPACE.pulls["scores"])
    assert kept == "2026-03-02 07:00:00.000000" if as_text else kept <= datetime.now(UTC)


def test_a_text_that_is_no_time_hides_no_times_that_come_later(engine, tmp_path):
    made = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}", poolclass=sa.NullPool)

    def tell(*rows):
        with made.begin() as conn:
            conn.execute(sa.text("create table if not exists scores (customer, nps, updated_at)"))
            for row in rows:
                conn.execute(sa.text("insert into scores values ('a', :nps, :at)"), row)

    def one_pull():
        source = WORKSPACE.pulls["scores"]
        found = pull(engine, WORKSPACE, source, lambda one: SqlSource(one, f"sqlite:///{tmp_path / 'other.db'}"))
        return found.rows, found.facts

    tell({"nps": 7, "at": "2026-03-01 08:00:00"}, {"nps": 1, "at": "zzz"})
    assert one_pull() == (2, 1)
    tell({"nps": 8, "at": "2026-03-01 07:56:00"}, {"nps": 9, "at": "2026-03-01 09:00:00"})
    assert one_pull() == (4, 2)  # the first was committed late
    made.dispose()


def test_another_cursor_or_table_is_read_from_its_beginning(engine, other):
    other.add((1, "a", 7, 0), (2, "b", 8, 10))
    assert pulled(engine, other)[1] == 2
    by_id = WORKSPACE.pulls["scores"].model_copy(update={"cursor": "id"})
    found = pull(engine, WORKSPACE, by_id, other.open)
    assert (found.rows, found.facts, found.repeats) == (2, 0, 2)
    assert pull(engine, WORKSPACE, by_id, other.open).rows == 1
    assert pulled(engine, other)[0] == 2


def test_a_cursor_that_does_not_say_what_it_is_of_is_read_from_its_beginning(engine, other):
    """As versions before this one kept them."""
    other.add((1, "a", 7, 0))
    pulled(engine, other)
    with engine.begin() as conn:
        conn.execute(sa.text("update pull set cursor = cursor - 'of'"))
    assert pulled(engine, other)[:2] == (1, 0)


@pytest.mark.parametrize(
    ("cursor", "kept"),
    [
        (datetime(2062, 1, 1, tzinfo=UTC), datetime(2026, 3, 2, 9, tzinfo=UTC)),
        (datetime(2062, 1, 1), datetime(2026, 3, 2, 23)),  # noqa: DTZ001 - as databases without zones tell it
        (date(2062, 1, 1), date(2026, 3, 2)),
        (datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2062-01-01T00:00:00Z", None),
        ("2062-01-01 00:00:00", None),
        ("2062-01-01", None),
        ("2026-03-02 08:00:00+00:00", "2026-03-02 08:00:00+00:00"),
        (4711, 4711),
        ("zz", "zz"),
        ("20620101", "20620101"),
    ],
)
def test_a_cursor_that_is_a_time_does_not_run_ahead_of_the_clock(cursor, kept):
    assert reached(None, [cursor], T0) == kept


@pytest.mark.parametrize(
    ("cursor", "cells", "becomes"),
    [
        (None, ["2026-03-01", "2026-03-02", "2099-01-01", "never"], "2026-03-02"),
        ("2026-03-01 08:00:00", ["never", "none"], "2026-03-01 08:00:00"),
        ("2026-03-01 08:00:00", ["2026-03-01 07:56:00"], "2026-03-01 08:00:00"),
        ("b", ["a"], "b"),
        (7, [5, 6], 7),
    ],
)
def test_a_cursor_does_not_go_back_nor_to_what_is_no_time_among_times(cursor, cells, becomes):
    assert reached(cursor, cells, T0) == becomes


@pytest.mark.parametrize(
    ("cursor", "begins"),
    [
        ("2026-03-02T00:03:00.25+01:00", "2026-03-01T23:58:00.25+01:00"),
        ("2026-03-02 00:03:00", "2026-03-01 23:58:00"),
        ("2026-03-02", "2026-03-01"),
        ("0001-01-01 00:00:00", "0001-01-01 00:00:00"),
        ("20260302", "20260302"),
        ("zz", "zz"),
    ],
)
def test_the_overlap_of_a_time_in_text_is_written_as_that_is(cursor, begins):
    assert before(cursor, timedelta(minutes=5)) == begins


def test_bad_rows_are_put_aside_and_the_cursor_moves_on(engine, other):
    other.add((1, "a", 7, 0), (2, "nobody", 8, 10), (3, "", 9, 20))
    found = pull(engine, WORKSPACE, WORKSPACE.pulls["scores"], other.open)
    assert [(problem.code, problem.spot.line) for problem in found.problems] == [("PB521", 3), ("PB523", 2)]
    with engine.connect() as conn:
        assert {one.source for one in quarantine.list_held(conn).items} == {"pull scores"}
    assert found.facts == 1


def test_two_pulls_at_once_do_not_turn_the_cursor_back(engine, other):
    other.add((1, "a", 7, 0))
    with engine.begin() as conn:
        pulling.cursor_of(conn, WORKSPACE.pulls["scores"])

    class Slow(SqlSource):
        def batches(self, columns, since):
            pulled(engine, other)
            yield from super().batches(columns, since)

    with pytest.raises(pulling.Overtaken):
        pull(engine, WORKSPACE, WORKSPACE.pulls["scores"], lambda one: Slow(one, other.address))


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("nonsense", Misconfigured),
        ("oracle+nothing://user:hush@host/x", Misconfigured),
        ("postgresql+psycopg://user:hush@127.0.0.1:1/x", Unavailable),
        ("sqlite://", Misconfigured),  # there, but without the table
    ],
)
def test_a_source_that_cannot_be_read_says_so_and_keeps_its_secret(engine, address, error):
    with pytest.raises((Misconfigured, Unavailable)) as raised:
        pull(engine, WORKSPACE, WORKSPACE.pulls["scores"], lambda one: SqlSource(one, address))
    assert "hush" not in str(raised.value)
    assert error in (type(raised.value), Misconfigured)
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.pull.c.failure)).scalar() == str(raised.value)


async def test_schedules_follow_the_workspace(engine, temporal_client):
    beats = PullBeats(temporal_client, engine)

    await beats.keep()
    handle = temporal_client.get_schedule_handle(f"{PULL}/logins")
    assert (await handle.describe()).schedule.spec.intervals[0].every == timedelta(hours=2)
    with engine.begin() as conn:
        deploy(conn, load_workspace({"tenure.yaml": TEXT.replace("2 hours", "3 hours").encode()}), [], T0)
    await PullBeats(temporal_client, engine).keep()
    assert (await handle.describe()).schedule.spec.intervals[0].every == timedelta(hours=3)
    await handle.delete()
    await temporal_client.get_schedule_handle(f"{PULL}/scores").delete()
