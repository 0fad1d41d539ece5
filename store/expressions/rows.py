"""The rows aggregates look at, records, events and contacts, and their props as the types that expressions know."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from engine.catalogue import Type
from engine.expressions.rows import CONTACT
from engine.expressions.values import DATE_FORM, INSTANT_FORM
from store.erased import is_kept
from store.postgres.sql_functions import Sql, sane_instant, to_double
from store.schema import contact, event, record

ALL_TIME = timedelta.max
"""As a window: none."""


class Rows:
    """The rows of one source that belong to an account, or to any, and have come to pass."""

    def __init__(
        self,
        source: str,
        account_id: Sql | None,
        now: Sql,
        table: sa.FromClause | None = None,
        reach: timedelta | None = None,
        *,
        place: int = 0,
    ) -> None:
        """`table`: for several sources that are read together, their alias; `reach`: how far back those of this source
        were read, if nothing else is among them; `place`: of this source among them, where rows were read with it."""
        self._now = now
        self._table = table_of(source)
        self.table = self._table.alias() if table is None else table
        self.reach = reach
        if reach is None:
            known = came_to_pass(self.table, [source], now)
        elif _PLACE in self.table.c:
            known = self.table.c[_PLACE] == place
        else:
            known = _of(self.table, [source])
        self.where = known if account_id is None else sa.and_(self.table.c.account_id == account_id, known)

    @property
    def moment(self) -> Any:
        return _moment(self.table)

    @property
    def latest_first(self) -> tuple[Sql, ...]:
        return self.moment.desc(), self.table.c.id.desc()

    @property
    def active(self) -> Sql:
        ends = self.table.c.ends_at
        return sa.and_(self.moment <= self._now, sa.or_(ends.is_(None), ends > self._now))

    def word(self, name: str) -> Sql:
        """`at` of events, `start` and `end` of records, what contacts have."""
        if self._table is not contact:
            return self.table.c.ends_at if name == "end" else self.moment
        if name == "roles":
            return sa.literal(",").concat(sa.func.array_to_string(self.table.c.roles, ",")).concat(",")
        column: Sql = self.table.c[name]
        return column

    def prop(self, name: str, type_: Type) -> Sql:
        """A prop; NULL where the JSON holds something else."""
        if type_ == "number" and (read := self.decimal(name)) is not None:
            return to_double(read)
        value, text = self._json(name), self._text(name)
        is_text = sa.func.jsonb_typeof(value) == "string"
        match type_:
            case "number":
                return to_double(_decimal(value))
            case "bool":
                cases = {word: sa.literal_column(word, sa.Boolean) for word in ("true", "false")}
                return sa.case({sa.literal_column(f"'{word}'::jsonb"): is_ for word, is_ in cases.items()}, value=value)
            case "date":
                return sa.case((sa.and_(is_text, _reads_as(text, DATE_FORM, "date")), sa.cast(text, sa.Date)))
            case "instant":
                at = sa.cast(text, sa.DateTime(timezone=True))
                return sane_instant(sa.case((sa.and_(is_text, _reads_as(text, INSTANT_FORM, "timestamptz")), at)))
            case _:
                return sa.case((is_text, text))

    def decimal(self, name: str) -> Sql | None:
        """A prop that is a number, as JSON has it, where the rows were read with it."""
        return self.table.c.get(_READ.format(name))

    def _json(self, name: str) -> Any:
        return _in_props(self.table, name)

    def _text(self, name: str) -> Any:
        return self.table.c.props.op("->>", return_type=sa.Text())(sa.literal(name, sa.Text))


def came_to_pass(
    rows: sa.FromClause, sources: Sequence[str], now: Sql, within: timedelta = ALL_TIME
) -> sa.ColumnElement[bool]:
    """Which rows of a table are of these sources and have come to pass, in (now - within, now]."""
    if "kind" not in rows.c and "type" not in rows.c:
        return is_kept(rows)
    moment = _moment(rows)
    stands = [rows.c.superseded_at.is_(None)] if "kind" in rows.c else []
    since = [] if within == ALL_TIME else [moment > now - back(within)]
    return sa.and_(_of(rows, sources), *stands, moment <= now, *since)


def _of(rows: sa.FromClause, sources: Sequence[str]) -> sa.ColumnElement[bool]:
    if "kind" in rows.c:
        return _is_one_of(rows.c.kind, sources)
    if "type" in rows.c:
        return _is_one_of(rows.c.type, [source.removeprefix("event.") for source in sources])
    return sa.true()


def back(span: timedelta) -> Sql:
    """An interval in seconds, since PostgreSQL's days follow the zone of the session."""
    return sa.literal_column(f"make_interval(secs => {int(span.total_seconds())})", sa.Interval)


