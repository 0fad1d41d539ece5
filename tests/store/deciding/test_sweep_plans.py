"""How PostgreSQL goes about a sweep: whatever was told of a few accounts is found by index, however many there are."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.expressions import Scope, parse_expression
from store.current.gathered import gather
from store.deciding.sweep import sweep
from store.postgres.statements import Statement
from tests.databases import make_database
from tests.store.world import DAY, FALLS, START, World, workspace

_numbers = itertools.count(1)

ACCOUNTS = 20_000
# Not `account`: the breaker counts them, which is quick.
LARGE = {"account_now", "account_value", "crossing", "event", "record", "run", "score", "watch"}

WORKSPACE = """
name: Test
zone: UTC
records: { visit: { n: number } }
events: { login: {}, use: { n: number } }
metrics:
  nps: number
  usage: number
  logins: count(event.login, 14 days)
  visits: count(visit where active)
"""
CARD = """
scorecard: health
components:
  - { id: nps, metric: nps, scale: { 0: 0, 100: 100 }, weight: 1, stale_after: 300 days }
  - { id: logins, metric: logins, scale: { 0: 0, 5: 100 }, weight: 1 }
bands: { red: 0..<50, green: 50..100 }
rollup: worst
"""
GOAL = "goal: { when: metric.nps >= 90, for: 2 days }\n"
DROPS = "  - { score: health, drops_by: 15, within: 14 days }\n"
NEARS = "  - { becomes: days_until(account.renewal_date) < -3000 }\n"
RENEWS = (
    "triggers:\n  - { date: account.renewal_date - 90 days, grace: 3 days }\n  - { event: login, settle: 1 hour }\n"
)

FURNISH = (
    "insert into account (key, learned_at) select 'k' || n, :at from generate_series(1, :n) as n",
    """
    insert into account_value (account_id, field, value, at, learned_at)
    select id, field, to_jsonb(id % 100), :at, :at from account, unnest(array['metric.nps', 'metric.usage']) as field
    """,
    """
    insert into account_value (account_id, field, value, at, learned_at)
    select id, 'account.renewal_date', to_jsonb(date '2026-06-01' + (id % 365)::int), :at, :at from account
    """,
    """
    insert into account_value (account_id, field, value, at, learned_at)
    select id, 'account.parent', to_jsonb('k' || id / 20 * 20), :at, :at from account where id % 20 <> 0
    """,
    """
    insert into event (account_id, type, key, at, learned_at)
    select id, 'login', id, :at - id % 1000 * interval '1 hour', :at from account
    """,
    """
    insert into record (account_id, kind, key, starts_at, at, learned_at)
    select id, 'visit', id, :at - id % 1000 * interval '1 hour', :at, :at from account
    """,
    """
    insert into run (playbook, version, plan_hash, account_id, priority, workflow_id, started_at)
    select 'risk', 1, 'x', id, 1, 'risk/' || id, :at from account
    """,
    """
    insert into watch (run_id, key, account_id, condition, opened_at)
    select run.id, 'goal', account_id, compiled #> '{plan,goal,when}', :at from run
    join playbook_version using (playbook, version)
    """,
    """
    insert into crossing (playbook, version, account_id, at, reasons, state)
    select 'risk', 1, id, :at, '[]', 'started' from account
    """,
)


@pytest.fixture(scope="module")
def furnished(postgres_url: str, migrated_template: str) -> str:
    """The name of a database with accounts that were swept; nobody is connected to it."""
    name = "sweep_plans"
    world = World(make_database(postgres_url, name, migrated_template))
    world.workspace = workspace(WORKSPACE, health=CARD)
    world.deploy(risk=GOAL + FALLS + DROPS + NEARS, renewal=RENEWS)
    with world.tx() as conn:
        for statement in FURNISH:
            conn.execute(sa.text(statement), {"n": ACCOUNTS, "at": world.now})
    world.pass_time(DAY)
    world.sweep()
    world.sweep()  # of the parents, that were told of their children
    with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("vacuum (analyze)"))
    world.engine.dispose()
    return name


@pytest.fixture
def world(postgres_url: str, furnished: str) -> World:
    """A copy of this test's own."""
    return World(make_database(postgres_url, f"{furnished}_{next(_numbers)}", furnished), start=START + DAY)


