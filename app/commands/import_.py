"""`tenure import`: takes in a folder of files by the workspace's mapping."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from app.files import read_folder
from app.importing import ImportReport, import_folder
from app.reports.json_ import problem_json
from app.running import FINDINGS, Services, UsageError, plain, say, show
from app.tables import clean, count, show_table, when
from engine.calendars import local_midnight
from engine.problems import DocumentError, Problem
from engine.workspace import load_workspace
from store.intake.blocks import FileCount

_MOST = {"error": 50, "warning": 3}
"""Problems of one file and code that are printed; JSON has them all."""


def import_files(folder: Path, data: Path, as_of: datetime | None, home: Path | None, *, as_json: bool) -> int:
    """0 when every row was taken; 1 when rows were left out, each reported with file and row."""
    try:
        workspace = load_workspace(read_folder(folder))
    except DocumentError as error:
        raise UsageError(f"the workspace is broken; run: tenure check {folder}\n{error}") from error
    if not workspace.imports:
        raise UsageError(f"{folder} says nothing of files: tenure.yaml has no `imports:`")
    if not data.is_dir():
        raise UsageError(f"{data} is not a folder of files to import")
    instant = local_midnight(as_of.date(), workspace.zone) if as_of else None
    with Services(home) as services:
        try:
            report = import_folder(services.database, workspace, data, instant, say)
        except ValueError as error:
            # The clock's own words: it never goes back.
            raise UsageError(str(error)) from error
    print_problems(report.problems)
    # A row may have several problems, and so may the first line of a file.
    errors = len({(one.spot.file, one.spot.line) for one in report.problems if one.severity == "error"})
    if as_json:
        problems = [problem_json(problem) for problem in report.problems]
        show({"clock": report.now, "counts": plain(dict(report.counts)), "problems": problems})
    else:
        _print(report, errors)
    return FINDINGS if errors else 0


def _print(report: ImportReport, errors: int) -> None:
    total = FileCount(
        rows=sum(one.rows for one in report.counts.values()),
        facts=sum(one.facts for one in report.counts.values()),
        repeats=sum(one.repeats for one in report.counts.values()),
        staged=sum(one.staged for one in report.counts.values()),
    )
    rows = [(name, *_numbers(one)) for name, one in (*report.counts.items(), ("all", total))]
    show_table(("IMPORT", "ROWS", "NEW FACTS", "STILL TO COME", "KNOWN BEFORE"), rows)
    print(f"clock at {when(report.now)} UTC; {count(errors, 'row or file', 'rows or files')} left out")
    if not total.facts and not total.staged:
        print("nothing changed: all of it was known before" if total.repeats else "nothing changed")


def _numbers(one: FileCount) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in (one.rows, one.facts, one.staged, one.repeats))


def print_problems(problems: Sequence[Problem]) -> None:
    """By file and line, the first of each kind; what is left out is counted."""
    told: Counter[tuple[str, str]] = Counter()
    for problem in sorted(problems, key=lambda problem: (problem.spot.file, problem.spot.line)):
        kind = (problem.spot.file, problem.code)
        told[kind] += 1
        if told[kind] <= _MOST[problem.severity]:
            hint = f" ({problem.hint})" if problem.hint else ""
            where = f"{problem.spot.file}:{problem.spot.line}" + (f": {problem.spot.path}" if problem.spot.path else "")
            say(clean(f"{problem.severity} {problem.code} {where}: {problem.message}{hint}"))
    severities = {(problem.spot.file, problem.code): problem.severity for problem in problems}
    for (file, code), number in told.items():
        if (more := number - _MOST[severities[file, code]]) > 0:
            say(f"… and {more} more {code} in {file}; --json names them all")
