"""`tenure check`: every problem of all files in one pass, with the line and what to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from app.files import read_folder, workspace_of
from app.running import FINDINGS, UsageError, say, show
from app.tables import cells, clean, count
from engine.problems import Problem
from engine.project import read_project


def check_paths(paths: Sequence[Path], *, as_json: bool) -> int:
    """0 when there is no error; warnings alone are fine."""
    problems, lines = _problems(paths)
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        show([problem_json(problem) for problem in problems])
    else:
        for problem in problems:
            print(_human(problem, lines.get(problem.spot.file, ())))
    say(f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}")
    return FINDINGS if errors else 0


def print_problems(problems: Sequence[Problem], files: Mapping[str, bytes], folder: Path) -> None:
    """To standard error, for commands whose output is something else."""
    lines = _lines(files, str(folder))
    for problem in problems:
        say(_human(problem, lines.get(problem.spot.file, ())))


def problem_json(problem: Problem) -> dict[str, object]:
    """As every command's JSON has it."""
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
    }


def _problems(paths: Sequence[Path]) -> tuple[list[Problem], dict[str, Sequence[str]]]:
    wanted: dict[Path, list[Path]] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        wanted.setdefault(workspace_of(path), []).append(path.resolve())
    problems: list[Problem] = []
    lines: dict[str, Sequence[str]] = {}
    for root, inside in wanted.items():
        files = read_folder(root)
        shown = _shown(root)
        # The workspace is read as a whole, since files lean on each other; shown is what was asked for.
        for problem in read_project(files, shown).problems:
            where = Path(problem.spot.file).resolve()
            if any(where == path or path in where.parents for path in inside):
                problems.append(problem)
        lines |= _lines(files, shown)
    problems.sort(key=lambda problem: (problem.spot.file, problem.spot.line, problem.spot.column))
    return problems, lines


def _shown(root: Path) -> str:
    """The folder as a user would type it from here."""
    here = Path.cwd().resolve()
    return str(root.relative_to(here)) if root == here or here in root.parents else str(root)


def _lines(files: Mapping[str, bytes], root: str) -> dict[str, Sequence[str]]:
    return {f"{root}/{name}": content.decode("utf-8", "replace").splitlines() for name, content in files.items()}


def _human(problem: Problem, lines: Sequence[str]) -> str:
    spot = problem.spot
    path = f" {spot.path}:" if spot.path else ""
    parts = [clean(f"{spot.file}:{spot.line}:{spot.column}: {problem.severity} {problem.code}{path} {problem.message}")]
    if 0 < spot.line <= len(lines):
        line, before = _excerpt(lines[spot.line - 1], spot.column - 1)
        parts += [f"    {line}", f"    {' ' * before}^"]
    if problem.hint:
        parts.append(clean(f"    {problem.hint}"))
    return "\n".join(parts)


_WIDE = 110


def _excerpt(line: str, column: int) -> tuple[str, int]:
    """The line, cut around the column where it is long, and how many cells stand before the caret."""
    # A control character would take no cell or several, and the caret would stand elsewhere.
    line = "".join(one if one.isprintable() else " " for one in line)
    column = min(column, len(line))
    start = max(0, column - _WIDE // 2) if len(line) > _WIDE else 0
    shown = line[start : start + _WIDE]
    return shown + ("…" if start + _WIDE < len(line) else ""), cells(line[start:column])
