"""Reads a workspace's folder from disk into memory, bounded, with names relative to the folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.running import UsageError

WORKSPACE_FILE = "tenure.yaml"
_SUFFIXES = (".yaml", ".yml", ".md")
_MOST_FILES, _MOST_BYTES = 20_000, 2_000_000


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every YAML and Markdown file below a workspace folder; hidden ones and links out of it are left alone."""
    if not (folder / WORKSPACE_FILE).is_file():
        raise UsageError(f"{folder} is not a workspace: it has no {WORKSPACE_FILE}")
    root = folder.resolve()
    files: dict[str, bytes] = {}
    for path in _below(folder):
        inside = path.relative_to(folder)
        if path.suffix not in _SUFFIXES or not path.is_file() or root not in path.resolve().parents:
            continue
        if len(files) >= _MOST_FILES:
            raise UsageError(f"{folder} has more than {_MOST_FILES:,} files; is it the right folder?")
        try:
            with path.open("rb") as file:
                # One byte more than is allowed tells the reader that it is too much.
                files[inside.as_posix()] = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    return files


def _below(folder: Path) -> Iterator[Path]:
    """The files below, by name; hidden folders are not entered, and neither are linked ones, which may go round."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(names) if not name.startswith("."))


def workspace_of(path: Path) -> Path:
    """The workspace a file or folder belongs to: the nearest folder above it that has a tenure.yaml."""
    start = path.resolve()
    for folder in (start, *start.parents):
        if (folder / WORKSPACE_FILE).is_file():
            return folder
    raise UsageError(f"{path} is in no workspace: no folder above it has a {WORKSPACE_FILE}")
