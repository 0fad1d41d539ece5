"""`tenure import`: takes in a folder of files by the workspace's mapping."""

from datetime import datetime
from pathlib import Path

from app.files import read_folder
from app.importing import import_folder
from app.running import FINDINGS, Services, UsageError, plain, say, show
from engine.calendars import local_midnight
from engine.problems import DocumentError
from engine.workspace import load_workspace


def import_files(folder: Path, data: Path, as_of: datetime | None, home: Path | None, *, as_json: bool) -> int:
    """0 when every row was taken; 1 when rows were left out, each reported with file and row."""
    try:
        workspace = load_workspace(read_folder(folder))
    except DocumentError as error:
        raise UsageError(f"the workspace is broken; run: tenure check {folder}\n{error}") from error
    if not data.is_dir():
        raise UsageError(f"{data} is not a folder of files to import")
    instant = local_midnight(as_of.date(), workspace.zone) if as_of else None
    with Services(home) as services:
        try:
            report = import_folder(services.database, workspace, data, instant, say)
        except ValueError as error:
            raise UsageError(str(error)) from error
    errors = [problem for problem in report.problems if problem.severity == "error"]
    for problem in report.problems:
        say(f"{problem.severity}: {problem}")
    if as_json:
        show(
            {
                "clock": report.now,
                "counts": plain(dict(report.counts)),
                "problems": [str(one) for one in report.problems],
            }
        )
    else:
        print(f"clock: {report.now.isoformat()}")
        for name, count in report.counts.items():
            print(
                f"{name:>16}: {count.rows:,} rows, {count.facts:,} new facts, {count.repeats:,} repeats, {count.staged:,} to come"
            )
        print(f"{'problems':>16}: {len(errors)} errors, {len(report.problems) - len(errors)} warnings")
    return FINDINGS if errors else 0
