"""A playbook drawn with characters, for a terminal or a comment."""

from collections.abc import Iterator, Mapping, Sequence

from engine.graph.tree import Arm, Node, Picture
from engine.steps.base import Family

SIGNS: Mapping[Family, str] = {
    "message": "✉",
    "work": "☐",
    "change": "✎",
    "wait": "◷",
    "choice": "◇",
    "fork": "╤",
    "loop": "↻",
    "other_playbook": "↗",
    "end": "■",
}
_ROUND = "again and again"


def to_text(picture: Picture) -> str:
    """Lines of any length; a terminal may cut them."""
    lines = [f"{picture.playbook}: {picture.title}", ""]
    for i, start in enumerate(picture.starts):
        lines.append(f"▶ {'starts when' if i == 0 else '         or'}  {start}")
    lines.append(f"      only for  {picture.audience}")
    lines += [f"                {rule}" for rule in picture.entry]
    lines += [f"│ {line}".rstrip() if line else "│" for line in _sequence(picture.nodes)]
    if not picture.stops:
        lines.append("■ worked through")
    if picture.goal or picture.exits:
        lines += ["", "At any moment it ends when"]
        if picture.goal:
            lines.append(f"★ goal  {picture.goal}")
        lines += [f"⇥ exit  {condition}  ({reason})" for reason, condition in picture.exits]
    return "\n".join(lines) + "\n"


def _sequence(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        yield ""
        yield from _node(node)


def _node(node: Node) -> Iterator[str]:
    """Its lines, without what leads them."""
    head = f"{SIGNS[node.family]} {node.name}"
    says = "" if node.says == node.kind else node.says
    if node.family in ("wait", "end", "loop") and not node.id:
        head = f"{SIGNS[node.family]} {node.says}"
        says = ""
    yield f"{head}  {says}".rstrip()
    for note in node.notes:
        yield f"    {note}"
    for i, arm in enumerate(node.arms):
        yield from _arm(node, arm, last=i == len(node.arms) - 1, number=i)


def _arm(node: Node, arm: Arm, *, last: bool, number: int) -> Iterator[str]:
    says = arm.says or (_ROUND if node.goes == "round" else f"branch {number + 1}")
    yield f"{'└' if last else '├'}─ {says}" + ("" if arm.nodes else ": go on")
    lead = "   " if last else "│  "
    for line in _sequence(arm.nodes):
        if line:
            yield lead + line
