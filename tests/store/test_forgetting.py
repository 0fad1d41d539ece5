from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, EventFact, MetricFact, RecordFact
from store import clock, forgetting
from store.explain import explain
from store.forgetting import HistoryGone, forget
from store.intake import take_in
from tests.store.world import START, World, workspace

DAY = timedelta(days=1)
TEXT = """
name: Test
events: { usage: { n: number }, seen: null }
records: { ticket: { csat: number } }
metrics: { nps: number, logins: "count(event.usage, 10 days)", peaks: "highest(metric.nps, 10 days)" }
"""
HEALTH = """
scorecard: health
components: [{ id: nps, metric: nps, scale: { 0: 0, 10: 100 }, weight: 1, missing: 0 }]
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""
KEPT = "retention: { events: 30 days, history: 20 days }\n"
AWAITS = """
triggers: [{ becomes: metric.nps < 3 }]
goal: { when: "count(event.usage, 50 days) > 100" }
"""


@pytest.fixture
def world(database):
    world = World(database)
    world.deploy(workspace(TEXT, health=HEALTH))
    world.account("acme", name="Acme")
    yield world
    world.engine.dispose()


def keep(world, text=KEPT):
    world.deploy(workspace(TEXT + text, health=HEALTH))


def live(world, days):
    """A visit on each of so many days, and every tenth another value, another version of a record, and a sweep."""
    for day in range(0, days, 10):
        world.pass_time(10 * DAY)
        visits = [
            EventFact(type="usage", key=f"u{day + n}", account="acme", at=world.now - (9 - n) * DAY)
            for n in range(min(10, days - day))
        ]
        value = MetricFact(account="acme", metric="nps", value=float(day % 7), at=world.now)
        ticket = RecordFact(
            record="ticket", key="t", account="acme", starts_at=START, props={"csat": day}, at=world.now
        )
        world.tell(*visits, value, ticket)
        world.sweep()


def held(world, table):
    return world.rows(f"select count(*) from {table}")[0][0]


def known(world, at):
    with world.tx() as conn:
        found = explain(conn, "acme", clock.now(conn), at=at)
        assert found is not None
        return found.facts, found.told, found.scores


def test_everything_is_kept_unless_the_workspace_says_otherwise(world):
    live(world, 60)
    found = forget(world.engine)
    assert (found.since, found.events, found.past) == ({}, 0, 0)
    assert held(world, "event") == 60
    with world.tx() as conn:
        assert explain(conn, "acme", clock.now(conn), at=START + 5 * DAY) is not None


def test_what_is_older_goes_and_what_is_in_force_stays(world):
    live(world, 60)
    keep(world)
    now = world.now
    found = forget(world.engine)
    assert found.since == {"event.usage": now - 30 * DAY, "history": now - 20 * DAY}
    assert found.events == 60 - held(world, "event")
    assert world.rows("select min(at) from event")[0][0] >= now - 30 * DAY
    # Of days 0, 10, … 50 three are behind the twenty days, and the last of them was in force when they began.
    assert world.rows("select value from account_value where field = 'metric.nps' order by at") == [(2,), (5,), (1,)]
    assert [row[0]["csat"] for row in world.rows("select props from record order by at")] == [30, 40, 50]
    assert forget(world.engine).events == 0


def test_what_is_still_kept_is_explained_as_before_and_what_is_not_is_refused(world):
    live(world, 60)
    now = world.now
    # A highest value of ten days is looked for from where one stands.
    instants = [now - n * DAY for n in range(0, 10, 3)]
    before = [known(world, at) for at in instants]
    keep(world, "retention: { history: 20 days }\n")
    forget(world.engine)
    assert [known(world, at) for at in instants] == before
    with pytest.raises(HistoryGone, match="is kept since"):
        known(world, now - 11 * DAY)


def test_told_again_it_does_not_come_back_and_changes_nothing(world):
    live(world, 60)
    keep(world)
    forget(world.engine)
    world.sweep()
    first = START + DAY + timedelta(seconds=1)
    with world.tx() as conn:
        events = [EventFact(type="usage", key=f"u{day}", account="acme", at=START + day * DAY) for day in range(20)]
        values = [MetricFact(account="acme", metric="nps", value=0.0, at=first)]
        report = take_in(conn, [*events, *values], known_at=clock.now(conn))
    assert (report.taken, report.outdated, report.problems) == (0, 20, ())
    assert held(world, "change") == 0


def test_an_event_that_no_sweep_has_looked_at_stays_until_one_has(world):
    keep(world)
    world.tell(EventFact(type="usage", key="late", account="acme", at=START - 60 * DAY))
    assert forget(world.engine).events == 0
    world.sweep()
    assert forget(world.engine).events == 1


def test_what_a_playbook_that_is_left_alone_looks_back_at_stays(world):
    world.deploy(workspace(TEXT, health=HEALTH), hears=AWAITS)
    live(world, 60)
    keep(world)
    assert forget(world.engine).since["event.usage"] == world.now - 50 * DAY
    assert held(world, "event") == 50


def test_a_wait_may_still_hear_of_events_since_it_began(world):
    world.deploy(workspace(TEXT, health=HEALTH), hears="triggers: [{ becomes: metric.nps < 3 }]")
    live(world, 60)
    ((run, account),) = world.rows("select id, account_id from run")
    began = START + 15 * DAY
    waits = "insert into watch (run_id, key, account_id, event, opened_at) values (:run, 's', :account, 'usage', :at)"
    with world.tx() as conn:
        conn.execute(sa.text(waits), {"run": run, "account": account, "at": began})
    keep(world)
    assert forget(world.engine).since["event.usage"] == began
    with world.tx() as conn:
        conn.execute(sa.text("update watch set met_at = now()"))
    assert forget(world.engine).since["event.usage"] == world.now - 30 * DAY


def test_what_was_learned_late_does_not_hide_what_was_believed_before(world):
    world.tell(MetricFact(account="acme", metric="nps", value=8.0, at=START - 40 * DAY))
    for _ in range(25):
        world.pass_time()
    early = world.now
    world.tell(MetricFact(account="acme", metric="nps", value=3.0, at=START - 30 * DAY))
    world.sweep()
    keep(world, "retention: { history: 20 days }\n")
    before = known(world, early)
    forget(world.engine)
    assert known(world, early) == before


def test_killed_after_every_batch_each_next_run_goes_on(world, monkeypatch):
    live(world, 50)
    keep(world)
    monkeypatch.setattr(forgetting, "_BATCH", 4)
    kills = 0
    while killed_after(world.engine, batches=kills):
        kills += 1
    assert kills > 4
    assert held(world, "event") == 30
    assert world.rows("select value from account_value where field = 'metric.nps' order by at") == [(6,), (2,), (5,)]
    assert held(world, "record") == 3
    given_up = "select count(*) from score where at < (select at from kept_since where what = 'history')"
    assert world.rows(given_up) == [(1,)]  # in force since then


def killed_after(engine, batches):
    """Whether it was killed before it was done."""

    def count(_conn):
        nonlocal batches
        batches -= 1
        if batches < 0:
            raise KeyboardInterrupt

    sa.event.listen(engine, "commit", count)
    try:
        forget(engine)
    except KeyboardInterrupt:
        return True
    finally:
        sa.event.remove(engine, "commit", count)
    return False


def test_lengthening_retention_does_not_bring_back_what_is_gone(world):
    live(world, 60)
    keep(world)
    first = forget(world.engine).since
    keep(world, "retention: { events: 300 days, history: 300 days }\n")
    assert forget(world.engine).since == first


def test_people_and_fields_nobody_tells_again_stay_for_ever(world):
    world.tell(AccountFact(key="acme", fields={"account.segment": "large"}))
    live(world, 100)
    keep(world)
    forget(world.engine)
    assert world.rows("select count(*) from account_value where field = 'account.segment'") == [(1,)]
