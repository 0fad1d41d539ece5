"""Reads a workspace's folder from disk into memory, bounded, with names relative to the folder."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.running import UsageError
from engine.documents.document import Beginning

WORKSPACE_FILE = "tenure.yaml"
_SUFFIXES = (".yaml", ".yml", ".md")
_MOST_FILES, _MOST_BYTES = 100_000, 2_000_000


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every YAML and Markdown file below a workspace folder; hidden ones and links out of it are left alone."""
    if not (folder / WORKSPACE_FILE).is_file():
        raise UsageError(f"{folder} is not a workspace: it has no {WORKSPACE_FILE}")
    root = folder.resolve()
    files: dict[str, bytes] = {}
    for path in _below(folder):
        inside = path.relative_to(folder)
        if path.suffix not in _SUFFIXES or not path.is_file():
            continue
        if path.is_symlink() and root not in path.resolve().parents:
            continue
        if len(files) >= _MOST_FILES:
            raise UsageError(f"{folder} has more than {_MOST_FILES:,} files; is it the right folder?")
        files[_printable(inside)] = read_file(path)
    return files


def shown_folder(root: Path) -> str:
    """The folder as a user would type it from here; empty for here itself."""
    here = Path.cwd().resolve()
    if root == here:
        return ""
    return str(root.relative_to(here)) if here in root.parents else str(root)


def read_file(path: Path) -> bytes:
    """A file's content, as far as any reader looks."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
            if len(content) <= _MOST_BYTES:
                return content
            beginning = Beginning(content)
            beginning.size = max(os.fstat(file.fileno()).st_size, len(content))
            return beginning
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error


def yaml_below(folder: Path) -> Iterator[Path]:
    """The YAML files below a folder, by name; hidden ones and links are left alone."""
    yield from (path for path in _below(folder) if path.suffix == ".yaml" and path.is_file() and not path.is_symlink())


def replace_file(path: Path, content: bytes) -> None:
    """Put the content in the place of a file at one stroke: whoever reads sees the old one or the new one, whole."""
    mode = path.stat().st_mode if path.exists() else None
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(stat.S_IMODE(mode) if mode is not None else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _printable(path: Path) -> str:
    """A name that is not UTF-8 could be neither shown nor compared."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


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
