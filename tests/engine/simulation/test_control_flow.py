"""What runs do in switches, repeats, splits, side by side, and when a step fails: in the simulator, line by line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contacts import holders
from engine.scenarios.document import DoingDocument
from engine.scenarios.people import ScenarioPeople
from engine.simulation import Account, SimulatedRun, Simulation
from engine.simulation import acts as simulated_acts
from engine.steps.split import draw
from engine.turns.runtime import Entry, Receipt
from tests.authoring import authoring_workspace, compiled, found, with_steps

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
FACTS = {"account.name": "Acme", "account.lifecycle": "live", "account.seats": 5.0}


@dataclass
class Walked:
    """A run and how it went."""

    simulation: Simulation
    run: SimulatedRun
    account: Account

    def lines(self, what: str) -> list[Entry]:
        return [line for line in self.run.trace if line.what == what]

    def days(self, what: str, step: str = "") -> list[int]:
        found = [line for line in self.lines(what) if not step or line.detail.get("step") == step]
        return [(line.at - MONDAY).days for line in found]

    def to(self, day: float) -> "Walked":
        self.simulation.advance(MONDAY + timedelta(days=day))
        return self


@dataclass
class Case:
    """A playbook's steps, what people do, and what becomes known when."""

    steps: str
    people: Mapping[str, DoingDocument] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[tuple[float, Mapping[str, Any]], ...] = ()
    key: str = "acme"

    def walk(self, days: float = 60) -> Walked:
        compilation = compiled(with_steps(self.steps))
        assert found(compilation) == []
        assert compilation.compiled is not None
        account = Account(authoring_workspace(), holders(["champion"]), self.key)
        account.learn({**FACTS, **self.facts})
        simulation = Simulation([], account, ScenarioPeople(self.people))
        for day, props in self.events:
            at = MONDAY + timedelta(days=day)
            simulation.at(at, lambda now, props=props: simulation.happened("login", now, props))  # type: ignore[misc]
        simulation.stop_at(MONDAY)
        run = simulation.start(compilation.compiled, MONDAY)
        simulation.stop_at(MONDAY)
        return Walked(simulation, run, account).to(days)


# --- switch ----------------------------------------------------------------------------------------------------------

SWITCH = """\
  - switch:
      - { when: account.seats > 10, then: [ { wait: 1 day } ] }
      - { when: account.seats > 3, then: [ { wait: 2 days } ] }
      - { when: account.seats > 1, then: [ { wait: 3 days } ] }
    default: [ { wait: 4 days } ]
"""


@pytest.mark.parametrize(("seats", "days"), [(20.0, 1), (5.0, 2), (2.0, 3), (0.0, 4), (None, 4)])
def test_a_switch_takes_the_first_case_that_holds_and_else_its_default(seats: float | None, days: int):
    walked = Case(SWITCH, facts={"account.seats": seats}).walk()
    assert walked.run.ended_at == MONDAY + timedelta(days=days)


def test_a_switch_may_say_what_becomes_of_the_unknown():
    walked = Case(SWITCH + "    on_unknown: [ { wait: 9 days } ]\n", facts={"account.seats": None}).walk()
    assert walked.run.ended_at == MONDAY + timedelta(days=9)


# --- repeat ----------------------------------------------------------------------------------------------------------

CHASE = """\
  - id: chase
    repeat:
      until: email.nudge.replied or task.call.outcome == "reached"
      at_most: 3
      steps:
        - id: nudge
          email: { template: hello, to: champion }
        - wait_for: { event: email.replied, of: nudge, up_to: 2 days }
        - id: call
          task: { title: Call, assign: csm, outcomes: [reached, lost], give_up_after: 1 day }
  - if: repeat.chase.outcome == "at_most"
    then: [ { end: { reason: 'gave up' } } ]
"""


def test_each_round_of_a_repeat_acts_anew():
    walked = Case(CHASE).walk()
    assert walked.days("email", "nudge") == [0, 3, 6]
    assert [line.detail["round"] for line in walked.lines("round")] == [1, 2, 3]
    assert [line.detail.get("visit", 1) for line in walked.lines("task")] == [1, 2, 3]
    assert walked.run.ending is not None
    assert walked.run.ending.reason == "gave up"


