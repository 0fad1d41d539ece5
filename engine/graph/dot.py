"""A playbook in the language of Graphviz."""

from collections.abc import Mapping

from engine.graph.flow import Shape, flow
from engine.graph.tree import Picture

_LOOKS: Mapping[Shape, str] = {
    "start": "shape=cds",
    "audience": "shape=trapezium, style=dashed",
    "message": "shape=box, style=rounded",
    "work": "shape=box",
    "change": "shape=note",
    "wait": 'shape=box, style="rounded,dashed"',
    "choice": "shape=hexagon",
    "fork": "shape=invtrapezium",
    "loop": "shape=octagon",
    "other_playbook": "shape=component",
    "end": "shape=box, peripheries=2, style=rounded",
    "goal": "shape=plaintext",
    "exit": "shape=plaintext",
}


def to_dot(picture: Picture) -> str:
    """A `digraph`."""
    drawn = flow(picture)
    lines = [
        f"digraph {_quoted(picture.playbook)} {{",
        f"    label={_quoted(picture.title)}; labelloc=t; rankdir=TB;",
        '    node [fontname="Helvetica", fontsize=11]; edge [fontname="Helvetica", fontsize=10];',
    ]
    for point in drawn.points:
        label = "\\n".join(_escaped(line) for line in point.lines)
        lines.append(f'    {point.key} [label="{label}", {_LOOKS[point.shape]}];')
    for line in drawn.lines:
        label = f" [label={_quoted(line.says)}]" if line.says else ""
        lines.append(f"    {line.source} -> {line.target}{label};")
    return "\n".join([*lines, "}"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'
