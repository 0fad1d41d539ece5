"""`tenure fmt`: puts keys, expressions and white space of a workspace's YAML in order, and nothing else."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.files import WORKSPACE_FILE, read_file, replace_file, yaml_below
from app.reports.printing import print_problems
from app.running import FINDINGS, UsageError, say
from app.tables import count
from engine.authoring.formatting import formatted
from engine.problems import DocumentError

_CARDS = "scorecards"


def format_paths(paths: Sequence[Path], *, check: bool, diff: bool) -> int:
    """0 when all is in order now; 1 when `check` finds something to do, or a file has problems and was left alone."""
    changed = refused = 0
    for path, kind in _files(paths):
        before = read_file(path)
        try:
            after = formatted(before, str(path), kind).encode()
        except DocumentError as error:
            refused += 1
            print_problems(error.problems, {str(path): before}, "")
            continue
        if after == before:
            continue
        changed += 1
        if diff:
            _show_difference(path, before.decode("utf-8", "replace"), after.decode())
        elif check:
            print(path)
        else:
            _replace(path, after)
            print(path)
    what = "would change" if check or diff else "changed"
    say(f"{count(changed, 'file')} {what}" + (f", {refused} left alone for their problems" if refused else ""))
    return FINDINGS if refused or (check and changed) else 0


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """The files, and the schema each goes by; of folders those whose names say what they are."""
    for path in paths:
        if path.is_dir():
            yield from ((file, kind) for file in yaml_below(path) if (kind := _kind_of(file)))
        elif not path.exists():
            raise UsageError(f"{path} does not exist")
        elif kind := _kind_of(path):
            yield path, kind
        else:
            raise UsageError(f"{path} is no file of a workspace: they are called playbook.yaml, scenarios.yaml, …")


def _kind_of(path: Path) -> str | None:
    names = {"playbook.yaml": "playbook", "scenarios.yaml": "scenarios", WORKSPACE_FILE: "tenure"}
    return "scorecard" if path.resolve().parent.name == _CARDS and path.suffix == ".yaml" else names.get(path.name)


def _show_difference(path: Path, before: str, after: str) -> None:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in difflib.unified_diff(old, new, fromfile=str(path), tofile=str(path)):
        print(line, end="" if line.endswith("\n") else "\n")


def _replace(path: Path, content: bytes) -> None:
    try:
        replace_file(path.resolve(), content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror})") from error
