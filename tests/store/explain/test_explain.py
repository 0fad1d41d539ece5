from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa

from store import schema
from store.current.touched import Touched
from store.deployed import NothingDeployed, load_workspace
from store.deploying.playbook_state import pause, resume
from store.explain import explain
from tests.databases import engine_of
from tests.store.book import NOW, Book, days
from tests.store.world import FALLS, START, WORKSPACE, World, workspace

RECOVERY = b"""
playbook: risk-recovery
title: Recover an account
audience: account.segment == "enterprise"
triggers:
  - { id: low, score: health, falls_below: 60, rearm_at: 68, for: 3 days }
  - { id: renewal, date: account.renewal_date - 60 days }
  - { id: hand, manual: true }
entry: { again_after: 60 days, exclusive: attention }
goal: { when: health.score >= 75 }
exit:
  - { when: account.lifecycle == "churned", reason: churned }
steps:
  - { wait: 7 days }
"""
DATED = b"""
playbook: dated
title: Talk about the renewal
audience: account.segment == "enterprise"
triggers:
  - { id: renewal, date: account.renewal_date - 90 days }
entry: { exclusive: attention }
steps:
  - { wait: 7 days }
"""
PARTS = [
    {"id": "logins", "value": 10.0, "points": 30.0, "weight": 60.0, "state": "known"},
    {"id": "csat", "value": 4.0, "points": 100.0, "weight": 40.0, "state": "known"},
]


@pytest.fixture
def conn(database) -> Iterator[sa.Connection]:
    engine = engine_of(database)
    with engine.connect() as conn:
        yield conn


@pytest.fixture
def book(conn):
    return Book(conn)


@pytest.fixture
def account_id(book):
    book.playbook(RECOVERY, book.workspace())
    return book.account("acme")


def facts(book, account_id, **more):
    usual = {
        "account__segment": "enterprise",
        "account__lifecycle": "live",
        "health__score": 58.0,
        "health__band": "yellow",
        "metric__logins_30d": 10.0,
        "metric__csat": 4.0,
        "account__renewal_date": date(2026, 8, 1),
        "seen": 1,
    }
    book.facts(account_id, **usual | more)


def explained(conn, **which):
    found = explain(conn, "acme", NOW, **which)
    assert found is not None
    return found


def hold(conn, account_id, **more):
    row = {"playbook": "risk-recovery", "trigger": "low", "since": NOW - days(1), "due_at": NOW + days(2)}
    conn.execute(sa.insert(schema.trigger_hold).values(account_id=account_id, **row | more))


# --- what it stands on ---


@pytest.mark.parametrize(
    ("touched", "unread"), [(None, True), (int(Touched.VALUES), True), (int(Touched.NOTHING), False)]
)
def test_what_was_told_since_the_last_sweep_is_said_to_be_unread(book, conn, account_id, touched, unread):
    facts(book, account_id)
    other = book.account("other")
    conn.execute(sa.insert(schema.change).values(account_id=other, touched=int(Touched.VALUES)))
    assert not explained(conn).unread
    conn.execute(sa.insert(schema.change).values(account_id=account_id, touched=touched))
    assert explained(conn).unread == unread
    assert not explained(conn, at=NOW).unread


# --- playbooks ---


def test_nothing_has_fired(book, conn, account_id):
    facts(book, account_id, health__score=72.0)
    [playbook] = explained(conn).playbooks
    assert (playbook.verdict, playbook.says) == ("waiting", "no trigger has fired")
    assert (playbook.audience.holds, playbook.audience.values["account.segment"]) == (True, "enterprise")
    low, renewal, hand = playbook.triggers
    assert (low.memory, low.trips and low.trips.holds, low.trips and low.trips.values) == (
        *("armed", False),
        {"health.score": 72.0},
    )
    assert low.rearms is not None
    assert low.rearms.holds is True
    # 60 days before 1 August, at midnight in the workspace's zone
    assert (renewal.memory, renewal.due_at and renewal.due_at.isoformat()) == ("coming", "2026-06-01T22:00:00+00:00")
    assert hand.memory == "by hand"
    assert playbook.goal is not None
    assert playbook.goal.holds is False
    assert [one.holds for one in playbook.exits] == [False]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"account__segment": "self-serve"}, "the account is outside the audience"),
        ({"account__lifecycle": "churned"}, "the account is outside the audience"),
        ({"account__segment": None}, "whether the audience holds is unknown"),
        ({"tripped": 1}, "its condition was true already when it was first seen, which is no crossing"),
    ],
)
def test_it_says_why_nothing_starts(book, conn, account_id, more, says):
    facts(book, account_id, **more)
    [playbook] = explained(conn).playbooks
    assert (playbook.verdict, playbook.says) == ("waiting", says)


