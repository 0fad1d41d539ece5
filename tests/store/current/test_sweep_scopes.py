"""Whomever a sweep looks at, the projection is what it would be if everything were worked out anew."""

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.facts import EventFact, MetricFact, RecordFact
from store import clock
from store.current.projection import project
from store.deployed import conditions_in_force, extremes_of, load_playbooks
from store.migrate import migrate
from store.postgres.database import engine_for
from tests.store.world import DAY, FALLS, World, workspace

WORKSPACE = """
name: Test
zone: Europe/Berlin
records: { visit: { n: number } }
events: { login: { n: number }, ping: {} }
feeds: { ping: { stale_after: 3 days } }
fields: { account.met: date }
metrics:
  nps: number
  usage: number
  logins: count(event.login, 3 days)
  weight: sum(event.login.n, 2 days)
  pings: count(event.ping, 5 days)
  visits: count(visit where active)
  known_for: days_since(account.met)
  ripe: metric.logins * 10 + metric.known_for
  peak: highest(metric.known_for, 2 days)
  best: highest(metric.nps, 2 days)
"""
CARD = """
scorecard: health
components:
  - { id: nps, metric: nps, scale: { 0: 0, 100: 100 }, weight: 3, stale_after: 2 days }
  - { id: logins, metric: logins, scale: { 0: 0, 5: 100 }, weight: 2 }
  - { id: ripe, metric: ripe, scale: { 0: 0, 60: 100 }, weight: 1, missing: 40 }
  - { id: pings, metric: pings, scale: { 0: 0, 5: 100 }, weight: 1 }
bands: { red: 0..<50, green: 50..100 }
"""


@pytest.fixture
def world(database):
    world = World(database)
    world.workspace = workspace(WORKSPACE, health=CARD)
    world.deploy(risk=FALLS + "  - { score: health, drops_by: 5, within: 2 days }\n")
    return world


def worked_out_anew(world):
    """How many rows would come out different."""
    with world.engine.connect() as conn, conn.begin() as transaction:
        extremes = extremes_of(conditions_in_force(conn, load_playbooks(conn)))
        different = project(conn, world.workspace, clock.now(conn), extremes, "anew")
        transaction.rollback()
        return different


def test_days_and_hours_of_facts_leave_what_a_fresh_look_would_find(world):
    keys = [f"k{n}" for n in range(5)]
    for n, key in enumerate(keys):
        world.account(key, met=f"2026-02-{n + 10}", **({"zone": "Asia/Tokyo"} if n == 1 else {}))
    world.sweep()
    for step in range(22):
        key = keys[step * 3 % 5]
        if step % 3 != 2:
            world.tell(MetricFact(account=key, metric="nps", value=float(step * 37 % 100)))
            world.tell(EventFact(type="login", account=key, at=world.now, props={"n": step}))
        if step % 5 == 0:
            at = world.now + timedelta(hours=20)
            world.tell(RecordFact(record="visit", key=f"v{step}", account=key, starts_at=at, ends_at=at + DAY))
        if step in (2, 3, 12):
            world.event(keys[step % 5], "ping")
        world.sweep()
        assert worked_out_anew(world) == 0, f"step {step}"
        world.pass_time(timedelta(hours=(7, 13, 24, 1)[step % 4]))
        world.sweep()
        assert worked_out_anew(world) == 0, f"after step {step}"
    assert set(world.rows("select scope from sweep")) == {("some",), ("all",), ("anew",)}


SOURCES = """
name: Test
zone: UTC
events: { login: { n: number, ms: number }, ping: { n: number, word: text } }
metrics:
  nps: number
  weight: sum(event.login.n, 2 days)
  slowest: max(event.login.ms, 3 days)
  heaviest: max(event.ping.n, 3 days)
  pings: count(event.ping where word == "a", 4 days)
  both: sum(event.login.n, 2 days) + metric.pings
"""
COUNTED = 'select "metric.weight", "metric.slowest", "metric.heaviest", "metric.pings", "metric.both" from account_now'


