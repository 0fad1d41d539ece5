"""Statements that are built once and executed often: SQL text with its constants written out, and a few things given.

Building a large statement, and handing over a thousand constants with it, takes longer than PostgreSQL needs for a few
accounts. What differs from one execution to the next stands in it as `Given`.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa
from psycopg.rows import BaseRowFactory, dict_row, namedtuple_row, scalar_row, tuple_row
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType, TypeEngine, to_instance

from store.postgres.kept import Kept


class Given(sa.ColumnElement[Any]):
    """A value that is given, by this name, whenever the statement is executed."""

    inherit_cache = False

    def __init__(self, name: str, type_: TypeEngine[Any] | type[TypeEngine[Any]]) -> None:
        self.name, self.type = name, to_instance(type_)


class Row(Protocol):
    """What an answer consists of, from SQLAlchemy or read as psycopg makes it: columns are attributes."""

    def __getattr__(self, name: str, /) -> Any: ...


class Statement:
    """Any insert, update or select as text; immutable, for every connection and thread."""

    def __init__(self, made: Any) -> None:
        """`made`: what SQLAlchemy puts together; or the text itself, with what is given as `%(name)s`."""
        self.text = made if isinstance(made, str) else _written(made)
        self._numbered, self._names = _numbered(self.text)

    def run(self, conn: sa.Connection, given: Mapping[str, Any]) -> sa.CursorResult[Any]:
        """Execute it; names that it does not ask for do no harm."""
        return conn.exec_driver_sql(self.text, dict(given))

    def read(self, conn: sa.Connection, given: Mapping[str, Any]) -> list[Row]:
        """All rows of a small answer, each with its columns as attributes.

        They come as psycopg makes them: what SQLAlchemy prepares for every answer anew takes longer than to read the
        few rows of which pages are made.
        """
        return self._fetched(conn, given, namedtuple_row)

    def read_one(self, conn: sa.Connection, given: Mapping[str, Any]) -> Row | None:
        """The only row; None when there is none."""
        return next(iter(self.read(conn, given)), None)

    def read_values(self, conn: sa.Connection, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The only row by column, whatever the columns are called."""
        return next(iter(self._fetched(conn, given, dict_row)), None)

    def read_mappings(self, conn: sa.Connection, given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """All rows like that."""
        return self._fetched(conn, given, dict_row)

    def read_column(self, conn: sa.Connection, given: Mapping[str, Any]) -> list[Any]:
        """The first column of all rows."""
        return self._fetched(conn, given, scalar_row)

    def write(self, conn: sa.Connection, given: Mapping[str, Any]) -> int:
        """How many rows it wrote."""
        wrote: int = self._executed(conn, given, tuple_row).rowcount
        return wrote

    def _fetched(self, conn: sa.Connection, given: Mapping[str, Any], made: BaseRowFactory[Any]) -> list[Any]:
        rows: list[Any] = self._executed(conn, given, made).fetchall()
        return rows

    def _executed(self, conn: sa.Connection, given: Mapping[str, Any], made: BaseRowFactory[Any]) -> Any:
        if not conn.in_transaction():
            conn.begin()
        connection: Any = conn.connection.dbapi_connection
        cursor: Any = psycopg.RawCursor(connection, row_factory=made)
        for hear in conn.dispatch.before_cursor_execute:
            hear(conn, cursor, self.text, given, None, False)
        try:
            # At once, and not after some executions as psycopg would: it is kept since it is executed often.
            return cursor.execute(self._numbered, [given[name] for name in self._names], prepare=True)
        except psycopg.Error as error:
            # As SQLAlchemy tells errors, and so that it lets go of a connection that is broken.
            conn._handle_dbapi_exception(error, self.text, dict(given), cursor, None)  # noqa: SLF001
            raise


def _numbered(text: str) -> tuple[bytes, tuple[str, ...]]:
    """As PostgreSQL takes it: with $1 and so on, and what they stand for. Else psycopg would go through the text, which
    may be long, whenever it is executed."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found["name"]
        return "%" if name is None else f"${names.setdefault(name, len(names) + 1)}"

    return _GIVEN.sub(number, text).encode(), tuple(names)


_GIVEN = re.compile(r"%%|%\((?P<name>\w+)\)s")


def kept(key: Hashable, make: Callable[[], Any]) -> Statement:
    """The statement of this key, which names all that it is made of: whoever means something else asks for another."""
    return _statements.get(key, lambda: Statement(make()))


_statements: Kept[Statement] = Kept(1024)


class _Written(PGCompiler_psycopg):
    """Writes constants out with their types: PostgreSQL would take a bare 0.1 for a decimal number."""

    def render_literal_value(self, value: Any, type_: TypeEngine[Any], **rest: Any) -> str:
        text: str = super().render_literal_value(value, type_, **rest)  # type: ignore[no-untyped-call]
        if value is None or isinstance(type_, NullType):
            return text
        return f"{text}::{self.dialect.type_compiler_instance.process(type_.dialect_impl(self.dialect))}"


class _Dialect(PGDialect_psycopg):
    statement_compiler = _Written
    supports_statement_cache = False


def _written(made: Any) -> str:
    return str(made.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


_DIALECT = _Dialect()  # type: ignore[no-untyped-call]
# As on every connection, backslashes mean themselves.
_DIALECT._backslash_escapes = False  # noqa: SLF001 - the dialect asks a server for it


@compiles(Given)
def _given(element: Given, compiler: SQLCompiler, **_: Any) -> str:
    kind = compiler.dialect.type_compiler_instance.process(element.type.dialect_impl(compiler.dialect))
    return f"%({element.name})s::{kind}"
