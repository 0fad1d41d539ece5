"""The SQL back end of expressions: the same meaning as `engine.expressions.evaluate`, for a whole table at once.

No data can make a statement fail: JSON is cast only where it fits, and numbers stay within the range of doubles (see
`engine.expressions.values`). Zones come from the caller, never from PostgreSQL: both back ends see one calendar.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeGuard

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, aggregate_order_by
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.functions import Function
from sqlalchemy.sql.visitors import replacement_traverse

from engine.durations import Duration
from engine.expressions import Expression, values
from engine.expressions import tree as t
from store.expressions.rows import Rows, back, read_with
from store.postgres.sql_functions import (
    Extreme,
    NextAnniversary,
    Sql,
    addend,
    double_of,
    in_range,
    inside,
    number,
    sane_date,
    sane_instant,
    to_decimal,
)


class Columns(Protocol):
    """Where the statement that uses an expression finds what it reads; every value is of the account in its row."""

    @property
    def account_id(self) -> Sql:
        """For aggregates: the account of the row."""
        ...

    @property
    def now(self) -> Sql:
        """timestamptz: the instant the statement decides for, as a parameter."""
        ...

    @property
    def today(self) -> Sql:
        """date: `now` in the account's zone, worked out in Python."""
        ...

    def field(self, name: str) -> Sql:
        """Double precision, text, boolean, date or timestamptz, as the field's type says."""
        ...

    def local_date(self, at: Sql) -> Sql:
        """The date of an instant in the account's zone."""
        ...

    def highest(self, name: str, window: Duration) -> Sql: ...

    def lowest(self, name: str, window: Duration) -> Sql: ...

    def trend(self, name: str, window: Duration) -> Sql: ...

    def is_silent(self, source: str) -> bool:
        """Whether the feed of these events has gone silent: what is counted of them is unknown."""
        ...

    def gathered(self, node: t.Aggregate) -> Sql | None:
        """The aggregate's value, where the statement has it already (`store.current.gathered`)."""
        ...


def to_sql(expression: Expression, columns: Columns, rows: Rows | None = None) -> Sql:
    """The expression as a column; NULL is unknown. Aggregates become correlated sub-queries.

    `rows`: for an expression that is asked of single rows, those of the statement.
    """
    return _Compiler(columns, rows).sql(expression.tree)


def part_to_sql(node: t.Node, columns: Columns) -> Sql:
    """A part of an expression by itself, such as an aggregate."""
    return _Compiler(columns).sql(node)


def aggregate_of_rows(node: t.Aggregate, columns: Columns, rows: Rows) -> tuple[Sql, sa.ColumnElement[bool]]:
    """An aggregate that a statement over rows of any account groups them for, and which of the rows it looks at."""
    compiler = _Compiler(columns, rows)
    which = sa.and_(*compiler.reach(node), *compiler.condition(node))
    if node.name == "last":
        part = compiler.aggregated(node)
        # Collected in order and the first taken: as a question for one account, it would stop there.
        values = sa.func.array_agg(aggregate_order_by(part, *rows.latest_first), type_=sa.ARRAY(part.type))
        return Grouping(values.filter(sa.and_(which, part.is_not(None))))[1], which

    def filtered(element: Any, **_: Any) -> Any:
        return element.filter(which) if isinstance(element, Function) and element.name in _AGGREGATING else None

    return replacement_traverse(compiler.over_rows(node), {}, filtered), which


def numbers_read(nodes: Iterable[t.Aggregate]) -> list[str]:
    """The props that these ask for as numbers."""
    below = (below for node in nodes for below in t.walk(node))
    return list(dict.fromkeys(one.name for one in below if _is_number(one)))


def of_no_rows(node: t.Aggregate) -> Sql:
    """What an aggregate comes to where there is no row to look at."""
    type_ = _TYPES[node.type]
    return sa.cast(sa.literal(_OF_NOTHING[node.name], type_) if node.name in _OF_NOTHING else sa.null(), type_)


