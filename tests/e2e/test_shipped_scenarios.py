"""Invariant I7 on what is shipped: over PostgreSQL and Temporal every scenario goes as it goes in the simulator."""

import uuid
from datetime import datetime
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from engine.project import Project, read_project
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.lots import account_for
from engine.scenarios.run import simulate_scenario
from engine.turns.runtime import Entry
from tests.e2e.stage import Stage, last_instant, telling, told_by
from tests.walking import comparable

ROOT = Path(__file__).parents[2] / "playbooks"
Told = frozenset[str]


@cache
def shipped() -> Project:
    return read_project({str(one.relative_to(ROOT)): one.read_bytes() for one in ROOT.rglob("*") if one.is_file()})


@cache
def groups() -> dict[tuple[str, Told], list[ScenarioDocument]]:
    """By playbook, and by the computed names that they tell."""
    project = shipped()
    found: dict[tuple[str, Told], list[ScenarioDocument]] = {}
    assert project.workspace is not None
    for playbook, scenarios in project.scenarios.items():
        for one in scenarios:
            found.setdefault((playbook, told_by(one, project.workspace)), []).append(one)
    return found


def name_of(group: tuple[str, Told]) -> str:
    return f"{group[0]} told {', '.join(sorted(group[1])) or 'nothing'}"


@pytest.mark.stage
@pytest.mark.parametrize("group", groups(), ids=name_of)
async def test_every_scenario_goes_as_in_the_simulator(
    group: tuple[str, Told], database: str, temporal_client: Client
) -> None:
    project = shipped()
    assert project.workspace is not None
    compilation = project.playbooks[group[0]]
    assert compilation.compiled is not None
    # Workflows go by playbook, account and number, and the server is shared: accounts need names of their own.
    ours = uuid.uuid4().hex[:8]
    scenarios = {
        account_for(one.arms, [compilation.compiled], f"{ours}-{i}-", held_out=one.holdout): one
        for i, one in enumerate(groups()[group])
    }
    stage = Stage(database, compilation, telling(project.workspace, group[1]))
    await stage.play(temporal_client, scenarios)
    for key, scenario in scenarios.items():
        simulated = simulate_scenario(scenario, [compilation.compiled], project.workspace, key)
        last = last_instant(scenario, stage.workspace)
        expected = [
            (one.compiled.playbook, lines(one.trace, last), ended(one.ending, one.ended_at, last))
            for one in simulated.runs
        ]
        found = [
            (one.playbook, lines(one.trace, last), ended(one.ending, one.ended_at, last))
            for one in stage.played(key)
            if one.started_at <= last
        ]
        assert first_difference(found, expected) is None, scenario.name
        assert found == expected, scenario.name


def first_difference(found: Any, expected: Any) -> Any:
    """Of the runs' trace lines; None when all are the same."""
    for i, (one, other) in enumerate(zip_longest(found, expected)):
        if one is None or other is None:
            return f"run {i}", one and one[2], other and other[2]
        for line, should in zip_longest(one[1], other[1]):
            if line != should:
                return f"run {i}", line, should
    return None


def lines(trace: Any, last: datetime) -> list[Any]:
    """What happened until the scenario's end; others go on for longer on the same clock."""
    until: list[Entry] = [line for line in trace if line.at <= last]
    return comparable(until)


def ended(ending: Any, at: datetime | None, last: datetime) -> Any:
    if ending is None or at is None or at > last:
        return None
    words = ending if isinstance(ending, tuple) else (ending.outcome, ending.reason)
    return (*words, at)
