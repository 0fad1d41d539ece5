"""Who wins when two of the shipped playbooks want the same account."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from engine.calendars import local_date
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.run import simulate_scenario
from tests.playbooks.test_playbooks import project

ACCOUNT = {"segment": "enterprise", "arr": 80000, "zone": "Europe/Berlin", "renewal_date": "2026-11-20"}
WELL = {
    "health.score": 85,
    "metric.champions": 1,
    "metric.executives": 1,
    "metric.seats": 200,
    "metric.open_escalations": 0,
}
RED = {"health.score": 50}
ASKED = [{"type": "seat_request", "props": {"seats": 30}}]
LEFT = [{"type": "person_left", "props": {"role": "champion"}}]


def told(
    days: Mapping[int, Mapping[str, Any]],
    events: Mapping[int, list[Any]] | None = None,
    people: Mapping[str, Any] | None = None,
    **account: Any,
) -> list[str]:
    """`day playbook`, with how it ended, in order."""
    scenario = ScenarioDocument.model_validate(
        {
            "name": "two at once",
            "account": {**ACCOUNT, **account},
            "contacts": {"champion": True, "admin": True},
            "start": date(2026, 3, 2),
            "days": {"0": WELL, **{str(day): facts for day, facts in days.items()}},
            "events": {str(day): found for day, found in (events or {}).items()},
            "people": people or {},
            "until": 60,
        }
    )
    found = project("playbooks")
    assert found.workspace is not None
    playbooks = [one.compiled for one in found.playbooks.values() if one.compiled is not None]
    simulation = simulate_scenario(scenario, playbooks, found.workspace)
    starts = [one for one in simulation.happenings if one.what == "start"]
    lines = []
    for start, run in zip(starts, simulation.runs, strict=True):
        begun = (local_date(start.at, "Europe/Berlin") - scenario.start).days
        ending = f": {run.ending.outcome} ({run.ending.reason})" if run.ending else ""
        lines.append(f"{begun} {run.compiled.playbook}{ending}")
    return lines


def test_recovery_takes_an_account_over_from_an_offer():
    lines = told({5: RED}, {3: ASKED})
    assert lines[0] == "3 expansion: stop (replaced by risk-recovery)"
    assert lines[1].startswith("5 risk-recovery")


def test_recovery_takes_an_account_over_from_a_review():
    lines = told({10: RED}, signup_date="2025-12-04")
    assert lines[0] == "2 quarterly-check-in: stop (replaced by risk-recovery)"
    assert lines[1].startswith("10 risk-recovery")


@pytest.mark.parametrize("first", ["risk-recovery", "executive-sponsor-change"])
def test_recovery_and_a_change_of_sponsor_wait_for_each_other(first: str):
    red, left = (2, 8) if first == "risk-recovery" else (12, 3)
    lines = told({red: RED}, {left: LEFT})
    assert lines[0].split()[1].rstrip(":") == first
    assert "replaced" not in lines[0]


def test_a_renewal_and_a_survey_wait_for_nobody():
    lines = told({2: RED}, renewal_date="2026-06-19", signup_date="2025-07-21")
    assert {line.split()[1].rstrip(":") for line in lines} == {"risk-recovery", "renewal", "nps-follow-up"}
    assert not any("replaced" in line for line in lines)


def test_a_promoter_is_asked_for_nothing_while_something_else_is_under_way():
    promoter = [{"type": "survey.answered", "props": {"survey": "nps", "step": "nps", "score": 10}}]
    people = {"qualify": {"after": "20 days", "outcome": "not_yet"}}
    lines = told({}, {3: ASKED, 5: promoter}, people)
    assert [line.split()[1].rstrip(":") for line in lines] == ["expansion"]
