"""Reads a workspace's folder from disk into memory, bounded, with names relative to the folder."""

from pathlib import Path

from app.running import UsageError

WORKSPACE_FILE = "tenure.yaml"
_SUFFIXES = (".yaml", ".yml", ".md")
_MOST_FILES, _MOST_BYTES = 20_000, 2_000_000


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every YAML and Markdown file below a workspace folder; hidden ones and symbolic links out of it are left alone."""
    if not (folder / WORKSPACE_FILE).is_file():
        raise UsageError(f"{folder} is not a workspace: it has no {WORKSPACE_FILE}")
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix not in _SUFFIXES or any(part.startswith(".") for part in inside.parts) or not path.is_file():
            continue
        if len(files) >= _MOST_FILES:
            raise UsageError(f"{folder} has more than {_MOST_FILES:,} files; is it the right folder?")
        with path.open("rb") as file:
            files[inside.as_posix()] = file.read(_MOST_BYTES)
    return files


def workspace_of(path: Path) -> Path:
    """The workspace a file or folder belongs to: the nearest folder above it that has a tenure.yaml."""
    start = path.resolve()
    for folder in (start, *start.parents):
        if (folder / WORKSPACE_FILE).is_file():
            return folder
    raise UsageError(f"{path} is in no workspace: no folder above it has a {WORKSPACE_FILE}")
