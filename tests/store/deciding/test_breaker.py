"""A feed that sends zeros for everyone starts nothing until somebody has looked at it."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from engine.facts import AccountFact, EventFact, MetricFact
from engine.workspace.breaker import Breaker, Entries, half_loaded, in_share, shifted, too_many
from store.deciding import breaker
from store.deciding.sweep import dry_run
from store.intake.arriving import arrive, stage
from tests.store.world import DAY, FALLS, START, WORKSPACE, World, workspace
from tests.waiting import PATIENCE

CARD = """
scorecard: health
components:
  - { id: n, metric: nps, scale: { 0: 0, 100: 100 }, weight: 1 }
bands: { red: 0..<60, green: 60..100 }
"""
RED = "triggers:\n  - score: health\n    falls_below: 60\n    rearm_at: 68\n"
LIMITS = WORKSPACE + "breaker: { at_least: 5 }\n"


@pytest.fixture
def world(database):
    return World(database)


def book(world, size, text=LIMITS, **playbooks):
    """So many accounts, all well."""
    world.deploy(workspace(text, health=CARD), **(playbooks or {"risk": RED}))
    world.tell(*(AccountFact(key=f"a{n:03}") for n in range(size)))
    scores(world, range(size), 80.0)
    world.sweep()


def scores(world, accounts, value):
    world.pass_time(timedelta(hours=2))
    world.tell(*(MetricFact(account=f"a{n:03}", metric="nps", value=value) for n in accounts))


def states(world):
    found = dict[str, int]()
    for _, _, state, _ in world.crossings():
        found[state] = found.get(state, 0) + 1
    return found


def settle(world, what, **options):
    with world.tx() as conn:
        (incident,) = breaker.list_incidents(conn)
        return what(conn, incident.id, by="kim", now=world.now, **options)


def test_zeros_for_everyone_are_held_and_a_mended_feed_starts_nobody(world):
    book(world, 30)
    scores(world, range(30), 0.0)
    report = world.sweep()
    assert (report.started, report.held) == (0, 30)
    with world.tx() as conn:
        (incident,) = breaker.list_incidents(conn)
        starts = breaker.held_starts(conn, incident.id).items
    assert (incident.kind, incident.held) == ("entries", 30)
    assert incident.why == "30 of 30 accounts enter in one sweep, and 6 may"
    assert [one.account for one in starts[:2]] == ["a000", "a001"]
    assert all("breaker" in why for *_, why in world.crossings())
    scores(world, range(30), 80.0)
    report = world.sweep()
    assert (report.started, report.lapsed) == (0, 30)
    assert world.runs() == []


def numbers_used(world):
    return dict(
        world.rows(
            "select sequencename, last_value from pg_sequences where sequencename in ('run_id_seq', 'breaker_id_seq')"
        )
    )


def test_a_dry_run_uses_up_no_number_of_a_run_or_a_breaker(world):
    book(world, 30, text=WORKSPACE + "breaker: { at_least: 5, canary: 20 }\n", risk=RED, other=FALLS)
    scores(world, range(30), 0.0)
    before = numbers_used(world)
    ruled = {(one.playbook, one.account_key): one for one in dry_run(world.engine)}
    assert numbers_used(world) == before
    assert all(one.run_id is None for one in ruled.values())
    assert {one.ruling.why for one in ruled.values() if one.ruling.state == "held"} == {
        "a breaker would trip: 30 of 30 accounts enter in one sweep, and 6 may"
    }
    world.sweep()
    states = {(playbook, account): state for account, playbook, state, _ in world.crossings()}
    assert {key: one.ruling.state for key, one in ruled.items()} == states
    assert len(set(states.values())) == 2
    with world.tx() as conn:
        assert {one.id for one in breaker.list_incidents(conn)} == {1, 2}


def test_released_they_start_once_and_are_not_counted_again(world):
    book(world, 30)
    scores(world, range(30), 0.0)
    world.sweep()
    assert settle(world, breaker.release) == 30
    assert world.sweep().started == 30
    assert world.sweep().started == 0
    assert len(world.runs()) == 30
    with world.tx() as conn:
        assert breaker.list_incidents(conn) == ()
        (settled,) = breaker.list_incidents(conn, every=True)
    assert (settled.state, settled.settled_by, settled.held) == ("released", "kim", 0)


def test_a_share_goes_first_and_the_rest_waits(world):
    book(world, 60)
    scores(world, range(60), 0.0)
    world.sweep()
    first = settle(world, breaker.release, share=25)
    assert 5 < first < 30
    assert world.sweep().started == first
    assert settle(world, breaker.release) == 60 - first
    assert world.sweep().started == 60 - first


def test_a_canary_starts_by_itself_where_the_workspace_asks_for_it(world):
    book(world, 60, WORKSPACE + "breaker: { at_least: 5, canary: 20 }\n")
    scores(world, range(60), 0.0)
    report = world.sweep()
    assert 3 < report.started < 25
    assert report.started + report.held == 60


def test_dropped_they_start_only_when_their_trigger_fires_anew(world):
    book(world, 30)
    scores(world, range(30), 0.0)
    world.sweep()
    assert settle(world, breaker.drop) == 30
    assert world.sweep().started == 0
    assert states(world) == {"dropped": 30}
    scores(world, [0], 80.0)
    world.sweep()
    scores(world, [0], 10.0)
    assert world.sweep().started == 1


def test_who_comes_while_it_is_open_joins_and_other_playbooks_go_on(world):
    book(world, 30, risk=RED, usage=FALLS.replace("nps", "usage"))
    scores(world, range(20), 0.0)
    world.sweep()
    scores(world, [25], 0.0)
    world.tell(MetricFact(account="a026", metric="usage", value=80.0))
    world.sweep()
    world.tell(MetricFact(account="a026", metric="usage", value=1.0))
    world.sweep()
    found = {(account, name): state for account, name, state, _ in world.crossings()}
    assert found["a025", "risk"] == "held"
    assert found["a026", "usage"] == "started"


def test_many_sweeps_of_a_few_add_up(world):
    book(world, 40)
    held = 0
    for n in range(0, 40, 4):
        world.tell(*(MetricFact(account=f"a{n + i:03}", metric="nps", value=0.0) for i in range(4)))
        held += world.sweep().held
    assert len(world.runs()) == 12  # thirty percent within an hour
    assert held == 28


def test_a_shift_of_many_scores_holds_even_a_few_starts(world):
    book(world, 40)
    scores(world, range(30), 62.0)
    assert world.sweep().started == 0
    world.tell(
        *(MetricFact(account=f"a{n:03}", metric="nps", value=61.0) for n in range(30)),
    )
    world.sweep()
    world.tell(
        *(MetricFact(account=f"a{n:03}", metric="nps", value=99.0) for n in range(28)),
        *(MetricFact(account=f"a{n:03}", metric="nps", value=50.0) for n in range(28, 30)),
    )
    assert world.sweep().held == 2
    with world.tx() as conn:
        (incident,) = breaker.list_incidents(conn)
    assert incident.kind == "shift"
    assert "rose by" in incident.why


BY_THE_CLOCK = (
    "  age: days_since(account.met)\n",
    "fields: { account.met: date }\nevents: { ping: null }\n",
    "{ id: age, metric: age, scale: { 0: 100, 2: 100, 3: 20 }, weight: 1 }",
    "falls_below: 60",
)
BY_SILENCE = (
    "  pings: count(event.ping, 30 days)\n",
    "fields: { account.met: date }\nevents: { ping: null }\nfeeds: { ping: { stale_after: 3 days } }\n",
    "{ id: pings, metric: pings, scale: { 0: 0, 5: 100 }, weight: 1 }",
    "rises_above: 60",
)


@pytest.mark.parametrize(("scope", "what"), [("all", BY_THE_CLOCK), ("anew", BY_SILENCE)])
def test_a_shift_that_nothing_was_told_of_holds_starts_too(world, scope, what):
    """Everyone is looked at; in work there is nobody."""
    metric, rest, component, edge = what
    card = CARD.replace("bands:", f"  - {component}\nbands:")
    text = LIMITS.replace("metrics:\n", "metrics:\n" + metric) + rest
    for_two = f"audience: account.arr >= 1000\ntriggers: [{{ score: health, {edge} }}]\n"
    world.deploy(workspace(text, health=card), risk=for_two)
    fields = {"account.met": world.now.date().isoformat()}
    world.tell(
        *(AccountFact(key=f"a{n:03}", fields=fields | ({"account.arr": 5000} if n < 2 else {})) for n in range(30))
    )
    world.event("a000", "ping")
    scores(world, range(30), 80.0)
    world.sweep()
    for _ in range(3):
        world.pass_time()
        report = world.sweep()
    assert (report.started, report.held) == (0, 2)
    assert world.rows("select scope from sweep order by id desc limit 1") == [(scope,)]
    with world.tx() as conn:
        (incident,) = breaker.list_incidents(conn)
    assert incident.kind == "shift"
    assert "30 of 30" in incident.why


def test_a_half_loaded_feed_holds_starts(world):
    text = LIMITS + "events: { ping: null }\nfeeds: { ping: { stale_after: 30 days } }\n"
    book(world, 30, text)
    for day in range(8):
        world.pass_time(DAY)
        pings = 20 if day < 7 else 3
        world.tell(*(EventFact(type="ping", key=f"{day}/{n}", account="a000", at=world.now) for n in range(pings)))
    world.tell(MetricFact(account="a001", metric="nps", value=0.0))
    assert world.sweep().held == 1
    with world.tx() as conn:
        (incident,) = breaker.list_incidents(conn)
    assert incident.kind == "feed"
    assert "the feed ping brought" in incident.why


EXPORTED = LIMITS + "events: { ping: null }\nfeeds: { ping: { stale_after: 5 days } }\n"
MONDAY = datetime(2026, 3, 16, tzinfo=UTC)
"""Midnight; two weeks after the world's first day."""


