from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.calendars import Place
from engine.entry import Claim, OpenRun, Outlook, entry_key, judge, same_term
from engine.plan import Compiled, Entry, Exit, Goal, Plan
from engine.triggers import Edge, Manual
from engine.values import Condition

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def condition(text="account.arr > 1"):
    return Condition(text=text, reads={"account.arr": "number"})


def compiled(priority=50, **entry):
    return Compiled(
        playbook="risk",
        title="Risk",
        priority=priority,
        audience=condition("in"),
        triggers=(
            Edge(id="low", says="low", trips=condition(), rearms=condition()),
            Manual(id="hand"),
        ),
        entry=Entry(**entry),
        plan=Plan(
            playbook="risk",
            steps=(),
            goal=Goal(when=condition("good")),
            exits=(Exit(when=condition("bad"), reason="gone"),),
        ),
    )


def look(trips=True, rearms=False, **outlook):
    usual = Outlook(place=Place(), audience=True, goal=False, exits=(False,), others=("hand",))
    return replace(usual, trips={"low": trips}, rearms={"low": rearms}, **outlook)


def rule(
    outlook=None, open_runs=(), last_end=None, *, held=False, state="active", triggers=("low",), priority=50, **entry
):
    claim = Claim(triggers=triggers, held=held)
    ruling = judge(compiled(priority, **entry), state, claim, outlook or look(), open_runs, last_end, now=NOW)
    return ruling.state, ruling.why


def other(**run):
    return replace(OpenRun(id=7, playbook="other", exclusive="attention", priority=10), **run)


MINE = OpenRun(id=3, playbook="risk")

TABLE = [
    pytest.param({}, "started", None, id="nothing in the way"),
    pytest.param({"state": "off"}, "not_started", "the playbook is switched off", id="switched off"),
    pytest.param({"state": "paused"}, "held", "paused", id="paused"),
    pytest.param({"state": "paused", "held": True}, "held", "paused", id="still paused"),
    pytest.param({"outlook": look(audience=False)}, "not_started", "outside the audience: in", id="outside"),
    pytest.param(
        {"outlook": look(audience=None)}, "not_started", "not known to be in the audience: in", id="unknown audience"
    ),
    pytest.param(
        {"outlook": look(audience=False), "state": "paused"},
        "not_started",
        "outside the audience: in",
        id="outside while paused",
    ),
    pytest.param(
        {"outlook": look(audience=False), "held": True},
        "started",
        None,
        id="the audience is asked at the crossing alone",
    ),
    pytest.param({"outlook": look(goal=True)}, "not_started", "the goal is reached already: good", id="goal"),
    pytest.param({"outlook": look(goal=None)}, "started", None, id="unknown goal"),
    pytest.param({"outlook": look(exits=(True,))}, "not_started", "an exit is true already: gone", id="exit"),
    pytest.param(
        {"outlook": look(goal=True), "held": True}, "lapsed", "the goal is reached already: good", id="goal while held"
    ),
    pytest.param({"open_runs": [MINE]}, "not_started", "already running (run 3 of risk)", id="running"),
    pytest.param({"key": "account.csm"}, "not_started", "account.csm is unknown", id="unknown key"),
    pytest.param(
        {"key": "account.csm", "outlook": look(key="kim"), "open_runs": [MINE]}, "started", None, id="another key"
    ),
    pytest.param(
        {"again_after": "60 days", "last_end": NOW - 59 * DAY},
        "held",
        "cool-down until 2026-03-03 09:00 UTC",
        id="cool-down",
    ),
    pytest.param({"again_after": "60 days", "last_end": NOW - 60 * DAY}, "started", None, id="cooled down"),
    pytest.param(
        {"exclusive": "attention", "open_runs": [other()]},
        "held",
        "run 7 of other holds the group attention",
        id="group taken",
    ),
    pytest.param({"exclusive": "calm", "open_runs": [other()]}, "started", None, id="another group"),
    pytest.param(
        {"exclusive": "attention", "on_conflict": "skip", "open_runs": [other()]},
        "not_started",
        "run 7 of other holds the group attention",
        id="skip",
    ),
    pytest.param(
        {"exclusive": "attention", "on_conflict": "replace", "open_runs": [other()]},
        "held",
        "waits for run 7 of other to end",
        id="replace",
    ),
    pytest.param(
        {"exclusive": "attention", "on_conflict": "replace", "priority": 10, "open_runs": [other()]},
        "held",
        "run 7 of other holds the group attention",
        id="replace needs more than equal priority",
    ),
    pytest.param(
        {"held": True, "outlook": look(trips=False)},
        "lapsed",
        "its condition did not hold any more when it could start",
        id="gone when free",
    ),
    pytest.param(
        {"held": True, "outlook": look(trips=None)},
        "held",
        "it is unknown whether its condition still holds",
        id="unknown when free",
    ),
    pytest.param(
        {"held": True, "outlook": look(trips=False, rearms=True)},
        "lapsed",
        "recovered before it could start",
        id="recovered",
    ),
    pytest.param(
        {"held": True, "outlook": look(trips=False), "state": "paused"},
        "held",
        "paused",
        id="hysteresis: not recovered while paused",
    ),
    pytest.param(
        {"held": True, "outlook": look(trips=False, rearms=True), "state": "paused"},
        "lapsed",
        "recovered before it could start",
        id="recovered while paused",
    ),
    pytest.param(
        {"held": True, "triggers": ("hand",), "outlook": look(trips=False)},
        "started",
        None,
        id="a start by hand stays wanted",
    ),
    pytest.param(
        {"held": True, "triggers": ("low", "hand"), "outlook": look(trips=False, rearms=True)},
        "started",
        None,
        id="one of two reasons is enough",
    ),
    pytest.param(
        {"held": True, "triggers": ("old",)},
        "lapsed",
        "its trigger is not part of the playbook any more",
        id="trigger deployed away",
    ),
]


