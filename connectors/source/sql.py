"""Reads rows of another database through SQLAlchemy, whatever its dialect, in the order of a column that only grows."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from connectors.errors import Misconfigured, Unavailable
from engine.workspace import Pull

BATCH = 10_000
Rows = list[tuple[Any, ...]]
_EASTMOST = timedelta(hours=14)
"""How far the clock of a place may be ahead of UTC; times without a zone are of a place that nobody tells."""


class SqlSource:
    """One `sources:` entry with its address; nothing of it is ever shown, as it holds a password."""

    def __init__(self, pull: Pull, address: str) -> None:
        self._pull = pull
        try:
            # One connection, for one pull.
            self._engine = sa.create_engine(address, poolclass=sa.NullPool)
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
            what = f"{pull.address_env} is no address of a database that can be reached from here"
            hint = "write it as SQLAlchemy has it, such as postgresql+psycopg://…, and install its driver"
            raise Misconfigured(f"{what} ({type(error).__name__}); {hint}") from error

    def batches(self, columns: tuple[str, ...], since: object) -> Iterator[Rows]:
        """Rows from `since` on, that one included; all of them where it is None. Rows without a cursor are none."""
        try:
            with self._engine.connect() as conn:
                streamed = conn.execution_options(stream_results=True, yield_per=BATCH)
                with streamed.execute(self._query(columns, since)) as result:
                    for part in result.partitions():
                        yield [tuple(map(_plain, row)) for row in part]
        except sa.exc.OperationalError as error:
            raise Unavailable(f"the source {self._pull.name} does not answer: {_said(error)}") from error
        except sa.exc.SQLAlchemyError as error:
            raise Misconfigured(f"the source {self._pull.name} cannot be read: {_said(error)}") from error

    def close(self) -> None:
        self._engine.dispose()

    def _query(self, columns: tuple[str, ...], since: object) -> sa.Select[Any]:
        named: list[sa.ColumnClause[Any]] = [sa.column(column) for column in columns]
        told: sa.FromClause
        if self._pull.query:
            told = sa.text(self._pull.query).columns(*named).subquery("told")
        else:
            schema, _, table = self._pull.table.rpartition(".")
            told = sa.table(table, *named, schema=schema or None)
        cursor = told.c[self._pull.cursor]
        query = sa.select(*(told.c[column] for column in columns)).order_by(cursor)
        return query.where(cursor.is_not(None) if since is None else cursor >= since)


def before(cursor: Any, overlap: timedelta | None) -> Any:
    """Where the next pull begins: some time earlier where the cursor is a time, for rows that were committed late."""
    if isinstance(cursor, str):
        return _text_before(cursor, overlap or timedelta())
    try:
        return cursor - (overlap or timedelta())
    except (TypeError, OverflowError):
        return cursor


def reached(cursor: Any, cells: Sequence[Any], now: datetime) -> Any:
    """The cursor after rows with these, in their order. Those of an overlap come again, and do not turn it back.

    A time goes as far as the present: a row of the future, by a wrong clock, would hide all that come until then. Where
    times are kept as text, what is no time among them would hide them all, and does not count either. Such rows are
    read again each time, which changes nothing.
    """
    known = [] if cursor is None else [cursor]
    if any(isinstance(cell, str) and _time_in(cell) for cell in (*known, *cells)):
        told = [cell for cell in cells if isinstance(cell, str) and _has_come(cell, now)]
        return max([*known, *told[-1:]], default=None)
    return _no_later(max([*known, cells[-1]]), now)


def _no_later(cursor: Any, now: datetime) -> Any:
    if isinstance(cursor, datetime):
        return min(cursor, now if cursor.tzinfo else (now + _EASTMOST).replace(tzinfo=None))
    return min(cursor, (now + _EASTMOST).date()) if isinstance(cursor, date) else cursor


_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d)?")


def _time_in(text: str) -> datetime | None:
    """The time that a text is, as databases without a type for it keep times."""
    try:
        return datetime.fromisoformat(text) if _LIKE_A_TIME.match(text) else None
    except ValueError:
        return None


def _has_come(text: str, now: datetime) -> bool:
    time = _time_in(text)
    return time is not None and _no_later(time, now) == time


def _text_before(text: str, overlap: timedelta) -> str:
    """Written as it was: only so it compares with the others."""
    found = _LIKE_A_TIME.match(text)
    if found is None or _time_in(text) is None:
        return text
    time = found[0]
    try:
        earlier = datetime.fromisoformat(time) - overlap
    except OverflowError:
        return text
    return earlier.isoformat(time[10:11] or "T")[: len(time)] + text[found.end() :]


def _plain(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return float(cell)
    if cell is None or isinstance(cell, str | bool | int | float | date):
        return cell
    return str(cell)


def _said(error: sa.exc.SQLAlchemyError) -> str:
    """The driver's own words, without the statement."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0][:300]
