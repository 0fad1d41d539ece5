"""The wide row of current facts: which typed columns account_now has, makes them, and finds them for expressions."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB

from engine.calendars import local_date
from engine.catalogue import Catalogue, Type
from engine.durations import Duration
from engine.expressions.tree import Aggregate, Extreme
from engine.health.rollups import PARENT
from engine.workspace import Workspace
from engine.workspace.roles import FieldOf, rule_of
from store import schema
from store.current import freshness
from store.current.contributions import ensure_parts
from store.expressions.zones import ensure_zones, other_days
from store.postgres.statements import Given
from store.schema import zone_offset

Sql = sa.ColumnElement[Any]

BITS = 62
"""Triggers in one mask: a bigint without its sign, and one to spare."""
MASKS = ("seen", "tripped", "holding")

SQL_TYPES: Mapping[Type, sa.types.TypeEngine[Any]] = {
    "number": DOUBLE_PRECISION(),
    "text": sa.Text(collation="C"),
    "choice": sa.Text(collation="C"),
    "bool": sa.Boolean(),
    "date": sa.Date(),
    "instant": sa.DateTime(timezone=True),
    "tags": sa.ARRAY(sa.Text()),
}


def column_name(name: str) -> str:
    """The column of a field: its own name, as far as PostgreSQL's 63 bytes go."""
    if len(name.encode()) <= 63:
        return name
    return f"{name[:40]}…{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def extreme_name(way: str, field: str, window: Duration) -> str:
    """`highest(health.score, 14 days)`: how a run reads it, and the name of its column; likewise lowest and trend."""
    return f"{way}({field}, {window})"


def extreme_column(way: str, field: str, window: Duration) -> str:
    return column_name(extreme_name(way, field, window))


def age_column(field: str) -> str:
    """When a told value was true: kept beside it in the projection where a component asks for its age."""
    return column_name(f"{field}@at")


def aged_fields(workspace: Workspace) -> tuple[str, ...]:
    """The told fields whose age some component asks for."""
    names = {
        name
        for card in workspace.scorecards
        for component in card.components
        if component.stale_after is not None
        for name in freshness.told_fields(component, workspace)
    }
    return tuple(sorted(names))


def extremes_with(workspace: Workspace, extremes: Iterable[Extreme]) -> tuple[Extreme, ...]:
    """These, and what the workspace's own expressions read."""
    own = (one for condition in workspace.conditions() for one in condition.expression.extremes)
    return tuple(dict.fromkeys((*own, *extremes)))


