"""What is to be seen of a playbook, however it is drawn: what starts it, its steps and their ways, what ends it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.plan import Compiled
from engine.steps.base import Family, Step, Way


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A few words that stand on a step, such as how many runs wait there."""

    says: str
    tone: Literal["live", "good", "quiet", "bad"]


@dataclass(frozen=True, kw_only=True)
class Node:
    """A step, with what hangs below it."""

    path: str
    family: Family
    kind: str
    id: str
    says: str
    """One line, templates shortened to what they stand for."""
    notes: tuple[str, ...] = ()
    goes: Literal["one way", "all ways", "round"] = "one way"
    arms: tuple["Arm", ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def name(self) -> str:
        """What it goes by: its kind, and its id where it has one."""
        return f"{self.kind} {self.id}".rstrip().replace("_", " ") if not self.id else f"{self.kind} {self.id}"

    @property
    def stops(self) -> bool:
        """Whether nothing after it is ever reached."""
        if self.family == "end":
            return True
        ends = [arm.stops for arm in self.arms]
        return bool(ends) and (all(ends) if self.goes == "one way" else any(ends))


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A way on from a step."""

    says: str
    nodes: tuple[Node, ...]

    @property
    def stops(self) -> bool:
        return any(node.stops for node in self.nodes)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A whole playbook."""

    playbook: str
    title: str
    starts: tuple[str, ...]
    audience: str
    entry: tuple[str, ...]
    """The rules of entry, a few words each."""
    nodes: tuple[Node, ...]
    goal: str
    exits: tuple[tuple[str, str], ...]
    """Reason and condition."""

    @property
    def stops(self) -> bool:
        """Whether every road ends by an `end` step."""
        return any(node.stops for node in self.nodes)


def picture(compiled: Compiled) -> Picture:
    """The picture of a compiled playbook."""
    plan, goal = compiled.plan, compiled.plan.goal
    return Picture(
        playbook=compiled.playbook,
        title=compiled.title,
        starts=tuple(trigger.says for trigger in compiled.triggers),
        audience=compiled.audience.text,
        entry=_entry(compiled),
        nodes=_nodes(plan.steps, "steps"),
        goal="" if goal is None else goal.when.text + (f", for {goal.dwell}" if goal.dwell else ""),
        exits=tuple((exit_.reason, exit_.when.text) for exit_ in plan.exits),
    )


def marked(drawn: Picture, marks: Mapping[str, Sequence[Mark]]) -> Picture:
    """The same picture with marks on its steps, by their paths."""
    return replace(drawn, nodes=_marked(drawn.nodes, marks))


def _marked(nodes: Sequence[Node], marks: Mapping[str, Sequence[Mark]]) -> tuple[Node, ...]:
    return tuple(
        replace(
            node,
            marks=tuple(marks.get(node.path, ())),
            arms=tuple(replace(arm, nodes=_marked(arm.nodes, marks)) for arm in node.arms),
        )
        for node in nodes
    )


def _entry(compiled: Compiled) -> tuple[str, ...]:
    entry = compiled.entry
    rules = [
        f"one run per {entry.key}" if entry.key else "",
        f"again after {entry.again_after}" if entry.again_after else "",
        f"one at a time in {entry.exclusive}" if entry.exclusive else "",
        "also who is there already" if entry.existing == "include" else "",
    ]
    return tuple(rule for rule in rules if rule)


def _nodes(steps: Sequence[Step], at: str) -> tuple[Node, ...]:
    return tuple(_node(step, f"{at}[{i}]") for i, step in enumerate(steps))


def _node(step: Step, path: str) -> Node:
    ways = step.ways()
    if [way.at for way in ways] == ["on_error"]:
        # An act that has steps for its failure goes on by itself when it does not fail.
        ways = (Way(at="done", says="done", steps=()), *ways)
    if step.goes == "one way" and not any(way.steps for way in ways):
        # Whichever way it takes, it goes on with the next step.
        ways = ()
    return Node(
        path=path,
        family=step.family,
        kind=step.kind,
        id=step.id,
        says=plainly(step.says()),
        notes=tuple(plainly(note) for note in step.notes()),
        goes=step.goes,
        arms=tuple(Arm(says=plainly(way.says), nodes=_nodes(way.steps, f"{path}.{way.at}")) for way in ways),
    )


_HOLE = re.compile(r"\{\{-?\s*(?:contact\.)?([\w.]+).*?\}\}", re.DOTALL)
_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)


def plainly(text: str) -> str:
    """A template as people read it: `Call {{ account.name }}` becomes `Call [account]`."""
    shown = _HOLE.sub(lambda hole: f"[{re.sub(r'[.](first_)?name$', '', hole[1]).replace('_', ' ')}]", text)
    return " ".join(_TAG.sub("", shown).split())
