"""Which playbooks of a project start which others: what cannot be started, and who starts each other in a circle."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.compile import Compilation
from engine.problems import Problem, Spot, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Starts:
    """How one playbook starts others, and whether others can start it."""

    enrolls: tuple[tuple[str, Spot], ...]
    by_hand: bool | None
    """None for a broken one: nobody knows."""

    @classmethod
    def of(cls, compilation: Compilation) -> "Starts":
        compiled = compilation.compiled
        by_hand = None if compiled is None else any(trigger.kind == "manual" for trigger in compiled.triggers)
        return cls(enrolls=compilation.enrolls, by_hand=by_hand)


def enrolling_problems(playbooks: Mapping[str, Starts]) -> dict[str, tuple[Problem, ...]]:
    """By playbook, where it starts what it cannot. Of a broken playbook only its name is known."""
    found = {}
    for name, starts in playbooks.items():
        if problems := tuple(_of(name, starts, playbooks)):
            found[name] = problems
    return found


def _of(name: str, starts: Starts, all_: Mapping[str, Starts]) -> Iterator[Problem]:
    for target, spot in starts.enrolls:
        if target not in all_:
            hint = did_you_mean(target, all_)
            yield Problem(code="PB366", spot=spot, message=f'there is no playbook "{target}"', hint=hint)
            continue
        if all_[target].by_hand is False:
            message = f"{target} starts by its own triggers alone"
            yield Problem(code="PB366", spot=spot, message=message, hint=f"add `- manual: true` to those of {target}")
        if way := _way(target, name, all_):
            circle = " → ".join((name, *way))
            hint = "leave one of the starts out; a trigger may do the same"
            yield Problem(code="PB367", spot=spot, message=f"these start each other in a circle: {circle}", hint=hint)


def _way(from_: str, to: str, all_: Mapping[str, Starts]) -> tuple[str, ...]:
    """The shortest way from one playbook to another by what they start, both included; empty when there is none."""
    ways: dict[str, tuple[str, ...]] = {from_: (from_,)}
    queue = [from_]
    for name in queue:
        if name == to:
            return ways[name]
        for further, _ in all_[name].enrolls if name in all_ else ():
            if further not in ways:
                ways[further] = (*ways[name], further)
                queue.append(further)
    return ()