def exported(world, days, per_day=20):
    """What happened at five in the afternoon of so many working days from the first Monday on, one night later each."""
    for day in (START.replace(hour=17) + DAY * n for n in range(days)):
        if day.weekday() < 5:
            pings = [EventFact(type="ping", key=f"{day}/{n}", account="a000", at=day) for n in range(per_day)]
            with world.tx() as conn:
                stage(conn, ((ping, day + timedelta(hours=9)) for ping in pings))


def falls_at(world, number, instant):
    """The score of one account falls then, when a sweep asks; whether its start is held back."""
    while world.now < instant:
        world.pass_time(min(DAY, instant - world.now))
        with world.tx() as conn:
            arrive(conn, world.now)
    world.tell(MetricFact(account=f"a{number:03}", metric="nps", value=0.0))
    return world.sweep().held == 1


def test_a_feed_that_is_exported_at_night_is_not_half_loaded_at_any_hour_of_the_week(world):
    book(world, 30, EXPORTED)
    exported(world, 30)
    hours = [day * 24 + hour for day in range(7) for hour in (0, 3, 16, 21)]
    held = [falls_at(world, number, MONDAY + timedelta(hours=hour)) for number, hour in enumerate(hours)]
    assert not any(held)


@pytest.mark.parametrize("hour", [3, 16, 23])
def test_a_night_without_the_export_holds_starts_until_the_next(world, hour):
    book(world, 30, EXPORTED)
    exported(world, 16)
    assert falls_at(world, 1, MONDAY + DAY * 3 + timedelta(hours=hour))


