"""Problems for people: place, code, message, the line with a caret under the exact place, and what to do."""

import sys
import unicodedata
from collections.abc import Callable, Sequence

from app.pages import page_uri
from app.tables import cells, clean
from engine.problems import Problem

_WIDE = 110
"""Cells of a terminal that an excerpt may take."""


def as_human(problems: Sequence[Problem], lines_of: Callable[[str], Sequence[str]]) -> str:
    """One block of lines for each problem, in the order given."""
    linked = sys.stdout.isatty()
    return "".join(f"{told(problem, lines_of(problem.spot.file), linked=linked)}\n" for problem in problems)


def told(problem: Problem, lines: Sequence[str], *, linked: bool = False) -> str:
    """One problem as a few lines; `linked` makes its code a link to its page, on terminals that know links."""
    spot = problem.spot
    path = f" {spot.path}:" if spot.path else ""
    code = _link(problem.code) if linked else problem.code
    head = clean(f"{spot.file}:{spot.line}:{spot.column}: {problem.severity}")
    parts = [f"{head} {code}{clean(f'{path} {problem.message}')}"]
    if 0 < spot.line <= len(lines):
        line, before = excerpt(lines[spot.line - 1], spot.column - 1)
        parts += [f"    {line}", f"    {' ' * before}^"]
    if problem.hint:
        parts.append(clean(f"    {problem.hint}"))
    return "\n".join(parts)


def excerpt(line: str, column: int) -> tuple[str, int]:
    """What is shown of a line, cut around the column (from 0) where it is long, and the cells before the caret."""
    # A control character would take no cell or several, and the caret would stand elsewhere.
    line = "".join(one if one.isprintable() else " " for one in line)
    column = min(column, len(line))
    start = _back(line, column, _WIDE // 2) if cells(line) > _WIDE else 0
    end = _forth(line, start, _WIDE)
    before, after = "…" if start else "", "…" if end < len(line) else ""
    return f"{before}{line[start:end]}{after}", cells(before) + cells(line[start:column])


def _back(line: str, column: int, room: int) -> int:
    """The first character of those that fit into `room` cells before a column; never one that joins the one before."""
    start = column
    while start > 0 and cells(line[start - 1]) <= room:
        start -= 1
        room -= cells(line[start])
    while start < column and unicodedata.combining(line[start]):
        start += 1
    return start


def _forth(line: str, start: int, room: int) -> int:
    end = start
    while end < len(line) and cells(line[end]) <= room:
        room -= cells(line[end])
        end += 1
    return end


def _link(code: str) -> str:
    uri = page_uri(code)
    return f"\x1b]8;;{uri}\x1b\\{code}\x1b]8;;\x1b\\" if uri else code
