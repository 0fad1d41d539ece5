"""Walks a journey in the simulator, at every instant that the driver of a virtual clock would stop at."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.contacts import holders
from engine.interpreter import Run, play
from engine.simulation import Account, SimulatedRun, Simulation
from engine.turns.position import Position
from tests.journeys import DAYS, T0, Journey, guest, journey_workspace

FIRST_FACTS: dict[str, Any] = {"account.name": "Acme", "account.zone": "Europe/Berlin", "account.lifecycle": "live"}
_IDS = ("mails", "errand", "task", "assignee", "tasks", "by", "run")
"""Details of trace lines that name rows, which only the real thing has."""
_RUN = re.compile(r"\brun \d+")


def simulate(journey: Journey, key: str = "acme") -> SimulatedRun:
    """The run of a journey, ended or still waiting after the last day."""
    return simulate_all(journey, key)[0]


def simulate_all(journey: Journey, key: str) -> list[SimulatedRun]:
    """The same, and the runs that it started."""
    workspace = journey_workspace()
    account = Account(workspace, holders(["champion"]), key)
    simulation = Simulation([guest()], account, journey.habits)
    account.learn({**FIRST_FACTS, "account.renewal_date": (T0 + timedelta(days=12)).date(), "metric.use": 50.0})
    for at, value in journey.uses:
        simulation.at(at, lambda _now, value=value: account.learn({"metric.use": value}))  # type: ignore[misc]
    for at, device in journey.events:
        simulation.at(at, lambda now, device=device: simulation.happened("login", now, {"device": device}))  # type: ignore[misc]
    simulation.stop_at(T0)
    simulation.start(journey.compiled, T0)
    simulation.stop_at(T0)
    simulation.advance(T0 + timedelta(days=DAYS))
    return simulation.runs


def rebuild_at_every_rest(patch: pytest.MonkeyPatch) -> None:
    """Have runs torn down and rebuilt from the JSON of their position whenever they go on, as another process would."""
    go_on = SimulatedRun.go_on

    def rebuilt(run: SimulatedRun) -> None:
        position = Position.model_validate_json(run.run.position.model_dump_json())
        run._playing.close()
        run.run = Run(run.compiled.plan, position, run.note, account=run._world.account.key)
        run._playing = play(run.run, run)
        go_on(run)

    patch.setattr(SimulatedRun, "go_on", rebuilt)


def comparable(trace: Any) -> list[tuple[datetime, str, str, dict[str, Any]]]:
    """Trace lines by their number, without what only one side can know."""
    return [
        (
            line.at,
            line.path,
            line.what,
            {name: _named(value) for name, value in line.detail.items() if name not in _IDS},
        )
        for line in sorted(trace, key=lambda line: line.seq)
    ]


def _named(value: Any) -> Any:
    """Runs have numbers of their own on either side."""
    return _RUN.sub("a run", value) if isinstance(value, str) else value
