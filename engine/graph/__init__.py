"""A playbook as a picture: one neutral tree, a file for each form. To add one: a file, and a line in the table."""

from collections.abc import Callable, Mapping

from engine.graph.dot import to_dot
from engine.graph.mermaid import to_mermaid
from engine.graph.svg import to_svg
from engine.graph.text import to_text
from engine.graph.tree import Mark, Picture, marked, picture

FORMATS: Mapping[str, Callable[[Picture], str]] = {
    "text": to_text,
    "svg": to_svg,
    "mermaid": to_mermaid,
    "dot": to_dot,
}

__all__ = ["FORMATS", "Mark", "Picture", "marked", "picture"]