class _Compiler:
    def __init__(self, columns: Columns, rows: Rows | None = None) -> None:
        self._columns = columns
        self._rows = rows

    def sql(self, node: t.Node) -> Sql:
        return _COMPILE[type(node)](self, node)

    # --- values -----------------------------------------------------------------------------------------------------

    def constant(self, node: t.Constant) -> Sql:
        return sa.literal(node.value, _TYPES[node.type])

    def field(self, node: t.FieldValue) -> Sql:
        return self._columns.field(node.name)

    def prop(self, node: t.Prop) -> Sql:
        assert self._rows is not None, "props stand only inside aggregates"
        return self._rows.word(node.name) if node.built_in else self._rows.prop(node.name, node.type)

    def active(self, _: t.Active) -> Sql:
        assert self._rows is not None, "rows are active only inside aggregates"
        return self._rows.active

    def today(self, _: t.Today) -> Sql:
        return self._columns.today

    def now(self, _: t.Now) -> Sql:
        return self._columns.now

    def extreme(self, node: t.Extreme) -> Sql:
        find = {"highest": self._columns.highest, "lowest": self._columns.lowest, "trend": self._columns.trend}
        return find[node.way](node.field, node.window)

    # --- logic: SQL's own three values are Kleene's -----------------------------------------------------------------

    def all_of(self, node: t.AllOf) -> Sql:
        return sa.and_(*map(self.sql, node.parts))

    def any_of(self, node: t.AnyOf) -> Sql:
        return sa.or_(*map(self.sql, node.parts))

    def not_(self, node: t.Not) -> Sql:
        # SQLAlchemy writes `NOT x IS NULL` for (NOT x) IS NULL, which is another thing; brackets keep it together.
        return Grouping(sa.not_(self.sql(node.part)))

    def known(self, node: t.Known) -> Sql:
        return self.sql(node.part).is_not(None)

    def compare(self, node: t.Compare) -> Sql:
        compared: Sql = _COMPARE[node.sign](self._comparable(node.left), self.sql(node.right))
        return compared

    def among(self, node: t.Among) -> Sql:
        return self._comparable(node.part).in_([self.sql(option) for option in node.options])

    def matches(self, node: t.Matches) -> Sql:
        if node.left.type == "tags":
            # Who has no tags is known not to have this one.
            word, tags = self.sql(node.right), sa.func.coalesce(self.sql(node.left), _NO_TAGS, type_=_TAGS)
            return sa.case((word.is_not(None), word == sa.any_(tags)))
        left, right = self._comparable(node.left), self.sql(node.right)
        if node.way == "contains":
            return sa.func.strpos(left, right) > 0
        return sa.func.starts_with(left, right, type_=sa.Boolean)

    def _comparable(self, node: t.Node) -> Sql:
        """Text by code point, whatever the collation of the column or the database."""
        value = self.sql(node)
        return sa.collate(value, "C") if node.type in ("text", "choice") else value

    # --- numbers and dates ------------------------------------------------------------------------------------------

    def arithmetic(self, node: t.Arithmetic) -> Sql:
        left, right = self._operand(node.left), self._operand(node.right)
        match node.sign:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / sa.func.nullif(right, number(0.0), type_=DOUBLE_PRECISION())

    def _operand(self, node: t.Node) -> Sql:
        if isinstance(node, t.Constant) and isinstance(node.value, float):
            return sa.literal(values.in_range(node.value), DOUBLE_PRECISION())
        return in_range(self.sql(node))

    def shift(self, node: t.Shift) -> Sql:
        part, by = self.sql(node.part), node.by
        if node.type == "instant":
            assert by.exact is not None
            # Seconds, since PostgreSQL's days follow the zone of the session.
            return sane_instant(part + _interval("secs", int(by.exact.total_seconds())))
        if by.exact is not None:
            return sane_date(part + sa.literal(by.exact.days, sa.Integer))
        return sane_date(sa.cast(part + _interval(by.unit, by.amount), sa.Date))

    def days(self, node: t.Days) -> Sql:
        since, until = self.sql(node.since), self.sql(node.until)
        if node.since.type == "date":
            return sa.cast(sa.type_coerce(until - since, sa.Integer), DOUBLE_PRECISION)
        elapsed = sa.extract("epoch", until - since)
        return sa.cast(elapsed * 1_000_000, DOUBLE_PRECISION) / number(values.MICROSECONDS_A_DAY)

    # --- functions --------------------------------------------------------------------------------------------------

    def call(self, node: t.Call) -> Sql:
        if node.name == "date":
            return self._columns.local_date(self.sql(node.arguments[0]))
        return FUNCTIONS[node.name](*map(self.sql, node.arguments))

    # --- aggregates -------------------------------------------------------------------------------------------------

    def aggregate(self, node: t.Aggregate) -> Sql:
        if self._columns.is_silent(node.source):
            return sa.cast(sa.null(), _TYPES[node.type])
        if (gathered := self._columns.gathered(node)) is not None:
            return gathered
        rows = Rows(node.source, self._columns.account_id, self._columns.now)
        compiler = _Compiler(self._columns, rows)
        which = list(compiler.reach(node))
        if numbers := numbers_read([node]):
            read = read_with(rows.table, sa.and_(*which), numbers)
            rows, which = Rows(node.source, self._columns.account_id, self._columns.now, read), []
            compiler = _Compiler(self._columns, rows)
        query = sa.select(compiler.over_rows(node)).select_from(rows.table).where(*which, *compiler.condition(node))
        if node.name == "last":
            query = query.where(compiler.aggregated(node).is_not(None)).order_by(*rows.latest_first).limit(1)
        return query.correlate_except(rows.table).scalar_subquery()

    def reach(self, node: t.Aggregate) -> Iterator[sa.ColumnElement[bool]]:
        """Which rows take part, if its `where` is true of them."""
        assert self._rows is not None, "this is said of rows"
        yield self._rows.where
        if node.window is not None and node.window.exact not in (None, self._rows.reach):
            yield self._rows.moment > self._columns.now - back(node.window.exact)

    def condition(self, node: t.Aggregate) -> Iterator[sa.ColumnElement[bool]]:
        if node.where is not None:
            yield self.sql(node.where)

    def over_rows(self, node: t.Aggregate) -> Sql:
        if node.name in ("min", "max") and (decimal := self._decimal(node.part)) is not None:
            # The same before and after: one of them is made a double, not each.
            return double_of(_AGGREGATES[node.name](inside(decimal)))
        return _AGGREGATES[node.name](self.aggregated(node))

    def aggregated(self, node: t.Aggregate) -> Sql:
        """What is said of each of them."""
        if node.part is None:
            return sa.literal_column("*")
        if node.name in ("any", "all"):
            assert self._rows is not None, "this is said of rows"
            # Without a column of the rows, PostgreSQL takes the aggregate for the outer statement's.
            return sa.case((self._rows.table.c.id.is_not(None), self.sql(node.part)))
        if node.name not in ("sum", "avg"):
            return self._comparable(node.part)
        decimal = self._decimal(node.part)
        return to_decimal(self.sql(node.part)) if decimal is None else addend(decimal)

    def _decimal(self, part: t.Node | None) -> Sql | None:
        """What JSON has, of a part that is nothing but a number in the rows' props."""
        assert self._rows is not None, "this is said of rows"
        return self._rows.decimal(part.name) if part is not None and _is_number(part) else None


