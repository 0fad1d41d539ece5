"""A picture as points and lines, for tools that place them themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.graph.tree import Node, Picture
from engine.steps.base import Family

Shape = Family | Literal["start", "audience", "goal", "exit"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """`key` is unique in its flow, and a word of letters and digits."""

    key: str
    shape: Shape
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    source: str
    target: str
    says: str = ""


@dataclass
class Flow:
    """Points and lines in the order of the playbook."""

    points: list[Point] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


_Loose = list[tuple[str, str]]
"""Ends of lines that wait for their target: the source, and what the line says."""


def flow(picture: Picture) -> Flow:
    """Starts, steps and ends; goal and exits stand beside, since they hold at any moment."""
    found = Flow()
    loose: _Loose = []
    for start in picture.starts:
        loose.append((_point(found, "start", (start,)), ""))
    audience = _point(found, "audience", ("only for", picture.audience, *picture.entry))
    _join(found, loose, audience)
    loose = _sequence(found, picture.nodes, [(audience, "")])
    if loose:
        _join(found, loose, _point(found, "end", ("worked through",)))
    if picture.goal:
        _point(found, "goal", ("at any moment: goal", picture.goal))
    for reason, condition in picture.exits:
        _point(found, "exit", (f"at any moment: exit, {reason}", condition))
    return found


def _point(found: Flow, shape: Shape, lines: tuple[str, ...]) -> str:
    key = f"n{len(found.points)}"
    found.points.append(Point(key=key, shape=shape, lines=lines))
    return key


def _join(found: Flow, loose: _Loose, target: str) -> None:
    found.lines += [Line(source=source, target=target, says=says) for source, says in loose]


def _sequence(found: Flow, nodes: Sequence[Node], loose: _Loose) -> _Loose:
    for node in nodes:
        head = (node.says,) if node.family in ("wait", "end", "choice") and not node.id else (node.name, node.says)
        key = _point(found, node.family, (*head, *node.notes))
        _join(found, loose, key)
        loose = _onward(found, node, key)
    return loose


def _onward(found: Flow, node: Node, key: str) -> _Loose:
    if node.family == "end":
        return []
    if not node.arms:
        return [(key, "")]
    if node.goes == "round":
        for arm in node.arms:
            _join(found, _sequence(found, arm.nodes, [(key, arm.says)]), key)
        return [(key, "then")]
    return [end for arm in node.arms for end in _sequence(found, arm.nodes, [(key, arm.says)])]
