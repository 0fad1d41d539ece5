"""Opens the files of an import as tables, by their endings: CSV, JSON Lines, Parquet."""

import codecs
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.imports import Table, csv_table, json_lines_table, wanted_columns
from engine.imports.tables import Row
from engine.problems import Problem, Spot
from engine.workspace import Import, Workspace

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_CHUNK = 1 << 20
_PARQUET_ROWS = 10_000


def open_tables(workspace: Workspace, folder: Path) -> tuple[dict[str, Table], list[Problem]]:
    """The tables that can be read, by import's name; the files that cannot are problems."""
    tables: dict[str, Table] = {}
    problems: list[Problem] = []
    for one in workspace.imports:
        try:
            tables[one.name] = _opener(one)(folder / one.file, one.file, wanted_columns(workspace, one))
        except _Unreadable as error:
            problems.append(_left_out(one, folder, str(error)))
        except OSError as error:
            problems.append(_left_out(one, folder, error.strerror or "it cannot be read"))
    return tables, problems


class _Unreadable(Exception):
    """A file that is no table, and why."""


_Opener = Callable[[Path, str, tuple[str, ...]], Table]


def _opener(one: Import) -> _Opener:
    return _OPENERS.get(Path(one.file).suffix.lower(), _csv)


def _csv(path: Path, file: str, _wanted: tuple[str, ...]) -> Table:
    _check_text(path)
    # Spreadsheets put a byte order mark in front, which would become part of the first column's name.
    return csv_table(lambda: path.open(encoding="utf-8-sig", newline=""), file)


def _json_lines(path: Path, file: str, wanted: tuple[str, ...]) -> Table:
    _check_text(path)
    return json_lines_table(lambda: path.open(encoding="utf-8-sig"), file, wanted)


def _check_text(path: Path) -> None:
    """Before any row is taken: half a file would be worse than none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _Unreadable("it is not UTF-8 text") from error


def _parquet(path: Path, file: str, wanted: tuple[str, ...]) -> Table:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        what = 'Parquet needs an extra package; install it with: pip install "tenure[parquet]"'
        raise _Unreadable(what) from error
    try:
        with ParquetFile(path) as opened:
            columns = tuple(opened.schema_arrow.names)
    except ArrowException as error:
        raise _Unreadable(f"it is not a Parquet file: {error}") from error
    present = tuple(column for column in wanted if column in columns)
    return Table(file=file, columns=present, rows=_ParquetRows(lambda: ParquetFile(path), present), typed=True)


@dataclass(frozen=True)
class _ParquetRows:
    opened: "Callable[[], ParquetFile]"
    columns: tuple[str, ...]

    def __iter__(self) -> Iterator[Row]:
        row = 0
        with self.opened() as file:
            for batch in file.iter_batches(_PARQUET_ROWS, columns=list(self.columns)):
                # In the order asked for, whatever the file's own is.
                columns = [batch.column(name).to_pylist() for name in self.columns]
                for cells in zip(*columns, strict=True):
                    row += 1
                    yield row, cells


_OPENERS: Mapping[str, _Opener] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}


def _left_out(one: Import, folder: Path, why: str) -> Problem:
    return Problem(
        code="PB520",
        spot=Spot(file=one.file),
        message=f"the import {one.name} is left out: {why}",
        hint=_where(one, folder),
    )


def _where(one: Import, folder: Path) -> str:
    """Where it was looked for; many name it from the workspace, though files go by the folder that is imported."""
    inside = one.file.removeprefix(f"{folder.name}/")
    if inside != one.file and (folder / inside).is_file():
        return f"files are named from the folder that is imported, so write in tenure.yaml: file: {inside}"
    return f"it is looked for as {folder / one.file}"