@pytest.mark.parametrize(
    ("masks", "memory"),
    [
        ({"seen": 0}, "unseen"),
        ({"seen": 1}, "armed"),
        ({"seen": 1, "holding": 1}, "holding"),
        ({"seen": 1, "tripped": 1}, "tripped"),
    ],
)
def test_a_trigger_shows_its_memory(book, conn, account_id, masks, memory):
    facts(book, account_id, **masks)
    if memory == "holding":
        hold(conn, account_id)
    assert explained(conn).playbooks[0].triggers[0].memory == memory


def test_a_dwelling_edge_says_since_when_and_until_when(book, conn, account_id):
    facts(book, account_id, holding=1)
    hold(conn, account_id, suspended_at=NOW)
    [playbook] = explained(conn).playbooks
    low = playbook.triggers[0]
    assert (low.since, low.due_at, low.suspended_at) == (NOW - days(1), NOW + days(2), NOW)
    assert playbook.verdict == "dwelling"
    assert "counts from 2026-03-12 09:30 UTC" in playbook.says


def test_an_open_run_is_named(book, conn, account_id):
    facts(book, account_id)
    run_id = book.run(account_id)
    book.crossing(account_id, run_id=run_id)
    [playbook] = explained(conn).playbooks
    assert (playbook.verdict, playbook.run and playbook.run.id) == ("running", run_id)
    assert playbook.crossing is not None
    assert playbook.crossing.reasons[0].says == "health fell below 60"


def test_an_ended_run_says_why_and_when_the_next_may_start(book, conn, account_id):
    facts(book, account_id)
    run_id = book.ended_run(account_id)
    book.crossing(account_id, run_id=run_id)
    [playbook] = explained(conn).playbooks
    assert (playbook.verdict, playbook.says) == ("ended", f"run {run_id} ended on 2026-03-09 09:30 UTC: goal reached")
    # 60 days at the same time on the wall, over the change to summer time
    assert playbook.cool_down_until is not None
    assert playbook.cool_down_until.isoformat() == "2026-05-08T08:30:00+00:00"


def test_a_held_crossing_says_why(book, conn, account_id):
    facts(book, account_id)
    other = book.run(account_id, "onboarding", exclusive="attention")
    book.crossing(account_id, state="held", why="run 1 of onboarding holds the group attention")
    [playbook] = explained(conn).playbooks
    assert playbook.verdict == "held"
    assert playbook.says.endswith("holds the group attention")
    assert playbook.blocked_by is not None
    assert playbook.blocked_by.id == other


def test_a_held_crossing_is_not_hidden_by_a_later_one_that_did_not_start(book, conn, account_id):
    facts(book, account_id)
    held = {"state": "held", "why": "run 1 of onboarding holds the group attention"}
    book.crossing(account_id, at=NOW - days(3), decided_at=NOW - days(3), **held)
    book.crossing(account_id, at=NOW - days(1), decided_at=NOW - days(1), state="not_started", why="outside")
    [playbook] = explained(conn).playbooks
    assert (playbook.verdict, playbook.crossing and playbook.crossing.at) == ("held", NOW - days(3))


def test_a_crossing_that_did_not_start_says_why(book, conn, account_id):
    facts(book, account_id)
    book.ended_run(account_id, started_at=NOW - days(9))
    book.crossing(account_id, state="not_started", why="outside the audience")
    [playbook] = explained(conn).playbooks
    assert playbook.verdict == "not_started"
    assert playbook.says.endswith("outside the audience")


def test_switched_off_playbooks_are_explained_only_when_asked_for(book, conn, account_id):
    facts(book, account_id)
    conn.execute(sa.update(schema.playbook).values(state="off"))
    assert explained(conn).playbooks == ()
    assert explained(conn, playbook="risk-recovery").playbooks[0].state == "off"


# --- scores and facts ---


def test_a_score_shows_its_contributions_and_what_would_move_it(book, conn, account_id):
    facts(book, account_id)
    row = {"card": "health", "at": NOW, "value": 58.0, "band": "yellow", "known_weight": 1.0}
    row |= book.made_of(PARTS)
    conn.execute(sa.insert(schema.score).values(account_id=account_id, **row))
    told = {"account_id": account_id, "field": "metric.csat", "value": 4.0, "at": NOW - days(5), "learned_at": NOW}
    conn.execute(sa.insert(schema.account_value).values(**told))

    [score] = explained(conn).scores

    assert (score.value, score.band) == (58.0, "yellow")
    logins, csat = score.contributions
    assert (logins.points, logins.weight, logins.told_at) == (30.0, 60.0, None)
    assert (csat.points, csat.told_at) == (100.0, NOW - days(5))
    up, down = score.moves
    assert (up.band, up.direction, up.line, up.distance) == ("green", "up", 70.0, 12.0)
    # logins alone: 12 points of the score are 20 of its own, so 50; on the way from 0: 0 to 20: 60 that is 16.67 logins
    assert [(lever.id, lever.to_points, lever.to_value) for lever in up.levers] == [("logins", 50.0, 16.6667)]
    # 40 is yellow still. Without any login csat alone makes 40.0, so logins alone cannot do it.
    assert (down.band, down.direction, down.line, down.distance) == ("red", "down", 40.0, -18.1)
    assert [lever.id for lever in down.levers] == ["csat"]


