"""Problems as workflow commands of GitHub Actions, which shows them beside the lines of a change."""

from collections.abc import Callable, Sequence

from engine.problems import Problem


def as_github(problems: Sequence[Problem], _lines_of: Callable[[str], Sequence[str]]) -> str:
    """One `::error` or `::warning` a line."""
    return "".join(f"{_command(problem)}\n" for problem in problems)


def _command(problem: Problem) -> str:
    spot = problem.spot
    about = {"file": spot.file, "line": spot.line, "col": spot.column, "title": problem.code}
    told = ",".join(f"{key}={_property(str(value))}" for key, value in about.items())
    path = f"{spot.path}: " if spot.path else ""
    hint = f"\n{problem.hint}" if problem.hint else ""
    return f"::{problem.severity} {told}::{_data(f'{path}{problem.message}{hint}')}"


def _data(text: str) -> str:
    """The runner reads %, and line breaks end the command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
