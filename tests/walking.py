"""Walks a journey in the simulator, at every instant that the driver of a virtual clock would stop at."""

from datetime import datetime, timedelta
from typing import Any

from engine.simulate import Account, SimulatedRun, Simulation
from tests.journeys import DAYS, T0, Journey, journey_workspace

FIRST_FACTS: dict[str, Any] = {"account.name": "Acme", "account.zone": "Europe/Berlin", "account.lifecycle": "live"}
_IDS = ("mails", "task", "assignee", "tasks", "by")
"""Details of trace lines that name rows, which only the real thing has."""


def simulate(journey: Journey) -> SimulatedRun:
    """The run of a journey, ended or still waiting after the last day."""
    workspace = journey_workspace()
    account = Account(workspace, ["champion"])
    simulation = Simulation([], account, journey.habits)
    account.learn({**FIRST_FACTS, "account.renewal_date": (T0 + timedelta(days=12)).date(), "metric.use": 50.0})
    for at, value in journey.uses:
        simulation.at(at, lambda _now, value=value: account.learn({"metric.use": value}))  # type: ignore[misc]
    for at in journey.events:
        simulation.at(at, lambda now: simulation.happened("login", now, {}))
    simulation.stop_at(T0)
    run = simulation.start(journey.compiled, T0)
    simulation.stop_at(T0)
    simulation.advance(T0 + timedelta(days=DAYS))
    return run


def comparable(trace: Any) -> list[tuple[datetime, str, str, dict[str, Any]]]:
    """Trace lines by their number, without what only one side can know."""
    return [
        (line.at, line.path, line.what, {name: value for name, value in line.detail.items() if name not in _IDS})
        for line in sorted(trace, key=lambda line: line.seq)
    ]
