"""Scenarios of experiments, and of playbooks that people start."""

import pytest

from engine.documents.document import load_document
from engine.plan import Compiled
from engine.scenarios.check import scenario_problems
from engine.scenarios.document import load_scenarios, read_scenarios
from engine.scenarios.judge import run_scenario
from engine.scenarios.lots import account_for
from tests.authoring import authoring_workspace, compiled

PLAYBOOK = """\
playbook: rescue
title: Rescue
triggers: [{ manual: true }]
entry: { holdout: 50% }
steps:
  - id: trial
    split:
      - { arm: a, weight: 1, steps: [ { end: { reason: was a } } ] }
      - { arm: b, weight: 1, steps: [ { end: { reason: was b } } ] }
      - { arm: gone, weight: 0, steps: [ { end: { reason: was gone } } ] }
"""
SCENARIO = """\
scenarios:
  - name: a lot
    arms: { trial: a }
    start: 2026-03-02
    by_hand: [2]
    until: 5
    expect:
      - { day: 2, start: true, because: by a person }
      - { day: 2, end: end, reason: was a }
"""


def rescue(text: str = PLAYBOOK) -> Compiled:
    version = compiled(text).compiled
    assert version is not None
    return version


def problems(source: str, playbook: str = PLAYBOOK) -> list[str]:
    document = load_document(source, "scenarios.yaml")
    found = scenario_problems(document, read_scenarios(document), rescue(playbook), authoring_workspace())
    return [f"{one.spot.line}:{one.spot.column} {one.message}" for one in found]


@pytest.mark.parametrize("arm", ["a", "b"])
def test_a_scenario_chooses_its_arm_and_is_started_by_hand(arm: str):
    source = SCENARIO.replace("trial: a", f"trial: {arm}").replace("was a", f"was {arm}")
    assert problems(source) == []
    result = run_scenario(load_scenarios(source.encode(), "scenarios.yaml")[0], rescue(), authoring_workspace())
    assert result.failures == ()


def test_accounts_of_several_scenarios_differ_and_are_in_no_holdout():
    keys = {account_for({"trial": "b"}, [rescue()], f"a{i}-") for i in range(50)}
    assert len(keys) == 50
    assert account_for({}, [rescue()]) == ""


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("trial: a", "trail: a", '3:13 there is no split "trail"'),
        ("trial: a", "trial: c", '3:20 there is no arm of trial "c"'),
        ("trial: a", "trial: gone", '3:20 there is no arm of trial "gone"'),
        ("[2]", "[6]", "5:15 6 is no day of the scenario"),
        ("[2]", "[-1]", "5:15 -1 is no day of the scenario"),
    ],
)
def test_what_cannot_be_drawn_or_started_is_told(before: str, after: str, problem: str):
    assert problems(SCENARIO.replace(before, after)) == [problem]


def test_only_a_manual_trigger_lets_people_start_it():
    other = PLAYBOOK.replace("manual: true", "score: health, falls_below: 40")
    assert problems(SCENARIO, other) == ["5:15 nobody may start this playbook by hand"]


# --- the holdout ---

HELD_OUT = """\
scenarios:
  - name: nobody hears of it
    holdout: true
    start: 2026-03-02
    by_hand: [2]
    until: 5
    exactly: true
    expect:
      - { day: 2, held_out: in the holdout }
"""


def test_an_account_of_the_holdout_is_recorded_and_never_started():
    assert problems(HELD_OUT) == []
    result = run_scenario(load_scenarios(HELD_OUT.encode(), "scenarios.yaml")[0], rescue(), authoring_workspace())
    assert result.failures == ()
    assert result.simulation.runs == []


def test_a_holdout_is_asked_for_where_there_is_one_and_expected_where_it_is_asked_for():
    assert problems(HELD_OUT, PLAYBOOK.replace("entry: { holdout: 50% }\n", "")) == ["3:5 this playbook has no holdout"]
    assert problems(HELD_OUT.replace("    holdout: true\n", "")) == ["8:19 this account is in no holdout"]