@pytest.mark.parametrize(
    ("value", "band", "moves"), [(90.0, "green", ["yellow"]), (10.0, "red", ["yellow"]), (None, None, [])]
)
def test_moves_lead_to_the_bands_beside(book, conn, account_id, value, band, moves):
    facts(book, account_id)
    row = {"card": "health", "at": NOW, "known_weight": 1.0}
    row |= book.made_of(PARTS)
    conn.execute(sa.insert(schema.score).values(account_id=account_id, value=value, band=band, **row))
    [score] = explained(conn).scores
    assert [move.band for move in score.moves] == moves


def test_facts_are_those_of_the_catalogue(book, conn, account_id):
    facts(book, account_id)
    found = explained(conn).facts
    assert found["account.renewal_date"] == date(2026, 8, 1)
    assert found["account.country"] is None
    assert "seen_0" not in found


def test_many_playbooks_are_explained_by_as_many_statements_as_one(book, conn, account_id):
    facts(book, account_id)

    def asked() -> int:
        heard: list[str] = []

        def hear(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            heard.append(statement)

        explained(conn)  # what is deployed is read once and kept
        sa.event.listen(conn, "before_cursor_execute", hear)
        explained(conn)
        sa.event.remove(conn, "before_cursor_execute", hear)
        return len(heard)

    alone = asked()
    workspace = load_workspace(conn)
    for n in range(5):
        book.playbook(DATED.replace(b"dated", f"dated-{n}".encode()), workspace)
    assert len(explained(conn).playbooks) == 6
    assert asked() == alone


def test_an_account_before_its_first_sweep_is_explained(conn, account_id):
    found = explained(conn)
    assert (found.facts, found.scores) == ({}, ())
    assert found.playbooks[0].says == "the account waits for its first sweep"


def test_an_unknown_account_is_none_and_an_unknown_playbook_is_said_so(conn, account_id):
    assert explain(conn, "nobody", NOW) is None
    with pytest.raises(NothingDeployed, match="no-such-thing"):
        explain(conn, "acme", NOW, "no-such-thing")


def test_without_a_workspace_it_says_so(book, conn):
    book.account("acme")
    with pytest.raises(NothingDeployed, match="deploy"):
        explain(conn, "acme", NOW)


# --- the past ---


@pytest.fixture
def world(database) -> World:
    return World(database)


def test_the_past_is_told_by_the_playbook_in_force_then(world):
    world.deploy(save=FALLS)
    world.account("acme", name="Acme")
    world.pass_time()
    with world.tx() as conn:
        pause(conn, "save")
    world.pass_time()
    world.deploy(save=FALLS.replace("60", "50"))
    with world.tx() as conn:
        resume(conn, "save")
        assert [on(conn, n) for n in (-1, 0.5, 1.5, 2.5)] == [
            None,
            ("active", "metric.nps < 60"),
            ("paused", "metric.nps < 60"),
            ("active", "metric.nps < 50"),
        ]


def on(conn, day):
    """The state of the one playbook on a day, and what its trigger asked."""
    at = START + days(day)
    found = explain(conn, "acme", START + days(9), at=at)
    if found is None or not found.playbooks:
        return None
    [playbook] = found.playbooks
    trips = playbook.triggers[0].trips
    assert trips is not None
    return playbook.state, trips.text


def test_a_field_that_is_gone_by_now_is_unknown_in_the_past(world):
    world.deploy(workspace(WORKSPACE + "  loud: number\n"), save=FALLS.replace("nps", "loud"))
    world.account("acme", name="Acme")
    world.pass_time()
    world.deploy(workspace(), save=FALLS)
    with world.tx() as conn:
        found = explain(conn, "acme", world.now, at=START + days(0.5))
    assert found is not None
    trips = found.playbooks[0].triggers[0].trips
    assert trips is not None
    assert trips.holds is None


def test_a_playbook_that_was_not_deployed_yet_is_refused(world):
    world.deploy()
    world.account("acme", name="Acme")
    world.pass_time()
    world.deploy(save=FALLS)
    with world.tx() as conn, pytest.raises(NothingDeployed, match="was not deployed"):
        explain(conn, "acme", world.now, "save", at=START + days(0.5))
