"""Both back ends of the language mean the same, on random expressions over accounts that are hard on purpose."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from engine.durations import Duration
from engine.expressions import Expression, evaluate, parse_expression
from engine.expressions.functions import AGGREGATES
from engine.expressions.functions import FUNCTIONS as DECLARED
from engine.expressions.tree import Aggregate
from store.current.gathered import gather
from store.expressions.sql import FUNCTIONS, to_sql
from store.postgres.statements import Statement
from tests.store.expression_strategies import FIELDS, NOW, SCOPE, WAYS, Account, accounts, of_type

_SQL_TYPES: dict[str, Any] = {
    "number": DOUBLE_PRECISION(),
    "text": sa.Text(),
    "choice": sa.Text(),
    "bool": sa.Boolean(),
    "date": sa.Date(),
    "instant": sa.DateTime(timezone=True),
    "tags": sa.ARRAY(sa.Text()),
}
_EXTREMES = [(way, name) for way in WAYS for name in ("account.n0", "account.n1")]

_table = sa.Table(
    "hard_account",
    sa.MetaData(),
    sa.Column("account_id", sa.BigInteger),
    sa.Column("now", sa.DateTime(timezone=True)),
    sa.Column("today", sa.Date),
    *(sa.Column(name, _SQL_TYPES[field.type]) for name, field in FIELDS.items()),
    *(sa.Column(f"{way} {name}", DOUBLE_PRECISION) for way, name in _EXTREMES),
    prefixes=["TEMPORARY"],
)
_ROWS = """
create temporary table event
    (id bigint generated always as identity, account_id bigint, type text, at timestamptz, props jsonb);
create temporary table record
    (id bigint generated always as identity, account_id bigint, kind text, starts_at timestamptz, ends_at timestamptz,
     props jsonb, superseded_at timestamptz);
create temporary table contact
    (id bigint generated always as identity, account_id bigint, name text, first_name text, email text, zone text,
     roles text[], do_not_contact boolean, at timestamptz);
create index on event (account_id);
create index on record (account_id)
"""


class _Columns:
    def __init__(self, gathered: Mapping[Aggregate, Any] | None = None) -> None:
        self._gathered = gathered or {}

    account_id = _table.c.account_id
    now = _table.c.now
    today = _table.c.today

    def field(self, name: str) -> Any:
        return _table.c[name]

    def local_date(self, at: Any) -> Any:
        local = sa.func.timezone("UTC", at) + sa.text("interval '3 hours'")
        return sa.case(
            (sa.extract("year", sa.func.timezone("UTC", at)) < 9999, local), else_=sa.func.timezone("UTC", at)
        ).cast(sa.Date)

    def highest(self, name: str, window: Duration) -> Any:
        return _table.c[f"highest {name}"]

    def lowest(self, name: str, window: Duration) -> Any:
        return _table.c[f"lowest {name}"]

    def trend(self, name: str, window: Duration) -> Any:
        return _table.c[f"trend {name}"]

    def is_silent(self, source: str) -> bool:
        return False

    def gathered(self, node: Aggregate) -> Any:
        return self._gathered.get(node)


_BATCH = accounts(80)


@pytest.fixture(scope="module")
def hard_accounts(postgres_url: str) -> Iterator[sa.Connection]:
    """A connection whose temporary tables hold the whole batch."""
    engine = sa.create_engine(postgres_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("set timezone to 'America/New_York'"))
        connection.execute(sa.text("set jit to off"))
        _table.create(connection)
        for statement in _ROWS.split(";"):
            connection.execute(sa.text(statement))
        connection.execute(_table.insert(), [_as_row(account) for account in _BATCH])
        for account in _BATCH:
            _insert_rows(connection, account)
        yield connection
    engine.dispose()


def _as_row(account: Account) -> dict[str, Any]:
    extremes = {f"{way} {name}": account.extremes[way, name] for way, name in _EXTREMES}
    return {"account_id": account.number, "now": NOW, "today": account.today, **account.values, **extremes}


def _insert_rows(connection: sa.Connection, account: Account) -> None:
    for row in account.events:
        props = json.dumps({name: value for name, value in row.items() if name != "at"})
        values = {"a": account.number, "at": row["at"], "props": props}
        statement = "insert into event (account_id, type, at, props) values (:a, 'use', :at, cast(:props as jsonb))"
        connection.execute(sa.text(statement), values)
    for row in account.contacts:
        statement = (
            "insert into contact (account_id, name, first_name, email, zone, roles, do_not_contact)"
            " values (:a, :name, :first_name, :email, :zone, :roles, :do_not_contact)"
        )
        connection.execute(sa.text(statement), {"a": account.number, **row})
    for row in account.records:
        props = json.dumps({name: value for name, value in row.items() if name not in ("start", "end")})
        values = {"a": account.number, "start": row["start"], "end": row["end"], "props": props}
        statement = (
            "insert into record (account_id, kind, starts_at, ends_at, props)"
            " values (:a, 'sub', :start, :end, cast(:props as jsonb))"
        )
        connection.execute(sa.text(statement), values)


def _in_sql(connection: sa.Connection, expression: Expression) -> list[Any]:
    query = sa.select(to_sql(expression, _Columns()).label("answer")).order_by(_table.c.account_id)
    answers = connection.execute(query.select_from(_table)).scalars()
    return [answer.astimezone(UTC) if isinstance(answer, datetime) else answer for answer in answers]


def _gathered_in_sql(connection: sa.Connection, expression: Expression) -> list[Any]:
    """With aggregates of everyone at once, as far as they can be gathered."""
    found = gather([expression], silent=())
    query = sa.select(to_sql(expression, _Columns(found.columns)).label("answer")).order_by(_table.c.account_id)
    query = query.select_from(found.joined(_table, _table.c.account_id))
    answers = Statement(query).run(connection, {"now": NOW}).scalars()
    return [answer.astimezone(UTC) if isinstance(answer, datetime) else answer for answer in answers]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(text=st.one_of(*(of_type(type_) for type_ in ("bool", "bool", "number", "date", "instant", "text"))))
def test_python_and_sql_agree_on_every_account(hard_accounts, text):
    expression = parse_expression(text, SCOPE)
    in_python = [evaluate(expression, account) for account in _BATCH]
    assert _in_sql(hard_accounts, Expression.from_json(expression.to_json())) == in_python
    assert _gathered_in_sql(hard_accounts, expression) == in_python


@pytest.mark.parametrize(
    ("text", "gathered"),
    [
        ("count(event.use, 30 days) > 1", True),
        ("last(event.use.n) > 1", True),
        ("count(event.use where n > account.n0) > 1", False),
        ("count(event.use where date(at) == today) > 1", False),
    ],
)
def test_what_is_asked_of_rows_alone_is_gathered(text, gathered):
    assert bool(gather([parse_expression(text, SCOPE)], silent=()).columns) is gathered


def test_every_function_and_aggregate_has_both_back_ends():
    from engine.expressions.aggregates import AGGREGATED
    from engine.expressions.evaluate import STRICT
    from store.expressions.sql import _AGGREGATES

    rewritten = {"days_until", "days_since"}
    assert {*FUNCTIONS, "date"} == set(DECLARED) - rewritten
    assert {*STRICT, "date", "coalesce"} == set(DECLARED) - rewritten
    assert set(_AGGREGATES) == set(AGGREGATED) == set(AGGREGATES)
