"""Goals, exits and awaited things: runs are told once, in the sweep that sees them."""

import pytest

from engine.facts import EventFact
from engine.turns.runtime import Waiting
from store.deciding.arbitration import Ruled
from store.deciding.enrolment import enrol
from store.deployed import load_compiled, plan_conditions
from store.running import runs, watches
from tests.store.world import DAY, FALLS, PLAYBOOK, World

WAITS = PLAYBOOK.replace("wait: 700 days", "wait: {{ until: account.renewal_date }}")

GOAL = "goal: { when: metric.nps >= 75, for: 2 days }\n"
EXIT = 'exit: [{ when: account.lifecycle == "churned", reason: churned }]\n'
USED = {"text": "metric.usage >= 10", "type": "bool", "reads": {"metric.usage": "number"}, "rows": {}}
REACHED = [("end", "goal", {"reason": "goal reached"})]


@pytest.fixture
def world(database):
    """With run 1 of acme, whose nps fell to 50."""
    world = World(database)
    world.deploy(risk=FALLS + GOAL + EXIT)
    world.account("acme", lifecycle="live")
    world.day(nps=80.0)
    world.day(nps=50.0)
    return world


def test_a_goal_must_hold_as_long_as_it_says(world):
    world.day(nps=80.0)
    world.day(nps=50.0)
    world.day(nps=80.0)
    world.day()
    assert world.told(1) == []
    world.day()
    assert world.told(1) == REACHED
    world.day(nps=81.0)
    assert world.told(1) == REACHED, "told once"


def test_unknown_suspends_the_goals_dwell(world):
    world.day(nps=80.0)
    world.day(nps=None)
    world.day()
    world.day(nps=80.0)
    assert world.told(1) == []
    world.day()
    assert world.told(1) == REACHED


def test_an_exit_takes_effect_at_once(world):
    world.account("acme", lifecycle="churned")
    world.sweep()
    assert world.told(1) == [("end", "exit", {"reason": "churned"})]


def test_a_goal_comes_before_an_exit_of_the_same_sweep(world):
    world.day(nps=80.0)
    world.day()
    world.account("acme", lifecycle="churned")
    world.day()
    assert [of for _, of, _ in world.told(1)] == ["goal", "exit"]


def test_goals_of_other_accounts_and_of_ended_runs_are_let_be(world):
    world.account("bee", lifecycle="live")
    world.day("bee", nps=90.0)
    world.end(1)
    world.day(nps=80.0)
    for _ in range(3):
        world.day()
    assert world.told(1) == []


def wait_for(world, **waiting):
    with world.tx() as conn:
        runs.rest(conn, 1, heard=1, due_at=None, waiting=[Waiting(key="steps[0]", **waiting)])
    with world.tx() as conn:
        return watches.already_met(conn, 1, ["steps[0]"], world.now)


def test_an_awaited_condition_is_told_under_its_key(world):
    assert wait_for(world, condition=USED) == ()
    world.day(usage=9.0)
    assert world.told(1) == []
    world.day(usage=10.0)
    world.day(usage=11.0)
    assert world.told(1) == [("met", "steps[0]", {})]


def test_an_awaited_day_comes_without_any_news(world):
    day = (world.now + 3 * DAY).date()
    world.account("acme", renewal_date=day.isoformat())
    world.deploy(_template=WAITS, renew="triggers: [{ manual: true }]")
    world.sweep()
    with world.tx() as conn:
        ruled = enrol(conn, "renew", "acme", by="kim")
        assert isinstance(ruled, Ruled)
        assert ruled.run_id == 2
        (reached,) = plan_conditions(load_compiled(conn, "renew").plan)
        waiting = [Waiting(key="steps[0]", condition=reached.model_dump(mode="json"))]
        runs.rest(conn, 2, heard=1, due_at=None, waiting=waiting)
    assert [len(world.told(2)) for _ in range(3) if world.day()] == [0, 0, 1]


