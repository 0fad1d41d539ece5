"""Whomever a sweep looks at, the projection is what it would be if everything were worked out anew."""

from datetime import timedelta

import pytest

from engine.facts import EventFact, MetricFact, RecordFact
from store import clock
from store.deployed import conditions_in_force, extremes_of, load_playbooks
from store.projection import project
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
