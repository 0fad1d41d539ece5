"""What the language says of triggers, sentence by sentence: a row is a sentence, days of facts, and who starts when.

A day's facts are known at its midnight. The simulator decides; tests/e2e/test_starting.py holds it against the store.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.compile import compile_playbook
from engine.health.scorecards import Scorecard
from engine.simulation import Account, Simulation
from engine.workspace import load_workspace

T0 = datetime(2026, 3, 2, tzinfo=UTC)
WORKSPACE = b"""
name: Sentences
metrics: { nps: number, use: number }
fields: { account.vip: bool }
events: { login: { n: number } }
"""
CARD = b"""
scorecard: health
components:
  - { id: nps, metric: nps, scale: { 0: 0, 100: 100 }, weight: 1 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
minimum_known: 50%
"""
Days = Mapping[int, Any]
"""By day: the value of metric.nps, which is the health score too, or several fields."""

SENTENCES: Sequence[tuple[str, str, Days, Sequence[int]]] = (
    # --- thresholds
    ("a threshold is a crossing, not a comparison", "{ score: health, falls_below: 60 }", {0: 80, 2: 50}, [2]),
    ("equal values repeat nothing", "{ score: health, falls_below: 60 }", {0: 80, 2: 50, 3: 50, 4: 49}, [2]),
    ("the line itself is not below", "{ score: health, falls_below: 60 }", {0: 80, 2: 60, 4: 59.9}, [4]),
    ("it may fall again once it was back", "{ metric: nps, falls_below: 60 }", {0: 80, 2: 50, 4: 60, 6: 50}, [2, 6]),
    (
        "with hysteresis, it must recover to rearm_at first",
        "{ metric: nps, falls_below: 60, rearm_at: 70 }",
        {0: 80, 2: 50, 4: 65, 6: 50, 8: 70, 10: 50},
        [2, 10],
    ),
    ("rises_above is the same upwards", "{ metric: nps, rises_above: 60 }", {0: 50, 2: 61, 4: 55, 6: 70}, [2, 6]),
    (
        "rises_above has hysteresis, too",
        "{ metric: nps, rises_above: 60, rearm_at: 40 }",
        {0: 50, 2: 61, 4: 55, 6: 70, 8: 40, 9: 61},
        [2, 9],
    ),
    (
        "drops_by compares with the highest value in force within the window",
        "{ score: health, drops_by: 15, within: 7 days }",
        {0: 80, 3: 70, 5: 65},
        [5],
    ),
    (
        "the value in force when the window opens counts",
        "{ score: health, drops_by: 15, within: 7 days }",
        {0: 80, 12: 65},
        [12],
    ),
    (
        "a slow fall is no drop",
        "{ score: health, drops_by: 15, within: 3 days }",
        {0: 80, 4: 72, 8: 64, 12: 56, 16: 48},
        [],
    ),
    (
        "it re-arms when the drop is smaller again",
        "{ metric: nps, drops_by: 15, within: 4 days }",
        {0: 80, 2: 60, 10: 44},
        [2, 10],
    ),
    ("rises_by compares with the lowest", "{ metric: nps, rises_by: 20, within: 5 days }", {0: 30, 2: 45, 4: 50}, [4]),
    ("a band is entered", "{ score: health, enters: red }", {0: 80, 2: 50, 4: 39.9, 6: 41, 8: 10}, [4, 8]),
    ("a band is left, whichever way", "{ score: health, leaves: yellow }", {0: 50, 2: 80, 4: 60, 6: 10}, [2, 6]),
    # --- the unknown
    ("a data gap does not fire", "{ metric: nps, falls_below: 60 }", {0: 80, 2: None, 4: 80}, []),
    ("a data gap does not re-arm", "{ metric: nps, falls_below: 60 }", {0: 80, 2: 50, 4: None, 6: 50}, [2]),
    ("missing data is unknown and never below", "{ metric: nps, falls_below: 60 }", {0: None, 3: None}, []),
    ("a gap does not hide a fall", "{ metric: nps, falls_below: 60 }", {0: 80, 2: None, 4: 50}, [4]),
    ("first known as low, it is existing", "{ metric: nps, falls_below: 60 }", {0: None, 3: 50, 5: 80, 7: 50}, [7]),
    ("leaving a band into the unknown is no leaving", "{ score: health, leaves: yellow }", {0: 50, 2: None}, []),
    # --- dwell
    ("a dip does not count", "{ metric: nps, falls_below: 60, for: 3 days }", {0: 80, 2: 50, 4: 70, 6: 50}, [9]),
    (
        "dwell counts from the sweep that saw the edge",
        "{ metric: nps, falls_below: 60, for: 3 days }",
        {0: 80, 2: 50},
        [5],
    ),
    (
        "unknown suspends it",
        "{ metric: nps, falls_below: 60, for: 3 days }",
        {0: 80, 2: 50, 3: None, 7: 50},
        [9],
    ),
    (
        "a dwell in the unknown does not end",
        "{ metric: nps, falls_below: 60, for: 3 days }",
        {0: 80, 2: 50, 3: None},
        [],
    ),
    # --- existing, identity, several triggers
    ("what was true at first sight starts nothing", "{ metric: nps, falls_below: 60 }", {0: 50, 5: 40}, []),
    (
        "several triggers mean any of them, each with its own memory",
        "{ metric: nps, falls_below: 60 }, { metric: use, falls_below: 10 }",
        {0: {"metric.nps": 80, "metric.use": 50}, 2: 50, 4: {"metric.use": 5}},
        [2, 4],
    ),
    (
        "two in the same sweep are one start",
        "{ metric: nps, falls_below: 60 }, { metric: use, falls_below: 10 }",
        {0: {"metric.nps": 80, "metric.use": 50}, 2: {"metric.nps": 50, "metric.use": 5}},
        [2],
    ),
    (
        "becomes is any condition turning true",
        "{ becomes: account.vip }",
        {0: {"account.vip": False}, 3: {"account.vip": True}},
        [3],
    ),
    # --- audience and lifecycle
    (
        "the audience must hold at the crossing; joining later is none",
        "{ metric: nps, falls_below: 60 }\naudience: account.vip",
        {0: {"metric.nps": 80, "account.vip": False}, 2: 50, 4: {"account.vip": True}, 6: 80, 8: 50},
        [8],
    ),
    (
        "churned accounts are outside every audience",
        "{ metric: nps, falls_below: 60 }",
        {0: {"metric.nps": 80, "account.lifecycle": "churned"}, 2: 50},
        [],
    ),
    (
        "ended trials are, too",
        "{ metric: nps, falls_below: 60 }",
        {0: {"metric.nps": 80, "account.lifecycle": "trial_ended"}, 2: 50},
        [],
    ),
    (
        "unless the audience names the lifecycle",
        '{ metric: nps, falls_below: 60 }\naudience: account.lifecycle == "churned"',
        {0: {"metric.nps": 80, "account.lifecycle": "churned"}, 2: 50},
        [2],
    ),
    # --- dates
    (
        "a date trigger comes at local midnight",
        "{ date: account.renewal_date - 5 days }",
        {0: {"account.renewal_date": date(2026, 3, 12)}},
        [5],
    ),
    (
        "it moves when its date moves",
        "{ date: account.renewal_date - 5 days }",
        {0: {"account.renewal_date": date(2026, 3, 12)}, 3: {"account.renewal_date": date(2026, 3, 16)}},
        [9],
    ),
    (
        "one whose instant has passed is not made up for",
        "{ date: account.renewal_date - 5 days }",
        {6: {"account.renewal_date": date(2026, 3, 12)}},
        [],
    ),
    (
        "but within its grace it is",
        "{ date: account.renewal_date - 5 days, grace: 2 days }",
        {6: {"account.renewal_date": date(2026, 3, 12)}},
        [6],
    ),
    (
        "business days before a date",
        "{ date: account.renewal_date - 3 business days }",
        {0: {"account.renewal_date": date(2026, 3, 16)}},
        [9],
    ),
    (
        "an unknown date never comes",
        "{ date: account.renewal_date }",
        {0: {"account.renewal_date": None}},
        [],
    ),
    # --- schedules and events
    (
        "a schedule comes again and again",
        "{ schedule: every 4 days from account.signup_date }",
        {0: {"account.signup_date": date(2026, 3, 1)}},
        [3, 7, 11],
    ),
    ("by cron, too", '{ schedule: { cron: "0 9 * * fri" } }', {0: 80}, [4, 11]),
    ("an event starts once", "{ event: login, where: n > 2 }", {2: ("login", 1.0), 3: ("login", 3.0)}, [3]),
    ("and may settle", "{ event: login, settle: 2 days }", {2: ("login", 1.0)}, [4]),
)


class _Nobody:
    def task(self, step: str, outcomes: Sequence[str]) -> None:
        return None

    def mail(self, step: str) -> tuple[str, Sequence[Any]]:
        return "sent", ()


@pytest.mark.parametrize(("sentence", "trigger", "days", "starts"), SENTENCES, ids=[row[0] for row in SENTENCES])
def test_a_trigger_means_what_the_language_says(sentence: str, trigger: str, days: Days, starts: Sequence[int]):
    workspace = load_workspace({"tenure.yaml": WORKSPACE, "scorecards/health.yaml": CARD})
    assert isinstance(workspace.scorecards[0], Scorecard)
    triggers, _, rest = trigger.partition("\n")
    source = f"playbook: p\ntitle: p\ntriggers: [{triggers}]\n{rest}\nsteps:\n  - wait: 1 hour\n"
    found = compile_playbook(source.encode(), "playbook.yaml", "p", {}, workspace)
    assert found.compiled is not None, found.problems
    account = Account(workspace, [])
    simulation = Simulation([found.compiled], account, _Nobody())  # type: ignore[arg-type]  # nobody does anything
    account.learn({"account.lifecycle": "live"})
    for day, told in days.items():
        simulation.at(T0 + timedelta(days=day), lambda now, told=told: _learn(simulation, now, told))  # type: ignore[misc]
    simulation.stop_at(T0)
    simulation.advance(T0 + timedelta(days=14))
    happened = [one.at for one in simulation.happenings if one.what == "start"]
    assert [(at - T0).days for at in happened] == list(starts), sentence


def _learn(simulation: Simulation, now: datetime, told: Any) -> None:
    if isinstance(told, tuple):
        simulation.happened(told[0], now, {"n": told[1]})
    elif isinstance(told, dict):
        simulation.account.learn({k: float(v) if k.startswith("metric.") else v for k, v in told.items()})
    else:
        simulation.account.learn({"metric.nps": None if told is None else float(told)})
