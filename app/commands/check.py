"""`tenure check`: every problem of all files in one pass, with the line and what to do."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from app.files import read_folder, shown_folder, workspace_of
from app.many import sharing
from app.reports import FORMATS, Lines
from app.reports.printing import joined, lines_of_files
from app.running import FINDINGS, UsageError, say
from app.tables import count
from engine.problems import Problem
from engine.project import playbook_folders, problems_of


def check_paths(paths: Sequence[Path], form: str, *, as_json: bool, strict: bool) -> int:
    """0 when there is no error; warnings alone are fine unless `strict`."""
    if form not in FORMATS:
        raise UsageError(f"there is no format {form!r}; there are {', '.join(FORMATS)}")
    if as_json and form not in ("human", "json"):
        raise UsageError(f"--json and --format {form} are two forms; choose one")
    try:
        problems, lines_of = find_problems(paths)
    except OSError as error:  # a name too long, a folder that is gone
        raise UsageError(f"this cannot be looked at ({error.strerror})") from error
    sys.stdout.write(FORMATS["json" if as_json else form](problems, lines_of))
    sys.stdout.flush()
    errors = sum(problem.severity == "error" for problem in problems)
    say(f"{count(errors, 'error')}, {count(len(problems) - errors, 'warning')}")
    if problems:
        say(f"about a code: tenure docs {problems[0].code}")
    return FINDINGS if errors or (strict and problems) else 0


def find_problems(paths: Sequence[Path]) -> tuple[list[Problem], Lines]:
    """The problems of everything at or below the paths, by place, and the lines of their files."""
    wanted: dict[Path, list[Path]] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        wanted.setdefault(workspace_of(path), []).append(path.resolve())
    problems: list[Problem] = []
    files: dict[str, bytes] = {}
    for root, inside in wanted.items():
        found, shown = read_folder(root), shown_folder(root)
        # The workspace is read as a whole, since files lean on each other; shown is what was asked for. Problems of no
        # playbook are there only where they kept everything else from being checked, whatever it was.
        asked_for = cache(partial(_is_inside, inside))
        of_a_playbook = cache(partial(_is_inside, [(root / folder).resolve() for folder in playbook_folders(found)]))
        today = datetime.now(UTC).date()
        share = sharing(found, shown, today=today)
        everything = problems_of(found, shown, today=today, share=share)
        problems += [one for one in everything if asked_for(one.spot.file) or not of_a_playbook(one.spot.file)]
        files |= {joined(shown, name): content for name, content in found.items()}
    problems.sort(key=lambda problem: (problem.spot.file, problem.spot.line, problem.spot.column))
    return problems, lines_of_files(files)


def _is_inside(paths: Sequence[Path], file: str) -> bool:
    where = Path(file).resolve()
    return any(where == path or path in where.parents for path in paths)
