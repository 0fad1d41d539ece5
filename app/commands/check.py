"""`tenure check`: every problem of all files in one pass, with the line and what to do."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from app.files import read_folder, workspace_of
from app.running import FINDINGS, UsageError
from engine.problems import Problem
from engine.project import read_project


def check_paths(paths: Sequence[Path], *, as_json: bool) -> int:
    """0 when there is no error; warnings alone are fine."""
    problems, lines = _problems(paths)
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        print(json.dumps([_json(problem) for problem in problems], ensure_ascii=False, indent=2))
    else:
        for problem in problems:
            print(_human(problem, lines.get(problem.spot.file, ())))
    warnings = len(problems) - errors
    print(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}", file=sys.stderr)
    return FINDINGS if errors else 0


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
        lines |= {f"{shown}/{name}": content.decode("utf-8", "replace").splitlines() for name, content in files.items()}
    problems.sort(key=lambda problem: (problem.spot.file, problem.spot.line, problem.spot.column))
    return problems, lines


def _shown(root: Path) -> str:
    """The folder as a user would type it from here."""
    here = Path.cwd().resolve()
    return str(root.relative_to(here)) if root == here or here in root.parents else str(root)


def _human(problem: Problem, lines: Sequence[str]) -> str:
    spot = problem.spot
    path = f" {spot.path}:" if spot.path else ""
    text = f"{spot.file}:{spot.line}:{spot.column}: {problem.severity} {problem.code}{path} {problem.message}"
    if 0 < spot.line <= len(lines):
        line = lines[spot.line - 1][:200]
        text += f"\n    {line}\n    {' ' * (min(spot.column, len(line) + 1) - 1)}^"
    return f"{text}\n    {problem.hint}" if problem.hint else text


def _json(problem: Problem) -> dict[str, object]:
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


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