def _is_number(node: t.Node) -> TypeGuard[t.Prop]:
    return isinstance(node, t.Prop) and node.type == "number" and not node.built_in


def _interval(unit: str, amount: int) -> Sql:
    return sa.literal_column(f"make_interval({unit} => {amount})", sa.Interval)


_TAGS = sa.ARRAY(sa.Text())
_NO_TAGS = sa.literal_column("'{}'::text[]", _TAGS)
_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "tags": _TAGS,
    "number": DOUBLE_PRECISION(),
    "text": sa.Text(),
    "choice": sa.Text(),
    "bool": sa.Boolean(),
    "date": sa.Date(),
    "instant": sa.DateTime(timezone=True),
}

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _count(part: Sql) -> Sql:
    return sa.cast(sa.func.count(part), DOUBLE_PRECISION)


def _some_unknown(part: Sql) -> Sql:
    return sa.func.count() > sa.func.count(part)


def _double(total: Sql) -> Sql:
    return sa.cast(total, DOUBLE_PRECISION)


_AGGREGATES: Mapping[str, Callable[[Sql], Sql]] = {
    "count": _count,
    "count_distinct": lambda part: _count(sa.distinct(part)),
    # Numerics add up exactly, whatever the order of the rows.
    "sum": lambda part: _double(sa.func.coalesce(sa.func.sum(part), 0)),
    "avg": lambda part: _double(sa.func.sum(part)) / _double(sa.func.nullif(sa.func.count(part), 0)),
    "min": sa.func.min,
    "max": sa.func.max,
    "last": lambda part: part,
    # Aggregates pass over NULL, so it is counted.
    "any": lambda part: sa.case((sa.func.bool_or(part), sa.true()), (_some_unknown(part), sa.null()), else_=sa.false()),
    "all": lambda part: sa.case(
        (sa.not_(sa.func.bool_and(part)), sa.false()),
        (sa.or_(_some_unknown(part), sa.func.count() == 0), sa.null()),
        else_=sa.true(),
    ),
}

