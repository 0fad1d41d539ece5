"""A plan as the tree it is: every step with its path, and every way on; pictures, tests and checks walk it here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.plan import Plan
from engine.steps.base import Step, Way


@dataclass(frozen=True, kw_only=True)
class Found:
    """A step where it stands."""

    path: str
    """As traces name it: `steps[2].then[0]`."""
    step: Step

    def way(self, way: Way) -> str:
        """The path of one of its ways."""
        return f"{self.path}.{way.at}"


def outline(plan: Plan) -> Iterator[Found]:
    """Every step at any depth, in written order."""
    return _sequence(plan.steps, "steps")


def by_path(plan: Plan) -> Mapping[str, Step]:
    return {found.path: found.step for found in outline(plan)}


def _sequence(steps: tuple[Step, ...], at: str) -> Iterator[Found]:
    for i, step in enumerate(steps):
        found = Found(path=f"{at}[{i}]", step=step)
        yield found
        for way in step.ways():
            yield from _sequence(way.steps, found.way(way))
