"""A snoozed task is reminded of, escalated and given up later, by as long as it slept."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.compile import compile_playbook
from engine.simulation import Account, Simulation
from engine.turns.position import Position
from engine.workspace import load_workspace
from tests.walking import rebuild_at_every_rest

T0 = datetime(2026, 3, 2, tzinfo=UTC)
PLAYBOOK = b"""
playbook: p
title: p
triggers: [{ metric: nps, falls_below: 60 }]
steps:
  - id: call
    task:
      title: Call
      assign: csm
      due: 4 days
      remind: 1 day before
      escalate: { after: 2 days, to: csm }
      give_up_after: 10 days
"""


class _Nobody:
    def task(self, step, outcomes):
        return None

    def mail(self, step):
        return "sent", ()


def simulate(*told) -> Simulation:
    """The task is given on day 1; each `told` is a day and the values of a snooze."""
    workspace = load_workspace(
        {"tenure.yaml": b"name: Naps\nmetrics: { nps: number }\nroles: { staff: { csm: account.csm } }"}
    )
    compiled = compile_playbook(PLAYBOOK, "p.yaml", "p", {}, workspace).compiled
    assert compiled is not None
    account = Account(workspace, [])
    simulation = Simulation([compiled], account, _Nobody())  # type: ignore[arg-type]  # nobody does anything
    account.learn({"account.lifecycle": "live"})
    for day, value in {0: 80.0, 1: 50.0}.items():
        simulation.at(T0 + timedelta(days=day), lambda _, value=value: account.learn({"metric.nps": value}))  # type: ignore[misc]

    def snooze(values):
        def tell(now):
            until = (T0 + timedelta(days=values["until"])).isoformat()
            simulation.runs[0].tell("snooze", "call", {"visit": values.get("visit", 1), "until": until}, now)

        return tell

    for when, values in told:
        simulation.at(T0 + timedelta(days=when), snooze(values))
    simulation.advance(T0 + timedelta(days=60))
    return simulation


def days(simulation: Simulation) -> dict[str, float]:
    """By verb, the day on which it was done."""
    ladder = ("remind", "escalate", "expire")
    return {line.what: (line.at - T0) / timedelta(days=1) for line in simulation.runs[0].trace if line.what in ladder}


@pytest.mark.parametrize(
    ("told", "remind", "escalate", "expire"),
    [
        ((), 4, 7, 11),
        (((2, {"until": 12}),), 14, 17, 21),  # ten days for all of them
        (((5, {"until": 8}),), 4, 10, 14),  # the reminder was before
        (((2, {"until": 12}), (3, {"until": 3})), 5, 8, 12),  # woken after a day
        (((2, {"until": 4}), (6, {"until": 7})), 7, 10, 14),  # two of them, the second just before the reminder
        (((2, {"until": 20}), (4, {"until": 5})), 7, 10, 14),  # a shorter one instead: two days and one
        (((2, {"until": 12, "visit": 7}),), 4, 7, 11),  # another visit's
        (((2, {"until": 1}),), 4, 7, 11),  # over before it began
    ],
)
def test_what_was_still_to_come_is_later_by_as_long_as_the_task_slept(told, remind, escalate, expire):
    assert days(simulate(*told)) == {"remind": remind, "escalate": escalate, "expire": expire}


def test_a_snooze_survives_a_resume_elsewhere(monkeypatch: pytest.MonkeyPatch):
    rebuild_at_every_rest(monkeypatch)
    assert days(simulate((2, {"until": 12}), (3, {"until": 3}))) == {"remind": 5, "escalate": 8, "expire": 12}


def test_a_position_without_snoozes_is_written_as_ever():
    assert "snoozes" not in Position(clock=T0).model_dump_json()