def test_what_was_heard_of_one_round_does_not_count_in_the_next():
    """The reply comes a day after the mail: within the first round's wait, and that ends the repeat at once."""
    walked = Case(CHASE, {"nudge": DoingDocument(replied="1 day")}).walk()
    assert walked.days("round") == [0]
    again = CHASE.replace('until: email.nudge.replied or task.call.outcome == "reached"', "until: account.vip")
    walked = Case(again, {"nudge": DoingDocument(replied="1 day")}).walk()
    assert walked.days("came") == [1, 3, 5]


def test_a_late_reply_to_an_earlier_rounds_mail_counts():
    quick = CHASE.replace("give_up_after: 1 day", "give_up_after: 1 hour")
    walked = Case(quick, {"nudge": DoingDocument(replied="3 days")}).walk()
    assert walked.days("round") == [0, 2]
    assert walked.days("came") == [3]


def test_a_repeat_looks_at_its_while_before_each_round_and_unknown_ends_it():
    steps = "  - repeat: { while: account.seats > 3, at_most: 9, steps: [ { wait: 1 day } ] }\n"
    falling = Case(steps).walk(2.5)
    falling.account.learn({"account.seats": 2.0})
    assert falling.to(9).days("round") == [0, 1, 2]
    assert Case(steps, facts={"account.seats": None}).walk().days("round") == []


def test_a_repeat_without_a_condition_goes_round_so_many_times():
    walked = Case("  - id: x\n    repeat: { at_most: 4, steps: [ { wait: 1 day } ] }\n").walk()
    assert walked.days("round") == [0, 1, 2, 3]
    assert walked.run.run.position.results == {"repeat.x.outcome": "done", "repeat.x.rounds": 4.0}


def test_rounds_without_end_in_sight_leave_nothing_behind():
    steps = "  - repeat:\n      at_most: 100\n      steps:\n        - wait_for: { event: login, up_to: 1 hour }\n"
    steps += "        - id: note\n          set: { account.note: called }\n"
    early, late = Case(steps).walk(1), Case(steps).walk(4)
    sizes = [len(walked.run.run.position.model_dump_json()) for walked in (early, late)]
    assert len(late.lines("round")) > 90
    assert sizes[1] - sizes[0] < 20


def test_a_task_that_nobody_waits_for_is_read_in_its_latest_round():
    steps = """\
  - repeat:
      until: task.call.outcome == "reached"
      at_most: 5
      steps:
        - id: call
          task: { title: Call, assign: csm, outcomes: [lost, reached], wait: false }
        - wait: 2 days
"""
    walked = Case(steps, {"call": DoingDocument(after="3 days", outcome="reached")}).walk()
    assert walked.days("round") == [0, 2]


def test_an_event_is_waited_for_anew_in_each_round():
    steps = "  - repeat:\n      at_most: 3\n      steps:\n        - wait_for: { event: login, up_to: 5 days }\n"
    walked = Case(steps, events=((1, {}), (3, {}))).walk()
    assert (walked.days("came"), walked.days("timed_out")) == ([1, 3], [8])


# --- split -----------------------------------------------------------------------------------------------------------

SPLIT = "  - id: trial\n    split:\n      - { arm: a, weight: 1, steps: [ { wait: 1 day } ] }\n"
SPLIT += "      - { arm: b, weight: 3, steps: [ { wait: 2 days } ] }\n"


def arm(key: str, steps: str = SPLIT) -> str:
    return str(Case(steps, key=key).walk(0).run.run.position.results["split.trial.arm"])


def test_an_account_is_drawn_the_same_arm_whatever_else_changes():
    swapped = SPLIT.replace("arm: a", "arm: x").replace("arm: b", "arm: a").replace("arm: x", "arm: b")
    swapped = (
        swapped.replace("weight: 1", "weight: 9").replace("weight: 3", "weight: 1").replace("weight: 9", "weight: 3")
    )
    for i in range(12):
        drawn = arm(f"account-{i}")
        assert drawn == arm(f"account-{i}", swapped), "the order of the arms does not matter"


def test_arms_are_drawn_by_their_weights():
    drawn = [draw(("acme", "rescue", f"step-{i}"), {"a": 1, "b": 3, "c": 0}) for i in range(2000)]
    assert 420 < drawn.count("a") < 580
    assert drawn.count("c") == 0