@pytest.mark.parametrize(("days", "held"), [(20, False), (16, True)])
def test_a_book_imported_at_once_has_its_feeds_judged_by_when_their_events_happened(world, days, held):
    """Imported on Monday, asked on Thursday: the nights since then came, or the last did not."""
    book(world, 30, EXPORTED)
    world.pass_time(MONDAY + timedelta(hours=9) - world.now)
    exported(world, days)
    assert falls_at(world, 1, MONDAY + DAY * 3 + timedelta(hours=10)) == held


def test_a_book_imported_at_once_raises_no_alarm_in_its_first_week(world):
    book(world, 30, EXPORTED)
    world.pass_time(MONDAY + timedelta(hours=9) - world.now)
    exported(world, 30)
    hours = [day * 24 + hour for day in range(7) for hour in (10, 20)]
    held = [falls_at(world, number, MONDAY + timedelta(hours=hour)) for number, hour in enumerate(hours)]
    assert not any(held)


def test_switched_off_it_holds_nothing(world):
    book(world, 30, WORKSPACE + "breaker: { at_least: 1, off: true }\n")
    scores(world, range(30), 0.0)
    assert world.sweep().started == 30


def test_a_number_that_is_not_open_is_refused(world):
    with world.tx() as conn, pytest.raises(breaker.NoIncident, match="does not exist"):
        breaker.release(conn, 7, by="kim", now=world.now)


