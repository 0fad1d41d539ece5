"""Runs a scenario and says how it went."""

from dataclasses import dataclass

from engine.calendars import local_date
from engine.plan import Compiled
from engine.scenarios.compare import Dated, Row, compare, dated
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.run import set_scene
from engine.simulation import Circle, Simulation
from engine.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a scenario went."""

    name: str
    rows: tuple[Row, ...]
    """Expected beside happened, by day."""
    happened: tuple[Dated, ...]
    days: int
    simulation: Simulation
    broken: str = ""
    """Why it could not be carried to its end."""

    @property
    def failures(self) -> tuple[str, ...]:
        """Everything that is wrong, in words; empty when all went as told."""
        wrong = [f"day {row.day}: {row.problem}" for row in self.rows if row.problem]
        return tuple([self.broken, *wrong] if self.broken else wrong)


def run_scenario(scenario: ScenarioDocument, compiled: Compiled, workspace: Workspace) -> Result:
    """Simulate a scenario day by day and compare."""
    simulation, last = set_scene(scenario, [compiled], workspace)
    broken = ""
    try:
        simulation.advance(last)
    except Circle as circle:
        broken = str(circle)
    zone = simulation.account.place.zone
    happened = dated(simulation.happenings, scenario.start, lambda at: local_date(at, zone))
    return Result(
        name=scenario.name,
        rows=compare(scenario, happened),
        happened=happened,
        days=scenario.until + 1,
        simulation=simulation,
        broken=broken,
    )