@given(st.text(max_size=20), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_another_arm_takes_accounts_in_and_moves_none_between_the_others(key: str, a: int, b: int, c: int):
    before, after = draw((key, "p", "s"), {"a": a, "b": b}), draw((key, "p", "s"), {"c": c, "a": a, "b": b})
    assert after in (before, "c")


# --- side by side ----------------------------------------------------------------------------------------------------


def test_what_the_losers_have_queued_never_leaves():
    steps = """\
  - parallel:
      - - id: mail
          email: { template: hello, to: champion }
        - wait: 5 days
      - - id: note
          set: { account.note: called }
    join: any
  - wait: 3 days
"""
    walked = Case(steps).walk()
    (line,) = walked.lines("withdraw")
    assert line.detail["unsent"] == ["mail"]
    assert walked.lines("mail") == []


def test_open_tasks_of_losers_are_withdrawn_and_those_of_the_winner_stay():
    steps = """\
  - parallel:
      - - id: slow
          task: { title: Slow, assign: csm }
      - - id: kept
          task: { title: Kept, assign: csm, wait: false }
        - wait: 2 days
    join: any
"""
    walked = Case(steps).walk()
    assert walked.lines("withdraw")[0].detail["steps"] == ["slow"]
    assert list(walked.run.run.position.open_tasks) == ["kept"]


# --- waits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "local"),
    [
        ("monday 10:30", "2026-03-02 10:30"),
        ("monday 08:00", "2026-03-09 08:00"),
        ("friday", "2026-03-06 09:00"),
        ("next business day 09:30", "2026-03-02 09:30"),
        ("5 business days", "2026-03-09 09:00"),
    ],
)
def test_a_wait_for_a_weekday_is_in_the_accounts_zone(wait: str, local: str):
    walked = Case(f"  - wait: {wait}\n", facts={"account.zone": "Europe/Berlin"}).walk()
    assert walked.run.ended_at is not None
    assert f"{walked.run.ended_at + timedelta(hours=1):%Y-%m-%d %H:%M}" == local


def test_an_unknown_date_is_waited_for_with_a_limit():
    steps = "  - id: day\n    wait: { until: account.last_qbr, up_to: 9 days }\n"
    steps += "  - if: wait.day.outcome == 'timed_out'\n    then: [ { end: { reason: too late } } ]\n"
    walked = Case(steps).walk()
    assert walked.days("end") == [9]
    assert walked.run.ending is not None
    assert walked.run.ending.reason == "too late"


def test_a_wait_follows_its_date_when_it_moves():
    steps = "  - wait: { until: account.last_qbr }\n"
    walked = Case(steps, facts={"account.last_qbr": date(2026, 3, 20)}).walk(5)
    walked.account.learn({"account.last_qbr": date(2026, 3, 12)})
    walked.to(30)
    assert walked.run.ended_at == datetime(2026, 3, 11, 23, tzinfo=UTC)


def test_an_awaited_event_is_asked():
    steps = "  - wait_for: { event: login, where: device == 'phone' and account.seats > 3, up_to: 9 days }\n"
    walked = Case(steps, events=((1, {"device": "desk"}), (2, {"device": "phone"}))).walk()
    assert walked.days("came") == [2]


# --- starting others -------------------------------------------------------------------------------------------------


def test_a_playbook_that_is_not_simulated_is_taken_to_start():
    walked = Case("  - id: next\n    enroll: { playbook: renewal }\n").walk(1)
    (happened,) = [one for one in walked.simulation.happenings if one.what == "enroll"]
    assert (happened.step, happened.says) == ("next", "renewal started")
    assert walked.run.run.position.results["enroll.next.outcome"] == "started"


OTHER = "playbook: other\ntitle: Other\ntriggers: [{ manual: true }]\nentry: { %s }\nsteps: [ { wait: 3 days } ]\n"
ENROLLS = """\
  - id: first
    enroll: { playbook: other }
  - wait: 1 day
  - id: second
    enroll: { playbook: other }
  - wait: 4 days
  - id: third
    enroll: { playbook: other }
"""


@pytest.mark.parametrize("entry", ["", "again_after: 9 days"])
def test_a_playbook_that_is_simulated_starts_by_its_own_rules(entry: str):
    other = compiled(OTHER % entry, "other").compiled
    assert other is not None
    mine = compiled(with_steps(ENROLLS)).compiled
    assert mine is not None
    account = Account(authoring_workspace(), [], "acme")
    account.learn(FACTS)
    simulation = Simulation([other], account, ScenarioPeople({}))
    simulation.stop_at(MONDAY)
    run = simulation.start(mine, MONDAY)
    simulation.advance(MONDAY + timedelta(days=30))
    told = [line.detail["outcome"] for line in run.trace if line.what == "enroll"]
    assert told == ["started", "not_started", "held" if entry else "started"]
    starts = [(one.run.position.clock - MONDAY).days for one in simulation.runs[1:]]
    assert len(starts) == 2


