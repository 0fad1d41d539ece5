"""The forms in which `tenure check` tells problems: for people, and for three kinds of machines.

Each takes the problems and the lines of their files, and gives the whole text for standard output.
"""

from collections.abc import Callable, Mapping, Sequence

from app.reports.github import as_github
from app.reports.human import as_human
from app.reports.json_ import as_json
from app.reports.sarif import as_sarif
from engine.problems import Problem

Lines = Callable[[str], Sequence[str]]
"""The lines of a file, by the name that problems give it; none where it cannot be shown."""

FORMATS: Mapping[str, Callable[[Sequence[Problem], Lines], str]] = {
    "human": as_human,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}
