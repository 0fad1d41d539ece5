"""Kept statements: constants written out mean the same as constants handed over, and no key serves two meanings."""

import re
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from store.postgres.database import engine_for
from store.postgres.kept import Kept
from store.postgres.sql_functions import number
from store.postgres.statements import Given, Statement, kept
from store.schema import metadata

CONSTANTS = [
    (0.1, DOUBLE_PRECISION()),
    (-2.5e-300, DOUBLE_PRECISION()),
    (1e300, DOUBLE_PRECISION()),
    (7, sa.BigInteger()),
    (-(2**62), sa.BigInteger()),
    (True, sa.Boolean()),
    ("", sa.Text()),
    ("it's 100 % \\d{2} %(now)s :name ?", sa.Text(collation="C")),
    ("a\nb\tü…\u2028", sa.Text()),
    (date(2026, 2, 28), sa.Date()),
    (datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC), sa.DateTime(timezone=True)),
    ([date(2026, 1, 1)], sa.ARRAY(sa.Date())),
    ([], sa.ARRAY(sa.Text())),
    (["a'b", "%s"], sa.ARRAY(sa.Text())),
]


@pytest.mark.parametrize(("value", "type_"), CONSTANTS)
def test_a_constant_written_out_is_the_constant(scratch, value, type_):
    statement = sa.select(sa.literal(value, type_), sa.func.pg_typeof(sa.literal(value, type_)).cast(sa.Text))
    handed_over = tuple(scratch.execute(statement).one())
    assert tuple(Statement(statement).run(scratch, {}).one()) == handed_over
    assert handed_over[0] == value


def test_arithmetic_stays_among_doubles(scratch):
    product = number(0.1) * number(3.0)
    assert Statement(sa.select(product)).run(scratch, {}).scalar() == 0.1 * 3.0


def test_what_is_given_differs_from_one_execution_to_the_next(scratch):
    statement = Statement(sa.select(Given("now", sa.DateTime(timezone=True)) + sa.literal_column("interval '1 hour'")))
    for hour in (1, 2):
        at = datetime(2026, 3, 2, hour, tzinfo=UTC)
        assert statement.run(scratch, {"now": at, "unused": 1}).scalar() == at.replace(hour=hour + 1)


def test_a_statement_is_made_once_for_its_key(scratch):
    made = []

    def make(value):
        made.append(value)
        return sa.select(sa.literal(value, sa.Integer()))

    for value in (1, 2, 1):
        assert kept(("of", value), partial(make, value)).run(scratch, {}).scalar() == value
    assert made == [1, 2]


def test_what_was_not_asked_for_lately_is_let_go():
    some: Kept[str] = Kept(2)
    for key in ("a", "b", "a", "c"):
        some.get(key, partial(str, key))
    assert some.get("a", lambda: "new") == "a"
    assert some.get("b", lambda: "new") == "new"


def test_a_small_answer_is_read_by_its_columns(scratch):
    two = Statement("select n, n * %(by)s as product from generate_series(1, 2) as n")
    assert [(row.n, row.product) for row in two.read(scratch, {"by": 10})] == [(1, 10), (2, 20)]
    none = Statement("select 1 as n where false")
    assert (none.read(scratch, {}), none.read_one(scratch, {}), none.read_values(scratch, {})) == ([], None, None)
    assert Statement('select 3 as "a.b c"').read_values(scratch, {}) == {"a.b c": 3}


def test_one_column_is_read_as_plain_values(scratch):
    statement = Statement("select n, 'other' from generate_series(1, %(most)s) as n order by n desc")
    assert statement.read_column(scratch, {"most": 3}) == [3, 2, 1]
    assert statement.read_column(scratch, {"most": 0}) == []


def test_what_reads_is_part_of_the_transaction(database):
    engine = engine_for(database)
    told = Statement("insert into noted values (%(n)s) returning n")
    with engine.begin() as conn:
        conn.execute(sa.text("create table noted (n int)"))
    with engine.connect() as conn:
        assert [row.n for row in told.read(conn, {"n": 1})] == [1]
        conn.commit()
        told.read(conn, {"n": 2})
    with engine.connect() as conn:
        assert conn.execute(sa.text("select n from noted")).scalars().all() == [1]
    engine.dispose()


def test_errors_are_told_as_everywhere_and_a_broken_connection_is_let_go(database):
    engine = engine_for(database, pool_size=1)
    with pytest.raises(sa.exc.DataError), engine.connect() as conn:
        Statement("select 1 / %(n)s as n").read(conn, {"n": 0})
    with pytest.raises(sa.exc.OperationalError) as broken, engine.connect() as conn:
        Statement("select pg_terminate_backend(pg_backend_pid())").read(conn, {})
    assert broken.value.connection_invalidated
    with engine.connect() as conn:
        assert Statement("select 1 as n").read_values(conn, {}) == {"n": 1}
    engine.dispose()


def test_no_statement_that_stays_prepared_asks_for_whatever_columns_a_table_has():
    """One more, by a migration, would fail those that an older process has prepared."""
    store = Path(__file__).parents[3] / "store"
    asked = {
        table
        for path in store.rglob("*.py")
        for table in re.findall(r'Statement\(f?"+\s*select \* from (\w+)', path.read_text(encoding="utf-8"))
    }
    assert asked & metadata.tables.keys() == {"account_now"}