# --- failing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Let the first so many tries of a verb fail."""

    def arrange(verb: str, times: int) -> None:
        do, left = simulated_acts.PERFORM[verb], [times]

        def perform(world: Any, run: Any, act: Any) -> Receipt:
            left[0] -= 1
            return Receipt(outcome="failed", reason="no such name") if left[0] >= 0 else do(world, run, act)

        monkeypatch.setattr(simulated_acts, "PERFORM", {**simulated_acts.PERFORM, verb: perform})

    return arrange


CALL = "  - id: call\n    task: { title: Call, assign: csm, due: 2 days, give_up_after: 5 days }\n  - wait: 1 day\n"


def order(walked: Walked, do: str) -> None:
    walked.run.tell("retry", "call", {"do": do}, MONDAY + timedelta(days=10))


def test_a_failed_run_waits_for_a_person_and_goes_on_from_the_failed_step(failing: Any):
    failing("task", 1)
    walked = Case(CALL).walk(10)
    assert walked.run.resting.stuck
    assert walked.lines("stuck")[0].detail["reason"] == "no such name"
    order(walked, "retry")
    walked.to(12)
    assert [line.detail.get("visit", 1) for line in walked.lines("task")] == [1, 2]
    assert not walked.run.resting.stuck


def test_a_retried_task_is_due_from_its_retry_on(failing: Any):
    failing("task", 1)
    walked = Case(CALL).walk(10)
    order(walked, "retry")
    walked.to(40)
    assert walked.days("expire") == [15]


def test_a_failed_step_can_be_skipped_or_the_run_ended(failing: Any):
    failing("task", 1)
    skipped = Case(CALL).walk(10)
    order(skipped, "skip")
    assert skipped.to(40).days("end") == [11]
    failing("task", 1)
    ended = Case(CALL).walk(10)
    ended.run.tell("end", "stop", {"reason": "ended by an operator"}, MONDAY + timedelta(days=10))
    ended.to(11)
    assert ended.run.ending is not None
    assert (ended.run.ending.outcome, ended.run.ending.reason) == ("stop", "ended by an operator")


@pytest.mark.parametrize(
    ("on_error", "ends"), [("continue", 1), ("\n      - wait: 3 days", 4)], ids=["continue", "steps instead"]
)
def test_on_error_may_go_on_or_do_other_steps(failing: Any, on_error: str, ends: int):
    failing("task", 1)
    walked = Case(CALL.replace("  - wait", f"    on_error: {on_error}\n  - wait")).walk(40)
    assert walked.days("end") == [ends]
    assert walked.run.run.position.results["task.call.outcome"] == "failed"


@pytest.mark.parametrize(
    ("on_end", "withdraws"),
    [
        ("", {"goal": True, "end": False}),
        ("on_end: { open_tasks: { goal: leave, end: withdraw } }\n", {"goal": False, "end": True}),
    ],
)
def test_on_end_says_what_becomes_of_open_tasks(
    on_end: str, withdraws: dict[str, bool], monkeypatch: pytest.MonkeyPatch
):
    ended: dict[str, bool] = {}
    do = simulated_acts.PERFORM["end"]

    def perform(world: Any, run: Any, act: Any) -> Receipt:
        ended[act.params["outcome"]] = act.params["withdraw"]
        return do(world, run, act)

    monkeypatch.setattr(simulated_acts, "PERFORM", {**simulated_acts.PERFORM, "end": perform})
    for seats in (5.0, 90.0):
        source = with_steps("  - wait: 3 days\n").replace(
            "steps:", f"{on_end}goal: {{ when: account.seats > 50 }}\nsteps:"
        )
        compiled_one = compiled(source).compiled
        assert compiled_one is not None
        account = Account(authoring_workspace(), [], "acme")
        account.learn(FACTS)
        simulation = Simulation([], account, ScenarioPeople({}))
        simulation.stop_at(MONDAY)
        simulation.start(compiled_one, MONDAY)
        account.learn({"account.seats": seats})
        simulation.advance(MONDAY + timedelta(days=9))
    assert ended == withdraws
