"""Problems as one JSON list, the form that every command's JSON gives them."""

import json
from collections.abc import Callable, Sequence

from app.pages import page_of
from engine.problems import Problem


def as_json(problems: Sequence[Problem], _lines_of: Callable[[str], Sequence[str]]) -> str:
    """A list; empty when nothing was found."""
    found = [problem_json(problem) for problem in problems]
    return json.dumps(found, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def problem_json(problem: Problem) -> dict[str, object]:
    """Line and column count from 1, columns in characters; `docs` is the code's section."""
    spot = problem.spot
    return {
        "code": problem.code,
        "severity": problem.severity,
        "file": spot.file,
        "line": spot.line,
        "column": spot.column,
        "path": spot.path,
        "message": problem.message,
        "hint": problem.hint,
        "docs": page_of(problem.code),
    }