def test_no_more_start_than_the_rate_allows_and_the_others_come_next(world):
    rate = RED + "entry: { at_most: 4 per day }\n"
    book(world, 30, LIMITS.replace("at_least: 5", "at_least: 500"), risk=rate)
    scores(world, range(10), 0.0)
    report = world.sweep()
    assert (report.started, report.held) == (4, 6)
    assert {why for _, _, state, why in world.crossings() if state == "held"} == {"4 start per day at most"}
    assert world.sweep().started == 0
    started = [report.started]
    for _ in range(3):
        world.pass_time(DAY)
        started.append(world.sweep().started)
    assert started == [4, 4, 2, 0]


@pytest.mark.parametrize(
    ("entries", "accounts", "held"),
    [
        (Entries(now=100, hour=0, day=0), 100, False),
        (Entries(now=101, hour=0, day=0), 100, True),
        (Entries(now=2000, hour=0, day=0), 10_000, False),
        (Entries(now=2001, hour=0, day=0), 10_000, True),
        (Entries(now=1000, hour=2001, day=2001), 10_000, True),
        (Entries(now=1000, hour=0, day=4001), 10_000, True),
        (Entries(now=1000, hour=1000, day=4000), 10_000, False),
    ],
)
def test_limits(entries, accounts, held):
    assert (too_many(Breaker(), entries, accounts) is not None) is held


def test_shift_and_feed_limits():
    assert shifted(Breaker(), "health", 200, -15, 1000)
    assert not shifted(Breaker(), "health", 199, -15, 1000)
    assert not shifted(Breaker(), "health", 200, -14.9, 1000)
    assert half_loaded(Breaker(), "usage", 499, 1000)
    assert not half_loaded(Breaker(), "usage", 500, 1000)
    assert not half_loaded(Breaker(), "usage", 0, 99)


def test_a_share_is_a_stable_lot_and_a_greater_one_holds_the_smaller():
    keys = [f"k{n}" for n in range(1000)]
    ten, half = ({key for key in keys if in_share("risk", key, share)} for share in (10, 50))
    assert 60 < len(ten) < 140
    assert ten < half
    assert all(in_share("risk", key, 100) for key in keys)


def test_who_writes_to_owners_is_woken_by_what_is_held_back_and_by_no_other_sweep(world, database):
    book(world, 30)
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as listener:
        listener.execute("listen tenure_held")
        scores(world, range(2), 0.0)
        assert world.sweep().started == 2
        scores(world, range(2, 30), 0.0)
        assert world.sweep().held == 28
        assert len(list(listener.notifies(timeout=PATIENCE, stop_after=1))) == 1
        assert not list(listener.notifies(timeout=0))
