"""SQL that PostgreSQL has no one function for; each names its arguments once, or nesting would blow statements up."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from engine.expressions.values import DECIMALS, LARGEST, SMALLEST

Sql = sa.ColumnElement[Any]

_BOUNDS = tuple(sa.literal_column(f"numeric '{bound!r}'", sa.Numeric) for bound in (-LARGEST, LARGEST))
_SURE_DECIMALS = sa.literal_column("6", sa.Integer)
_SURE_BOUNDS = tuple(sa.literal_column(f"numeric '{bound}'", sa.Numeric) for bound in ("-1e9", "1e9"))


def number(value: float) -> Sql:
    return sa.literal(value, DOUBLE_PRECISION())


def in_range(value: Sql) -> Sql:
    """`values.in_range`: NULL from LARGEST on, and cut to a multiple of SMALLEST."""
    return sa.func.trunc(_between(value, -LARGEST, LARGEST) * number(1 / SMALLEST)) * number(SMALLEST)


def to_double(decimal: Sql) -> Sql:
    """`values.from_json` of a numeric."""
    return double_of(_inside(decimal, *_BOUNDS))


def double_of(decimal: Sql) -> Sql:
    """The same of a numeric that is `inside`."""
    return sa.cast(sa.func.trunc(decimal, DECIMALS), DOUBLE_PRECISION)


def inside(decimal: Sql) -> Sql:
    """A decimal that becomes a double, or NULL. For a column: it is named three times."""
    low, high = _BOUNDS
    return sa.case((sa.and_(decimal > low, decimal < high), decimal))


def to_decimal(value: Sql) -> Sql:
    """`values.in_decimals`: PostgreSQL casts a double by its first fifteen digits."""
    return sa.func.trunc(sa.cast(_between(value, -LARGEST, LARGEST), sa.Numeric), DECIMALS)


def addend(decimal: Sql) -> Sql:
    """`to_decimal(to_double(decimal))`. For a column: it is named five times.

    Few decimals have more than the fifteen digits of which a double is sure: the others are what they are.
    """
    low, high = _SURE_BOUNDS
    # Compared twice, since what ABS gives would have to be written down for every row.
    sure = sa.and_(sa.func.scale(decimal) <= _SURE_DECIMALS, decimal < high, decimal > low)
    return sa.case((sure, decimal), else_=to_decimal(to_double(decimal)))


def sane_date(value: Sql) -> Sql:
    """NULL outside the years 1 to 9999."""
    low, high = sa.literal_column("date '0001-12-31 BC'", sa.Date), sa.literal_column("date '10000-01-01'", sa.Date)
    return _inside(value, low, high)


def sane_instant(value: Sql) -> Sql:
    """NULL outside the years 1 to 9999."""
    at = sa.DateTime(timezone=True)
    low = sa.literal_column("timestamptz '0001-12-31 23:59:59.999999+00 BC'", at)
    return _inside(value, low, sa.literal_column("timestamptz '10000-01-01 00:00:00+00'", at))


def _between(value: Sql, low: float, high: float) -> Sql:
    return _inside(value, number(low), number(high))


def _inside(value: Sql, low: Sql, high: Sql) -> Sql:
    """The value if it lies between the bounds, themselves excluded: NULL becomes a bound first, and the bound NULL."""
    return sa.func.nullif(sa.func.greatest(sa.func.nullif(sa.func.least(value, high), high), low), low)


class Extreme(FunctionElement[Any]):
    """The least or greatest of its arguments; NULL if any is, unlike LEAST and GREATEST."""

    inherit_cache = False

    def __init__(self, way: str, *arguments: Sql) -> None:
        super().__init__(*arguments)
        self.way = way
        self.type = arguments[0].type


class NextAnniversary(FunctionElement[Any]):
    """`values.next_anniversary` of (day, today)."""

    inherit_cache = True
    type = sa.Date()


class Slope(FunctionElement[Any]):
    """`engine.health.trends.slope` of a history in `value_history`, and of one more point where that is new.

    Arguments: the account, the field, the window's start, the instant, the value then, whether it is a new point.
    """

    inherit_cache = True
    type = DOUBLE_PRECISION()


@compiles(Slope)
def _slope(element: Slope, compiler: SQLCompiler, **kw: Any) -> str:
    account, field, start, now, value, is_new = (compiler.process(argument, **kw) for argument in element.clauses)
    x = "extract(epoch FROM at - timestamptz '2000-01-01 00:00:00+00') * 1000000"
    known = f"value > {-LARGEST!r} AND value < {LARGEST!r}"
    history = (
        f"SELECT at, value FROM value_history WHERE account_id = {account} AND field = {field}"  # noqa: S608  # compiled
        f" AND at > {start} AND at <= {now}"
    )
    points = f"SELECT * FROM ({history} UNION ALL SELECT {now}, {value} WHERE {is_new}) AS point WHERE {known}"  # noqa: S608
    exact = f"SELECT {x} AS x, trunc(value::numeric, {DECIMALS}) AS y FROM ({points}) AS known"  # noqa: S608  # compiled
    sums = "count(*) AS n, sum(x) AS x, sum(y) AS y, sum(x * x) AS xx, sum(x * y) AS xy"
    rise, spread = "(n * xy - x * y)", "(n * xx - x * x)"
    slope = f"CASE WHEN {spread} <> 0 THEN {rise}::float8 / {spread}::float8 * 86400000000::float8 END"
    return f"(SELECT {slope} FROM (SELECT {sums} FROM ({exact}) AS exact) AS sums)"  # noqa: S608  # the same


@compiles(Extreme)
def _extreme(element: Extreme, compiler: SQLCompiler, **kw: Any) -> str:
    values = [compiler.process(argument, **kw) for argument in element.clauses]
    rows = ", ".join(f"({value})" for value in values)
    found = f"CASE WHEN count(v) = {len(values)} THEN {element.way}(v) END"
    return f"(SELECT {found} FROM (VALUES {rows}) AS given (v))"  # noqa: S608  # parts are compiled SQL, no outside text


@compiles(NextAnniversary)
def _next_anniversary(element: NextAnniversary, compiler: SQLCompiler, **kw: Any) -> str:
    day, today = (compiler.process(argument, **kw) for argument in element.clauses)
    # OFFSET 0 keeps the planner from writing the arguments into every place where they are used.
    given = f"(SELECT {day} AS day, {today} AS today OFFSET 0) AS given"
    years = "greatest(1, extract(year FROM today)::int - extract(year FROM day)::int)"
    counted = f"(SELECT day, today, {years} AS n FROM {given} OFFSET 0) AS counted"  # noqa: S608  # compiled SQL
    this, later = "(day + make_interval(years => n))::date", "(day + make_interval(years => n + 1))::date"
    return f"(SELECT CASE WHEN {this} >= today THEN {this} ELSE {later} END FROM {counted})"  # noqa: S608  # the same