@contextmanager
def heard(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are executed inside."""
    found: list[tuple[str, Any]] = []

    def hear(_conn, _cursor, statement, parameters, *_):
        found.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)


def scans(engine: sa.Engine, statements: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Large tables that would be read from end to end, and by which statement."""
    found = []
    with engine.connect() as conn:
        for statement, parameters in statements:
            if not re.match(r"\s*(with|select|insert|update|delete)\b", statement, re.IGNORECASE):
                continue
            given = parameters[0] if isinstance(parameters, list) else parameters
            plan = "\n".join(conn.exec_driver_sql(f"explain {statement}", given).scalars())
            tables = set(re.findall(r"Seq Scan on (\w+)", plan)) & LARGE
            found += [(table, " ".join(statement.split())[:200]) for table in sorted(tables)]
        conn.rollback()
    return found


def test_a_sweep_finds_what_changed_or_came_due_by_index_and_asks_no_more_where_nothing_did(world):
    world.metric("k7", "nps", 10.0)
    world.event("k8", "login")
    world.pass_time(timedelta(hours=2))
    with heard(world.engine) as statements:
        report = sweep(world.engine)
    assert report is not None
    assert 2 <= report.accounts < 200
    assert report.playbooks == {"renewal": {"started": 1}}
    assert len(statements) > 20
    assert scans(world.engine, statements) == []
    assert 0 < world.sweep().accounts < 200  # parents of the accounts that changed
    world.pass_time(timedelta(seconds=1))
    with heard(world.engine) as statements:
        report = sweep(world.engine)
    assert report is not None
    assert report.accounts == 0
    assert len(statements) <= 20
    assert scans(world.engine, statements) == []


def test_a_day_that_begins_needs_rows_and_watches_of_everyone_and_nothing_for_what_the_last_came_to(world):
    world.pass_time(DAY)
    with heard(world.engine) as statements:
        report = sweep(world.engine)
    assert report is not None
    assert report.accounts == ACCOUNTS
    assert world.rows("select sum(accounts) from score_day where day = '2026-03-03'") == [(ACCOUNTS,)]
    found = scans(world.engine, statements)
    assert {table for table, _ in found} <= {"account_now", "watch"}
    assert [statement for _, statement in found if "score_day" in statement] == []


def test_what_everyone_did_is_read_once_and_what_a_few_did_is_asked_of_each(world):
    world.metric("k7", "nps", 10.0)
    assert asked_of_each(world) == {"event", "record"}
    with world.tx() as conn:
        conn.execute(sa.text("insert into change (account_id) values (null)"))
    assert asked_of_each(world) == set()


def test_events_of_several_windows_are_read_within_one_span_and_by_account(world):
    scope = Scope(catalogue=workspace(WORKSPACE, health=CARD).catalogue(), aggregates=True)
    asked = ("count(event.login, 14 days) > 1", "sum(event.use.n, 30 days) > 1", "max(event.use.n, 7 days) > 1")
    (group,) = gather([parse_expression(text, scope) for text in asked], silent=()).groups
    with world.engine.connect() as conn:
        # How many rows there are decides between an index and the whole table; here, whether the index can serve.
        for way in ("seqscan", "bitmapscan", "hashagg", "sort"):
            conn.exec_driver_sql(f"set local enable_{way} = off")
        statement = Statement(sa.select(group))
        plan = conn.exec_driver_sql(f"explain {statement.text}", {"now": world.now}).scalars().all()
    assert [line for line in plan if "Sort" in line] == []
    (span,) = [line for line in plan if "Index Cond" in line]
    assert "type = ANY" in span
    assert "at <=" in span
    assert "at >" in span


def asked_of_each(world: World) -> set[str]:
    """The tables that the next sweep's projection looks into once for every account."""
    with heard(world.engine) as statements:
        world.sweep()
    (projection,) = [one for one in statements if one[0].lstrip().startswith("WITH changed")]
    with world.engine.connect() as conn:
        plan = "\n".join(conn.exec_driver_sql(f"explain {projection[0]}", projection[1]).scalars())
    sought = r"\n *SubPlan \d+\n(?:(?! *SubPlan).*\n){0,4}?.*Scan.* on (event|record)\b"
    return set(re.findall(sought, plan))