_AGGREGATING = frozenset({"count", "sum", "min", "max", "bool_or", "bool_and"})
_OF_NOTHING: Mapping[str, float | bool] = {"count": 0.0, "count_distinct": 0.0, "sum": 0.0, "any": False}


def _round(part: Sql, digits: Sql) -> Sql:
    scale = sa.func.power(number(10.0), digits)
    return sa.func.floor(in_range(part) * scale + number(0.5)) / scale


_FOLDED, _FOLDING = "".join(values.CAPITALS), "".join(values.CAPITALS.values())

FUNCTIONS: Mapping[str, Callable[..., Sql]] = {
    "abs": sa.func.abs,
    "round": _round,
    "min": lambda *parts: Extreme("min", *parts),
    "max": lambda *parts: Extreme("max", *parts),
    "coalesce": sa.func.coalesce,
    "lower": lambda part: sa.func.translate(part, _FOLDED, _FOLDING, type_=sa.Text()),
    "len": lambda part: sa.cast(sa.func.char_length(part), DOUBLE_PRECISION),
    "next_anniversary": lambda day, today: sane_date(NextAnniversary(day, today)),
}
"""As `engine.expressions.evaluate.STRICT`, and coalesce."""

_COMPILE: Mapping[type, Callable[[_Compiler, Any], Sql]] = {
    t.Constant: _Compiler.constant,
    t.FieldValue: _Compiler.field,
    t.Prop: _Compiler.prop,
    t.Active: _Compiler.active,
    t.Today: _Compiler.today,
    t.Now: _Compiler.now,
    t.AllOf: _Compiler.all_of,
    t.AnyOf: _Compiler.any_of,
    t.Not: _Compiler.not_,
    t.Compare: _Compiler.compare,
    t.Matches: _Compiler.matches,
    t.Among: _Compiler.among,
    t.Known: _Compiler.known,
    t.Arithmetic: _Compiler.arithmetic,
    t.Shift: _Compiler.shift,
    t.Days: _Compiler.days,
    t.Call: _Compiler.call,
    t.Extreme: _Compiler.extreme,
    t.Aggregate: _Compiler.aggregate,
}
