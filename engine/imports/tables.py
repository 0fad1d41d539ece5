"""Files as rows: their column names, and per row the line it starts on and its cells; it opens no file itself.

Rows are read when they are asked for, as often as that is, so a file of any length needs no memory.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from engine.problems import Problem, Severity, Spot

Row = tuple[int, Sequence[Any]]
Open = Callable[[], AbstractContextManager[Iterable[str]]]
"""Opens a text for reading, from its first line."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file as rows; one that cannot be taken apart is a problem in its place."""

    file: str
    columns: tuple[str, ...]
    rows: Iterable[Row | Problem]
    typed: bool = False
    """Cells are numbers, words or dates of their own; otherwise all are text."""


def read_table(text: str, file: str) -> Table:
    """A CSV text as rows."""
    return csv_table(lambda: io.StringIO(text, newline=""), file)


def csv_table(opened: Open, file: str) -> Table:
    """A CSV file as rows; those with more or fewer cells than columns are problems."""
    return Table(file=file, columns=_header(opened), rows=_CsvRows(opened, file))


def json_lines_table(opened: Open, file: str, columns: tuple[str, ...]) -> Table:
    """A file with a JSON object a line as rows with these columns; what an object lacks is empty."""
    return Table(file=file, columns=columns, rows=_JsonRows(opened, file, columns), typed=True)


def bad_row(
    code: str, file: str, line: int, column: str, message: str, *, hint: str = "", severity: Severity = "error"
) -> Problem:
    return Problem(
        code=code, spot=Spot(file=file, line=line, path=column), message=message, hint=hint, severity=severity
    )


def _header(opened: Open) -> tuple[str, ...]:
    with opened() as lines:
        try:
            return tuple(cell.strip() for cell in next(csv.reader(iter(lines), strict=True), ()))
        except csv.Error:
            return ()  # reading its rows says so


@dataclass(frozen=True)
class _CsvRows:
    opened: Open
    file: str

    def __iter__(self) -> Iterator[Row | Problem]:
        with self.opened() as lines:
            reader = csv.reader(iter(lines), strict=True)
            line, width = 1, None
            try:
                for cells in reader:
                    if width is None:
                        width = len(cells)
                    elif len(cells) == width:
                        yield line, cells
                    elif cells:
                        what = f"this row has {len(cells)} cells and the file {width} columns"
                        yield bad_row("PB521", self.file, line, "", what, hint="is a comma not quoted?")
                    line = reader.line_num + 1
            except csv.Error as error:
                what = f"the file is not CSV from here on: {error}"
                yield bad_row("PB521", self.file, line, "", what, hint="check the quotes")


@dataclass(frozen=True)
class _JsonRows:
    opened: Open
    file: str
    columns: tuple[str, ...]

    def __iter__(self) -> Iterator[Row | Problem]:
        with self.opened() as lines:
            for line, text in enumerate(lines, start=1):
                if not text.strip():
                    continue
                try:
                    told = from_json(text, allow_inf_nan=False)
                except ValueError as error:
                    hint = "write one object a line, without NaN or Infinity"
                    yield bad_row("PB521", self.file, line, "", f"this line is not JSON: {error}", hint=hint)
                    continue
                if isinstance(told, dict):
                    yield line, [told.get(column) for column in self.columns]
                else:
                    yield bad_row("PB521", self.file, line, "", "this line is not an object", hint='write {"id": …}')
