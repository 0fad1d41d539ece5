"""A playbook as a Mermaid flowchart, which many wikis and code hosts draw."""

from collections.abc import Mapping

from engine.graph.flow import Flow, Shape, flow
from engine.graph.tree import Picture

_BRACKETS: Mapping[Shape, tuple[str, str]] = {
    "start": ("([", "])"),
    "audience": ("[/", "/]"),
    "wait": ("(", ")"),
    "choice": ("{{", "}}"),
    "fork": ("[[", "]]"),
    "loop": ("[[", "]]"),
    "end": ("((", "))"),
    "goal": (">", "]"),
    "exit": (">", "]"),
}
_PLAIN = ("[", "]")


def to_mermaid(picture: Picture) -> str:
    """A `flowchart TD`."""
    drawn: Flow = flow(picture)
    lines = ["---", f"title: {_quoted(f'{picture.playbook}: {picture.title}')}", "---", "flowchart TD"]
    for point in drawn.points:
        begin, end = _BRACKETS.get(point.shape, _PLAIN)
        label = "<br/>".join(_escaped(line) for line in point.lines)
        lines.append(f'    {point.key}{begin}"{label}"{end}')
    for line in drawn.lines:
        says = f'|"{_escaped(line.says)}"|' if line.says else ""
        lines.append(f"    {line.source} -->{says} {line.target}")
    waits = ",".join(point.key for point in drawn.points if point.shape == "wait")
    if waits:
        lines += ["    classDef wait stroke-dasharray: 5 4", f"    class {waits} wait"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Mermaid reads `#quot;` and the like; markdown and HTML in labels must mean nothing."""
    for mark, name in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;"), ("*", "#42;")):
        text = text.replace(mark, name)
    return text


def _quoted(text: str) -> str:
    """A YAML text on one line."""
    return "'" + text.replace("'", "''") + "'"
