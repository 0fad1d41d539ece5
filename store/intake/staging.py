"""Brings rows before SQL, which reads them alike: few as one JSON parameter, many by COPY into a temporary table."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Self

import sqlalchemy as sa

from store.current.touched import Touched

_COPY_FROM = 500
"""Rows from which a table and its statistics cost less than taking JSON apart."""

Row = tuple[Any, ...]
Column = Sequence[Any]

json_cell = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
"""A value as a `jsonb` cell; `json.dumps` would make such an encoder for each."""


@dataclass(frozen=True)
class Shape:
    """The columns that rows of one kind have, in order, with their types in PostgreSQL."""

    name: str
    columns: Mapping[str, str]

    @cached_property
    def definition(self) -> str:
        return ", ".join(f"{name} {kind}" for name, kind in self.columns.items())

    @cached_property
    def json_columns(self) -> frozenset[str]:
        return frozenset(name for name, kind in self.columns.items() if kind == "jsonb")

    @cached_property
    def table(self) -> str:
        return f"told_{self.name}"


class Statement:
    """SQL in which `{told}` stands for the rows, under the name `told`, and `{touched}` for what they touch."""

    def __init__(self, shape: Shape, text: str, touched: Touched = Touched.NOTHING) -> None:
        text = text.replace("{touched}", str(int(touched)))
        few = f"json_to_recordset(cast(:rows as json)) as told({shape.definition})"
        self.few = sa.text(text.replace("{told}", few))
        self.many = sa.text(text.replace("{told}", f"{shape.table} as told"))


class Staged:
    """Rows that statements of their shape can read, until others of that shape are staged or the transaction ends."""

    def __init__(self, conn: sa.Connection, rows: str | None) -> None:
        self._conn, self._rows = conn, rows

    @classmethod
    def of(cls, conn: sa.Connection, shape: Shape, rows: Sequence[Row]) -> Self:
        """A `jsonb` cell is handed in as JSON text."""
        if len(rows) < _COPY_FROM:
            return cls(conn, _as_json(shape, rows))
        return cls.of_columns(conn, shape, list(zip(*rows, strict=True)))

    @classmethod
    def of_columns(cls, conn: sa.Connection, shape: Shape, columns: Sequence[Column]) -> Self:
        """Rows column by column, which is how COPY's text is made of them."""
        if len(columns[0]) < _COPY_FROM:
            return cls(conn, _as_json(shape, zip(*columns, strict=True)))
        _copy(conn, shape, columns)
        return cls(conn, None)

    def execute(self, statement: Statement, **parameters: object) -> sa.CursorResult[Any]:
        if self._rows is None:
            return self._conn.execute(statement.many, parameters)
        return self._conn.execute(statement.few, {"rows": self._rows, **parameters})


def _as_json(shape: Shape, rows: Iterable[Row]) -> str:
    def cell(name: str, value: object) -> str:
        if name in shape.json_columns and isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=datetime.isoformat)

    names = [(name, json.dumps(name)) for name in shape.columns]
    parts = (
        ",".join(f"{quoted}:{cell(name, value)}" for (name, quoted), value in zip(names, row, strict=True))
        for row in rows
    )
    return "[" + ",".join(f"{{{part}}}" for part in parts) + "]"


def _copy(conn: sa.Connection, shape: Shape, columns: Sequence[Column]) -> None:
    conn.exec_driver_sql(f"create temporary table if not exists {shape.table} ({shape.definition}) on commit drop")
    conn.exec_driver_sql(f"truncate {shape.table}")
    driver = conn.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f"copy {shape.table} from stdin") as copy:
        copy.write(_as_text(shape, columns))
    # How many there are is all that plans need; what the other columns hold takes a tenth of the intake to find out.
    conn.exec_driver_sql(f"analyze {shape.table} ({next(iter(shape.columns))})")


def _as_text(shape: Shape, columns: Sequence[Column]) -> str:
    """What COPY reads; made column by column, which takes a third of the driver's time for whole rows."""
    kinds = shape.columns.values()
    texts = [_TEXTS.get(kind, _words)(cells) for kind, cells in zip(kinds, columns, strict=True)]
    return "\n".join(map("\t".join, zip(*texts, strict=True)))


def _words(cells: Sequence[str | None]) -> Iterable[str]:
    if None not in cells and not _SPECIAL.search("".join(cells)):  # type: ignore[arg-type]  # none is None
        return cells  # type: ignore[return-value]  # the same
    return [_NULL if cell is None else _SPECIAL.sub(_escaped, cell) for cell in cells]


def _instants(cells: Sequence[datetime | None]) -> Iterable[str]:
    texts = {at: _NULL if at is None else at.isoformat() for at in set(cells)}
    return [texts[at] for at in cells]


def _lists(cells: Sequence[Sequence[str]]) -> Iterable[str]:
    return _words(["{" + ",".join(f'"{_IN_LISTS.sub(_slashed, one)}"' for one in cell) + "}" for cell in cells])


def _slashed(letter: re.Match[str]) -> str:
    return f"\\{letter[0]}"


def _escaped(letter: re.Match[str]) -> str:
    return _ESCAPES[letter[0]]


_NULL = r"\N"
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_IN_LISTS = re.compile(r'[\\"]')
_SPECIAL = re.compile(r"[\\\t\n\r]")
_TEXTS: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "int": lambda cells: map(str, cells),
    "bigint": lambda cells: map(str, cells),
    "boolean": lambda cells: map(str, cells),
    "timestamptz": _instants,
    "text[]": _lists,
}