def test_rows_of_several_sources_that_are_read_together_are_told_apart(world):
    world.deploy(workspace(SOURCES), risk=FALLS)
    world.account("k1")
    told: list[tuple[str, dict[str, bool | float | str | None]]] = [
        ("login", {"n": 1.5, "ms": 0.1}),
        ("login", {"n": 2, "ms": 0.30000000000000004}),
        ("ping", {"n": 7, "ms": 50, "word": "a"}),
        ("ping", {"n": -9, "word": 3}),
    ]
    for type_, props in told:
        world.tell(EventFact(type=type_, account="k1", at=world.now, props=props))
    # What a prop was before it was a number.
    world.rows('update event set props = props || \'{"n": "70"}\' where props @> \'{"n": -9}\' returning id')
    world.account("k2")
    with world.tx() as conn:
        conn.execute(sa.text("insert into change (account_id) values (null)"))
    world.sweep()
    assert world.rows(f"{COUNTED} order by account_id") == [
        (3.5, 0.30000000000000004, 7.0, 1.0, 4.5),
        (0.0, None, None, 0.0, 0.0),
    ]
    assert worked_out_anew(world) == 0


DWELLS = "  - { metric: usage, rises_above: 50, for: 1 day }\n  - { becomes: metric.logins >= 2 }\n"


def decided(database, seed, *, anew):
    """What comes of random facts and days: crossings, memories and the past of scores."""
    world, lots = World(database), random.Random(seed)
    try:
        world.workspace = workspace(WORKSPACE, health=CARD)
        world.deploy(
            risk=FALLS + "  - { score: health, drops_by: 5, within: 2 days }\n", care="triggers:\n" + DWELLS + LETS_GO
        )
        keys = [f"k{n}" for n in range(6)]
        for n, key in enumerate(keys):
            world.account(key, met=f"2026-02-{n + 10}", **({"zone": "Asia/Tokyo"} if n == 1 else {}))
        if not anew:
            with world.tx() as conn:
                conn.execute(MANY_VALUES)
        for _ in range(16):
            for key in lots.sample(keys, lots.randrange(3)):
                if lots.random() < 0.5:
                    world.tell(EventFact(type="login", account=key, at=world.now, props={"n": lots.randrange(9)}))
                metric = lots.choice(["nps", "usage"])
                world.tell(MetricFact(account=key, metric=metric, value=lots.choice([None, 10.0, 55.0, 90.0])))
            if lots.random() < 0.1:
                world.event(lots.choice(keys), "ping")
            if anew:
                with world.tx() as conn:
                    conn.execute(sa.text("insert into change (account_id) values (null)"))
            world.sweep()
            world.pass_time(timedelta(hours=lots.choice([1, 6, 13, 24])))
        scopes = {scope for (scope,) in world.rows("select scope from sweep where id > 1")}
        return scopes, [world.rows(query) for query in OUTCOMES]
    finally:
        world.engine.dispose()


# As PostgreSQL would have counted after years: the newest value of each field is looked up instead of reading all.
MANY_VALUES = sa.text("""
    select pg_restore_relation_stats('schemaname', 'public', 'relname', 'account_value', 'reltuples', 1e8::real)
""")
LETS_GO = "goal: { when: metric.nps >= 90 }\nentry: { again_after: 1 day }\n"
OUTCOMES = (
    "select account_id, playbook, at, state, why, reasons from crossing order by at, playbook, account_id",
    "select * from account_now order by account_id",
    "select account_id, at, value, band, known_weight, points, inputs, states from score order by at, account_id",
    "select card, csm, lifecycle, band, accounts, arr, scored, score_sum from score_book where accounts > 0 order by 4",
    "select account_id, field, at, value from value_history order by at, field, account_id",
    "select account_id, playbook, trigger, since, due_at, suspended_at from trigger_hold order by 1, 2, 3",
    "select run_id, key, since, due_at, suspended_at, met_at from watch order by run_id, key",
    "select run_id, n, kind, fact from outbox order by run_id, n",
)


@pytest.mark.parametrize("seed", [3, 11])
def test_looking_at_everyone_anew_each_time_decides_the_same(database, seed):
    scopes, found = decided(database, seed, anew=False)
    assert {"some", "all"} <= scopes
    assert found[0]
    engine = engine_for(database)
    with engine.begin() as conn:
        conn.execute(sa.text("drop schema public cascade"))
        conn.execute(sa.text("create schema public"))
    engine.dispose()
    migrate(database)
    scopes, from_scratch = decided(database, seed, anew=True)
    assert scopes == {"anew"}
    for query, one, other in zip(OUTCOMES, found, from_scratch, strict=True):
        assert one == other, query