@pytest.mark.parametrize(("case", "state", "why"), TABLE)
def test_a_crossing_is_ruled_on(case, state, why):
    assert rule(**case) == (state, why)


def test_what_would_be_held_may_be_dropped():
    ruling = judge(compiled(held="drop"), "paused", Claim(triggers=("low",)), look(), now=NOW)
    assert (ruling.state, ruling.why) == ("dropped", "paused")


def test_a_cool_down_says_when_to_look_again():
    ruling = judge(compiled(again_after="2 days"), "active", Claim(triggers=("low",)), look(), [], NOW, now=NOW)
    assert ruling.retry_at == NOW + 2 * DAY


def test_only_a_real_rival_is_replaced():
    claim = Claim(triggers=("low",))
    fast = compiled(exclusive="attention", on_conflict="replace")
    assert judge(fast, "active", claim, look(), [other()], now=NOW).replaces == 7
    assert judge(fast, "active", claim, look(), [other(id=None)], now=NOW).replaces is None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (None, None),
        ("x", "x"),
        (True, "true"),
        (12.0, "12"),
        (0.5, "0.5"),
        (NOW.date(), "2026-03-02"),
        (NOW, NOW.isoformat()),
    ],
)
def test_a_key_is_text(key, text):
    assert entry_key(key) == text


@pytest.mark.parametrize(
    ("key", "other_key", "same"),
    [
        ("2026-03-31", "2026-03-31", True),
        ("2026-03-31", "2026-04-30", True),
        ("2026-04-30", "2026-03-31", True),
        ("2026-03-31", "2026-05-01", False),
        ("a", "a", True),
        ("a", "b", False),
        ("", "2026-03-31", False),
    ],
)
def test_dates_within_the_term_mean_the_same_enrolment(key, other_key, same):
    assert same_term(key, other_key, "30 days") is same
