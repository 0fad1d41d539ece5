"""A paused playbook starts nothing and does nothing; what its waits make of the pause is the author's to say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.compile import compile_playbook
from engine.simulation import Account, Simulation
from engine.workspace import load_workspace
from tests.walking import rebuild_at_every_rest

T0 = datetime(2026, 3, 2, tzinfo=UTC)
PLAYBOOK = """
playbook: p
title: p
pause: {pause}
triggers: [{{ metric: nps, falls_below: 60 }}]
goal: {{ when: metric.nps > 90 }}
steps:
  - id: call
    task: {{ title: Call, assign: csm, give_up_after: 20 days, wait: false }}
  - {wait}
"""
WAIT = "wait: 5 days"
WAIT_FOR = "wait_for: { condition: metric.nps > 70, up_to: 5 days }"


class _Nobody:
    def task(self, step: str, outcomes: Sequence[str]) -> None:
        return None

    def mail(self, step: str) -> tuple[str, Sequence[Any]]:
        return "sent", ()


def simulate(
    pause: str, wait: str, days: dict[int, float] | None = None, *, first: int = 3, last: int = 10
) -> Simulation:
    """Paused from day `first` to day `last`; the run starts on day 1."""
    workspace = load_workspace(
        {"tenure.yaml": b"name: Pauses\nmetrics: { nps: number }\nroles: { staff: { csm: account.csm } }"}
    )
    source = PLAYBOOK.format(pause=pause, wait=wait)
    compiled = compile_playbook(source.encode(), "p.yaml", "p", {}, workspace).compiled
    assert compiled is not None
    account = Account(workspace, [])
    simulation = Simulation([compiled], account, _Nobody())  # type: ignore[arg-type]  # nobody does anything
    account.learn({"account.lifecycle": "live"})
    for day, value in {0: 80.0, 1: 50.0, **(days or {})}.items():
        simulation.at(T0 + timedelta(days=day), lambda _now, value=value: account.learn({"metric.nps": value}))  # type: ignore[misc]
    simulation.at(T0 + timedelta(days=first), lambda now: simulation.pause("p", now))
    simulation.at(T0 + timedelta(days=last), lambda now: simulation.resume("p", now))
    simulation.advance(T0 + timedelta(days=40))
    return simulation


def ends(simulation: Simulation) -> list[tuple[int, str]]:
    return [((one.at - T0).days, one.step) for one in simulation.happenings if one.what == "end"]


@pytest.mark.parametrize("wait", [WAIT, WAIT_FOR])
@pytest.mark.parametrize(
    ("pause", "first", "last", "day"),
    [
        ("hold", 3, 10, 10),  # due on day 6, in the pause: it acts on resume
        ("hold", 3, 4, 6),  # the pause is over before
        ("extend", 3, 10, 13),  # seven days later than day 6
        ("extend", 3, 4, 7),
        ("extend", 8, 9, 6),  # it was over when the pause began
    ],
)
def test_what_comes_due_in_a_pause_acts_on_resume_or_waits_on(wait: str, pause: str, first: int, last: int, day: int):
    assert ends(simulate(pause, wait, first=first, last=last)) == [(day, "end")]


def test_facts_and_goals_go_on_in_a_pause():
    assert ends(simulate("extend", WAIT, {5: 95.0})) == [(5, "goal")]


def test_nothing_starts_in_a_pause_and_what_still_holds_starts_on_resume():
    simulation = simulate("hold", WAIT, first=1, last=4)
    found = [((one.at - T0).days, one.what) for one in simulation.happenings if one.what in ("held", "start")]
    assert found == [(1, "held"), (4, "start")]


def test_an_extended_wait_survives_a_resume_elsewhere(monkeypatch: pytest.MonkeyPatch):
    rebuild_at_every_rest(monkeypatch)
    assert ends(simulate("extend", WAIT)) == [(13, "end")]
