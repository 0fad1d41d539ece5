"""Invariant I7 on what is shipped: over PostgreSQL and Temporal every scenario goes as it goes in the simulator."""

import uuid
from functools import cache
from pathlib import Path

import pytest
from temporalio.client import Client

from engine.project import Project, read_project
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.lots import account_for
from engine.scenarios.run import simulate_scenario
from tests.e2e.comparing import difference
from tests.e2e.stage import Stage, last_instant, telling, told_by

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
    stage = Stage(database, [compilation], telling(project.workspace, group[1]))
    await stage.play(temporal_client, scenarios)
    for key, scenario in scenarios.items():
        simulated = simulate_scenario(scenario, [compilation.compiled], project.workspace, key)
        last = last_instant(scenario, stage.workspace)
        played = [one for one in stage.played(key) if one.started_at <= last]
        assert difference(played, simulated, last) is None, scenario.name