def _moment(rows: sa.FromClause) -> Any:
    return rows.c.starts_at if "starts_at" in rows.c else rows.c.at


def _is_one_of(column: Any, names: Sequence[str]) -> sa.ColumnElement[bool]:
    one: sa.ColumnElement[bool] = column == names[0] if len(names) == 1 else column.in_(names)
    return one


def read_with(rows: sa.FromClause, which: Sql, numbers: Collection[str]) -> sa.FromClause:
    """These rows of a table, with props that are numbers as columns of their own. Each is looked up once, however often
    it is asked for: that, and not reading the rows, is what an aggregate over numbers takes."""
    used = [rows.c[name] for name in (_OF_RECORDS if "kind" in rows.c else _OF_EVENTS)]
    return _read_with(rows, which, numbers, used, in_order=False)


def read_together(
    rows: sa.FromClause, which: Sql, numbers: Collection[str], of: Sequence[str], used: Collection[str] | None = None
) -> sa.FromClause:
    """The same of several sources and any account: in the order of accounts, as who groups a million of them need not
    keep them all at once then, and with the place of their source among `of`, which takes less to compare than a name.

    `used`: the columns that are asked for, if known; each of the others would be set to NULL once more for every row.
    """
    names = ["account_id", *(_OF_RECORDS if "kind" in rows.c else _OF_EVENTS)]
    kept = [rows.c[name] for name in dict.fromkeys(names) if used is None or name in {"account_id", *used}]
    return _read_with(rows, which, numbers, [*kept, _place(rows, of).label(_PLACE)], in_order=True)


def _read_with(
    rows: sa.FromClause, which: Sql, numbers: Collection[str], used: Sequence[Any], *, in_order: bool
) -> sa.FromClause:
    # OFFSET 0 keeps the planner from writing what a column is made of into every place where it is used.
    found = [_in_props(rows, name).label(_READ.format(name)) for name in numbers]
    looked = sa.select(*used, *found).where(which).correlate_except(rows).offset(0)
    inner = (looked.order_by(rows.c.account_id) if in_order else looked).subquery()
    columns = [inner.c[column.name] for column in used]
    read = sa.select(*columns, *(_decimal(inner.c[name]).label(name) for name in map(_READ.format, numbers))).offset(0)
    # Said again, or the planner forgets in which order they come.
    return (read.order_by(inner.c.account_id) if in_order else read).subquery()


def _place(rows: sa.FromClause, of: Sequence[str]) -> Sql:
    places = [sa.literal_column(str(n), sa.Integer) for n in range(len(of))]
    known = [(_of(rows, [source]), place) for source, place in zip(of[:-1], places, strict=False)]
    return sa.case(*known, else_=places[-1]) if known else places[-1]


_PLACE = "place"
_READ = "number:{}"
_OF_EVENTS = ("id", "account_id", "type", "at", "props")
_OF_RECORDS = ("id", "account_id", "kind", "starts_at", "ends_at", "superseded_at", "props")
"""What may be asked of them."""


def _in_props(rows: sa.FromClause, name: str) -> Any:
    return rows.c.props.op("->", return_type=JSONB())(sa.literal(name, sa.Text))


def _decimal(json: Sql) -> Sql:
    return sa.case((sa.func.jsonb_typeof(json) == "number", sa.cast(json, sa.Numeric)))


def table_of(source: str) -> sa.Table:
    """Where the rows of a source are."""
    if source == CONTACT:
        return contact
    return event if source.startswith("event.") else record


def _reads_as(text: Sql, form: str, type_: str) -> Sql:
    return sa.and_(text.regexp_match(f"^{form}$"), sa.func.pg_input_is_valid(text, type_))