def account_now_table(
    workspace: Workspace, extremes: Iterable[Extreme] = (), bits: int = 0, catalogue: Catalogue | None = None
) -> sa.Table:
    """account_now as it is once `ensure_columns` was called with the same arguments."""
    fields = (catalogue or workspace.catalogue()).fields
    return sa.Table(
        schema.account_now.name,
        sa.MetaData(),
        sa.Column("account_id", sa.BigInteger, primary_key=True),
        *(sa.Column(column_name(name), SQL_TYPES[field.type]) for name, field in fields.items()),
        *(sa.Column(age_column(name), sa.DateTime(timezone=True)) for name in aged_fields(workspace)),
        *(
            sa.Column(extreme_column(one.way, one.field, one.window), DOUBLE_PRECISION())
            for one in extremes_with(workspace, extremes)
        ),
        *(
            sa.Column(f"{mask}_{n}", sa.BigInteger, nullable=False, server_default="0")
            for n in range(-(-bits // BITS))
            for mask in MASKS
        ),
    )


def ensure_columns(
    conn: sa.Connection, workspace: Workspace, extremes: Iterable[Extreme] = (), bits: int = 0
) -> tuple[str, ...]:
    """Give account_now what it lacks; a field whose type has changed starts anew. The columns that were made.

    Where any was made, the caller has every account looked at again. Columns no longer used stay: an open run may
    still read them.
    """
    wanted = account_now_table(workspace, extremes, bits)
    present = {row.name: row.type for row in conn.execute(_PRESENT)}
    made: list[str] = []
    parts: list[str] = []
    for column in wanted.columns:
        kind = column.type.compile(conn.dialect).replace('COLLATE "C"', "").strip()
        if present.get(column.name) == _SPOKEN[kind]:
            continue
        quoted = conn.dialect.identifier_preparer.quote_identifier(column.name)
        if column.name in present:
            parts.append(f"drop column {quoted}")
        collation = ' collate "C"' if kind == "TEXT" else ""
        rest = " not null default 0" if kind == "BIGINT" else ""
        parts.append(f"add column {quoted} {kind}{collation}{rest}")
        made.append(column.name)
    if parts:
        # As driver SQL: names hold characters that would otherwise be taken for parameters.
        conn.exec_driver_sql(f"alter table account_now {', '.join(parts)}".replace("%", "%%"))
    _ensure_book_indexes(conn, workspace)
    ensure_parts(conn, workspace)
    ensure_zones(conn, [workspace.zone])
    return tuple(made)


def staff_columns(staff: Mapping[str, str]) -> tuple[str, ...]:
    """The columns that say whose an account is: those that roles of the staff name."""
    meant = (rule_of(rule) for rule in staff.values())
    return tuple(dict.fromkeys(column_name(rule.field) for rule in meant if isinstance(rule, FieldOf)))


def _ensure_book_indexes(conn: sa.Connection, workspace: Workspace) -> None:
    """People look at their own accounts all the time, and these columns hardly ever change."""
    quote = conn.dialect.identifier_preparer.quote_identifier
    for column in staff_columns(workspace.roles.staff):
        name = f"account_now_of_{hashlib.sha256(column.encode()).hexdigest()[:16]}"
        statement = f"create index if not exists {name} on account_now ({quote(column)})"
        conn.exec_driver_sql(statement.replace("%", "%%"))
    if any(card.rollup is not None for card in workspace.scorecards):
        conn.exec_driver_sql(f"create index if not exists account_now_children on account_now ({quote(PARENT)})")


def has_columns(conn: sa.Connection) -> bool:
    """Whether a workspace was ever deployed here."""
    return len(conn.execute(_PRESENT).all()) > 1


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What an expression finds in a row of `source`: account_now, or a step of the projection that becomes it."""

    source: sa.FromClause
    instant: datetime
    zone: str
    """The workspace's, for accounts without their own."""
    silent: frozenset[str] = frozenset()
    """Sources such as `event.usage` whose feed has gone silent."""
    names: Mapping[Aggregate, str] = field(default_factory=dict)
    """Of the columns that hold what was gathered already (`store.current.gathered`)."""

    @property
    def account_id(self) -> Sql:
        return self.source.c.account_id

    @property
    def now(self) -> Sql:
        return sa.literal(self.instant, sa.DateTime(timezone=True))

    @property
    def today(self) -> Sql:
        elsewhere = self.days_elsewhere.op("->>", return_type=sa.Text())(self._own_zone)
        return sa.func.coalesce(sa.cast(elsewhere, sa.Date), self.usual_day, type_=sa.Date)

    @property
    def usual_day(self) -> Sql:
        """The day in the workspace's zone."""
        return sa.literal(local_date(self.instant, self.zone), sa.Date)

    @property
    def days_elsewhere(self) -> Sql:
        """JSON: the zones in which it is another day, and that day."""
        return sa.cast(sa.literal(days_json(self.instant, self.zone), sa.Text), JSONB)

    def field(self, name: str) -> Sql:
        return self.source.c[column_name(name)]

    def local_date(self, at: Sql) -> Sql:
        offset = (
            sa.select(zone_offset.c.seconds)
            .where(zone_offset.c.zone == self._zone_with_rows, zone_offset.c.since <= at)
            .order_by(zone_offset.c.since.desc())
            .limit(1)
            .correlate_except(zone_offset)
            .scalar_subquery()
        )
        # "at time zone 'UTC'" only drops the zone; the offset is Python's.
        shifted = sa.func.timezone("UTC", at) + sa.func.make_interval(0, 0, 0, 0, 0, 0, sa.func.coalesce(offset, 0))
        return sa.cast(shifted, sa.Date)

    def highest(self, name: str, window: Duration) -> Sql:
        return self.source.c[extreme_column("highest", name, window)]

    def lowest(self, name: str, window: Duration) -> Sql:
        return self.source.c[extreme_column("lowest", name, window)]

    def trend(self, name: str, window: Duration) -> Sql:
        return self.source.c[extreme_column("trend", name, window)]

    def is_silent(self, source: str) -> bool:
        return source in self.silent

    def gathered(self, node: Aggregate) -> Sql | None:
        return self.source.c[self.names[node]] if node in self.names else None

    @property
    def _own_zone(self) -> Sql:
        column = self.source.c.get("account.zone")
        return sa.null() if column is None else column

    @property
    def _zone_with_rows(self) -> Sql:
        known = sa.select(zone_offset.c.zone).where(zone_offset.c.zone == self._own_zone).limit(1)
        return sa.func.coalesce(known.correlate_except(zone_offset).scalar_subquery(), self.zone)


_NO_INSTANT = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Prepared(Seen):
    """The same for a statement that is built once and executed for many instants, with `moment_parameters`."""

    instant: datetime = _NO_INSTANT

    @property
    def now(self) -> Sql:
        return NOW

    @property
    def usual_day(self) -> Sql:
        return Given("usual_day", sa.Date())

    @property
    def days_elsewhere(self) -> Sql:
        return Given("days_elsewhere", JSONB())


NOW: Sql = Given("now", sa.DateTime(timezone=True))


def moment_parameters(now: datetime, zone: str, zones: Sequence[str] | None = None) -> Mapping[str, object]:
    """What a statement over `Prepared` rows is executed with; `zones`: those in use, if known."""
    return {
        "now": now,
        "usual_day": local_date(now, zone),
        "days_elsewhere": days_json(now, zone, zones),
    }


def days_json(now: datetime, zone: str, zones: Sequence[str] | None = None) -> str:
    return json.dumps({name: day.isoformat() for name, day in other_days(now, zone, zones).items()})


_PRESENT = sa.text("""
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type from pg_attribute as a
    where a.attrelid = 'account_now'::regclass and a.attnum > 0 and not a.attisdropped
""")

_SPOKEN = {
    "DOUBLE PRECISION": "double precision",
    "TEXT": "text",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BIGINT": "bigint",
    "TEXT[]": "text[]",
}
