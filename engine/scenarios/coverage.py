"""What a playbook's scenarios have walked of it: every trigger, step, way on, goal and exit, and how often."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.outline import Found, outline
from engine.plan import Compiled
from engine.simulation import Simulation
from engine.steps.base import Way


@dataclass(frozen=True, kw_only=True)
class Covered:
    """One thing that can be walked."""

    part: Literal["trigger", "step", "branch", "goal", "exit"]
    path: str
    says: str
    times: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Of one playbook, over all its scenarios."""

    playbook: str
    parts: tuple[Covered, ...]

    @property
    def walked(self) -> int:
        return sum(part.times > 0 for part in self.parts)

    @property
    def missing(self) -> tuple[Covered, ...]:
        return tuple(part for part in self.parts if not part.times)


def coverage(compiled: Compiled, simulations: Sequence[Simulation]) -> Coverage:
    """Count in what was simulated; runs of other playbooks do not count."""
    fired: Counter[str] = Counter()
    ended: Counter[tuple[str, str]] = Counter()
    entered: Counter[str] = Counter()
    for simulation in simulations:
        for one in simulation.happenings:
            if one.playbook == compiled.playbook and one.what in (
                "start",
                "held_out",
                "held",
                "not_started",
                "dropped",
            ):
                fired.update(one.triggers)
        for run in simulation.runs:
            if run.compiled.playbook == compiled.playbook:
                entered.update(run.entered.keys())
                if run.ending:
                    ended[run.ending.outcome, run.ending.reason] += 1
    return Coverage(playbook=compiled.playbook, parts=tuple(_parts(compiled, fired, ended, entered)))


def _parts(
    compiled: Compiled, fired: Counter[str], ended: Counter[tuple[str, str]], entered: Counter[str]
) -> Iterator[Covered]:
    for i, trigger in enumerate(compiled.triggers):
        yield Covered(part="trigger", path=f"triggers[{i}]", says=trigger.says, times=fired[trigger.id])
    if compiled.plan.goal:
        times = sum(count for (outcome, _), count in ended.items() if outcome == "goal")
        yield Covered(part="goal", path="goal", says=compiled.plan.goal.when.text, times=times)
    for i, exit_ in enumerate(compiled.plan.exits):
        times = ended["exit", exit_.reason]
        yield Covered(part="exit", path=f"exit[{i}]", says=exit_.reason, times=times)
    for found in outline(compiled.plan):
        yield Covered(part="step", path=found.path, says=_name(found), times=entered[found.path])
        for way in found.step.ways():
            path = found.way(way)
            yield Covered(part="branch", path=path, says=_branch(found, way), times=entered[path])


def _name(found: Found) -> str:
    step = found.step
    return f"{step.kind} {step.id}" if step.id else f"{step.kind}: {step.says()}"


def _branch(found: Found, way: Way) -> str:
    return f"{_name(found)}, {way.says or way.at}"