def test_an_awaited_event_is_told_once(world):
    assert wait_for(world, event="login", since=world.now) == ()
    world.event("acme", "logout")
    world.sweep()
    assert world.told(1) == []
    world.event("acme", "login")
    world.event("acme", "login")
    world.sweep()
    world.event("acme", "login")
    world.sweep()
    assert world.told(1) == [("met", "steps[0]", {"event": "login"})]


def test_an_event_from_before_the_wait_does_not_count_however_late_it_is_learned(world):
    wait_for(world, event="login", since=world.now)
    world.event("acme", "login", at=world.now - DAY)
    world.sweep()
    assert world.told(1) == []


def test_an_event_dated_ahead_counts_when_its_time_comes(world):
    wait_for(world, event="login", since=world.now)
    world.event("acme", "login", at=world.now + 2 * DAY)
    world.sweep()
    world.day()
    assert world.told(1) == []
    world.day()
    world.day()
    assert world.told(1) == [("met", "steps[0]", {"event": "login"})]


def test_what_becomes_true_between_watching_and_asking_is_not_missed(world):
    with world.tx() as conn:
        runs.rest(conn, 1, heard=1, due_at=None, waiting=[Waiting(key="steps[0]", condition=USED)])
    world.day(usage=10.0)
    with world.tx() as conn:
        assert watches.already_met(conn, 1, ["steps[0]"], world.now) == ("steps[0]",)
    assert world.told(1) == [("met", "steps[0]", {})]


PHONE = {"text": 'device == "phone" and metric.nps < 60', "type": "bool", "reads": {"metric.nps": "number"}}
PHONE |= {"rows": {"event.login": {"device": "text"}}, "inside": "event.login"}


def login(world, device, **more):
    world.tell(EventFact(type="login", account="acme", at=more.get("at", world.now), props={"device": device}))


def test_an_awaited_event_is_asked_what_the_author_asks(world):
    wait_for(world, event="login", condition=PHONE, since=world.now)
    login(world, "desk")
    world.sweep()
    assert world.told(1) == []
    login(world, "phone")
    world.sweep()
    assert world.told(1) == [("met", "steps[0]", {"event": "login"})]


def test_what_is_asked_of_an_event_is_asked_when_it_is_learned(world):
    world.day(nps=70.0)
    wait_for(world, event="login", condition=PHONE, since=world.now)
    login(world, "phone")
    world.sweep()
    world.day(nps=50.0)
    assert world.told(1) == []


def test_an_event_that_came_with_the_wait_is_asked_as_well(world):
    since = world.now
    for device in ("desk", "phone"):
        login(world, device)
        world.sweep()
        met = wait_for(world, event="login", condition=PHONE, since=since)
        assert met == (() if device == "desk" else ("steps[0]",))


def test_runs_that_ask_the_same_event_differently_are_told_apart(world):
    wait_for(world, event="login", condition=PHONE, since=world.now)
    with world.tx() as conn:
        keys = [("a", None), ("b", PHONE), ("c", {**PHONE, "text": 'device == "desk"', "reads": {}})]
        waiting = [Waiting(key=key, event="login", condition=asks, since=world.now) for key, asks in keys]
        runs.rest(conn, 1, heard=1, due_at=None, waiting=waiting)
    login(world, "desk")
    world.sweep()
    assert [key for _, key, _ in world.told(1)] == ["a", "c"]


def test_a_run_that_grows_too_old_is_told_to_stop_once(world):
    world.deploy(brief="triggers: [{ manual: true }]\nmax_age: 3 days\n")
    with world.tx() as conn:
        ruled = enrol(conn, "brief", "acme", by="kim")
    assert isinstance(ruled, Ruled)
    told = []
    for _ in range(5):
        world.day()
        told.append(len(world.told(ruled.run_id)))
    assert told == [0, 0, 1, 1, 1]
    assert world.told(ruled.run_id) == [("end", "stop", {"reason": "older than 3 days"})]
