"""How long a thousand days of scenarios take: the shipped playbooks', in virtual time, as `tenure test` runs them."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, interleaved, timed
from engine.plan import Compiled
from engine.project import Project, read_project
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.judge import run_scenario
from engine.scenarios.run import set_scene
from engine.workspace import Workspace

_ROUNDS = 3
_PLAYBOOKS = Path(__file__).resolve().parents[1] / "playbooks"
_MOST_MS = 1000


def figures() -> Iterator[Figure]:
    project = read_project({str(one.relative_to(_PLAYBOOKS)): one.read_bytes() for one in _files()})
    assert project.workspace is not None
    cases = list(_cases(project))
    days = sum(scenario.until + 1 for scenario, _ in cases)
    workspace = project.workspace

    def ours() -> None:
        for scenario, compiled in cases:
            assert not run_scenario(scenario, compiled, workspace).failures

    def without_playbooks() -> None:
        """The same days, with facts worked out anew at each, and nobody who decides."""
        for scenario, _ in cases:
            _look_daily(scenario.model_copy(update={"by_hand": []}), workspace)

    mine, ceiling = interleaved(_ROUNDS, lambda: timed(ours), lambda: timed(without_playbooks))
    milliseconds = mine.cpu / days * 1000 * 1000
    yield Figure(
        name="scenario_days",
        value=milliseconds,
        unit="ms per 1,000",
        ceiling=ceiling.cpu / days * 1000 * 1000,
        target=f"< {_MOST_MS}",
        holds=milliseconds < _MOST_MS,
        note=f"{len(cases)} scenarios, {days} days",
    )


def _files() -> Iterator[Path]:
    return (one for one in sorted(_PLAYBOOKS.rglob("*")) if one.suffix in (".yaml", ".md"))


def _cases(project: Project) -> Iterator[tuple[ScenarioDocument, Compiled]]:
    for name, scenarios in project.scenarios.items():
        compiled = project.playbooks[name].compiled
        if compiled is not None:
            yield from ((scenario, compiled) for scenario in scenarios)


def _look_daily(scenario: ScenarioDocument, workspace: Workspace) -> None:
    simulation, last = set_scene(scenario, [], workspace)
    simulation.advance(last)
