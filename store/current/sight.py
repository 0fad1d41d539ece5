"""What decisions see of accounts at one instant: the projected row, conditions as columns, the place of an account."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from engine.calendars import Place
from engine.expressions.tree import Aggregate
from engine.values import Condition
from engine.workspace import Workspace
from engine.workspace.places import place_of
from store.current import freshness
from store.current.columns import Prepared, Seen, column_name, moment_parameters
from store.current.in_work import is_in_work
from store.expressions.rows import Rows
from store.expressions.sql import part_to_sql, to_sql
from store.expressions.zones import zones_in_use
from store.postgres.kept import Kept
from store.postgres.statements import Given, Row, Statement, kept

PLACE = "place"
"""A name that is read like a field: the account's zone, weekend and holidays."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every sight stands on, as the database has it at one moment."""

    columns: tuple[tuple[str, str], ...]
    """Of account_now: names and types, as PostgreSQL calls them."""
    zones: tuple[str, ...]
    """In use, by name."""
    feeds: freshness.Feeds
    """Which feeds were alive at the last projection."""


class View:
    """Rows of account_now as a statement reads them, whatever the instant."""

    def __init__(self, source: sa.TableClause, find: Callable[[], Seen], *, everyone: bool = False) -> None:
        """`find` is called when the first expression is asked: by then the sweep knows which feeds are silent."""
        self.source = source
        self.everyone = everyone
        self._find = find

    @cached_property
    def seen(self) -> Seen:
        """What expressions find in a row."""
        return self._find()

    @property
    def looks_at(self) -> sa.ColumnElement[bool]:
        """Whether a row belongs to an account that the sweep looks at: in work, unless all are."""
        return sa.true() if self.everyone else is_in_work(self.account_id)

    @property
    def account_id(self) -> sa.ColumnElement[int]:
        return self.source.c.account_id

    @property
    def zone(self) -> sa.ColumnElement[str | None]:
        """As told: `place` makes sense of it."""
        return self.field("account.zone")

    @property
    def country(self) -> sa.ColumnElement[str | None]:
        """As told, too."""
        return self.field("account.country")

    def field(self, name: str) -> sa.ColumnElement[Any]:
        """NULL for a field that was never deployed."""
        column = self.source.c.get(column_name(name))
        return sa.null() if column is None else column

    def truth(self, condition: Condition, rows: Rows | None = None) -> sa.ColumnElement[bool]:
        """`rows`: for a condition that is asked of single rows, those of the statement."""
        return to_sql(condition.expression, self.seen, rows)


class Sight(View):
    """Bound to a connection and an instant. Its table has whatever columns there are, also those of older plans."""

    def __init__(
        self,
        conn: sa.Connection,
        workspace: Workspace,
        now: datetime,
        *,
        everyone: bool = False,
        ground: Ground | None = None,
    ) -> None:
        """`ground`: where the caller has read it already."""
        self.workspace = workspace
        self.now = now
        self._conn = conn
        self._ground = ground
        self._columns = ground.columns if ground else _columns(conn)
        super().__init__(_account_now(self._columns), self._at_this_instant, everyone=everyone)

    def _at_this_instant(self) -> Seen:
        feeds = self._ground.feeds if self._ground else freshness.remembered(self._conn)
        silent = freshness.silent_sources(self.workspace, feeds)
        return Seen(source=self.source, instant=self.now, zone=self.workspace.zone, silent=silent)

    def read(self, key: Hashable, make: Callable[[View], Any], **given: Any) -> list[Row]:
        """Ask with a statement that is kept for other instants. `key` names all that `make` reads beside the view."""
        return self._kept(key, make).read(self._conn, {**self._moment, **given})

    def read_mappings(self, key: Hashable, make: Callable[[View], Any], **given: Any) -> list[Mapping[str, Any]]:
        """The same, each row by its columns, whatever they are called."""
        return self._kept(key, make).read_mappings(self._conn, {**self._moment, **given})

    def _kept(self, key: Hashable, make: Callable[[View], Any]) -> Statement:
        return kept((self.view, key), lambda: make(self.view))

    @cached_property
    def view(self) -> View:
        """One for all sights of the same table, zone and silent feeds: it is part of the keys of statements."""
        zone, silent, everyone = self.workspace.zone, self.seen.silent, self.everyone

        def make() -> View:
            source = _account_now(self._columns)
            return View(source, lambda: Prepared(source=source, zone=zone, silent=silent), everyone=everyone)

        return _views.get((self._columns, zone, silent, everyone), make)

    @cached_property
    def _moment(self) -> Mapping[str, Any]:
        return moment_parameters(self.now, self.workspace.zone, self.zones)

    def truths(self, account_id: int, conditions: Sequence[Condition]) -> Sequence[bool | None]:
        """Of one account, in the order asked; all unknown while no sweep has seen it."""
        columns = [self.truth(condition).label(f"truth_{i}") for i, condition in enumerate(conditions)]
        row = self._conn.execute(sa.select(*columns).where(self.account_id == account_id)).one_or_none()
        return [None] * len(conditions) if row is None else list(row)

    def place(self, zone: str | None, country: str | None) -> Place:
        """Of accounts that name this zone and country; the workspace's own where they name none that exists."""
        return place_of(self.workspace, zone, country, self.now)

    def values(self, accounts: Sequence[int], names: Sequence[str]) -> Mapping[int, Mapping[str, Any]]:
        """Fields and extremes of accounts as JSON; names that are not known are left out."""
        known = [name for name in dict.fromkeys(names) if column_name(name) in self.source.c]

        def make() -> sa.Select[Any]:
            columns = [self.source.c[column_name(name)] for name in known]
            query = sa.select(self.account_id, *columns).select_from(self.source)
            return query.where(self.account_id == sa.func.any(Given("accounts", _IDS)))

        read = kept(("values", self._columns, *known), make)
        rows = read.read_mappings(self._conn, {"accounts": list(accounts)})
        return {row["account_id"]: {name: _json(row[column_name(name)]) for name in known} for row in rows}

    def place_of(self, account_id: int) -> Place:
        told = self.values([account_id], ["account.zone", "account.country"]).get(account_id, {})
        return self.place(told.get("account.zone"), told.get("account.country"))

    def aggregates(self, account_id: int, nodes: Sequence[Aggregate]) -> Mapping[str, Any]:
        """What aggregates come to for an account, as JSON by their text; nothing while no sweep has seen it."""
        if not nodes:
            return {}
        columns = [part_to_sql(node, self.seen).label(f"aggregate_{i}") for i, node in enumerate(nodes)]
        row = self._conn.execute(sa.select(*columns).where(self.account_id == account_id)).one_or_none()
        return {} if row is None else {node.text: _json(value) for node, value in zip(nodes, row, strict=True)}

    @cached_property
    def zones(self) -> Sequence[str]:
        """The zones in use, the workspace's among them."""
        known = self._ground.zones if self._ground else zones_in_use(self._conn)
        return sorted({self.workspace.zone, *known})

    @cached_property
    def whereabouts(self) -> Sequence[tuple[str | None, str | None]]:
        """The zones and countries that accounts tell, together, as told."""
        return self._whereabouts(sa.true())

    @cached_property
    def whereabouts_looked_at(self) -> Sequence[tuple[str | None, str | None]]:
        """The same of the accounts that the sweep looks at."""
        return self._whereabouts(self.looks_at)

    def _whereabouts(self, which: sa.ColumnElement[bool]) -> Sequence[tuple[str | None, str | None]]:
        query = sa.select(self.zone, self.country).select_from(self.source).where(which).distinct()
        return sorted((tuple(row) for row in self._conn.execute(query)), key=str)  # type: ignore[misc]  # two columns


_IDS = sa.ARRAY(sa.BigInteger)


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def read_ground(conn: sa.Connection) -> Ground:
    """As it is now."""
    return Ground(columns=_columns(conn), zones=zones_in_use(conn), feeds=freshness.remembered(conn))


def account_now_columns(conn: sa.Connection) -> sa.TableClause:
    """account_now with whatever columns it has."""
    return _account_now(_columns(conn))


def _columns(conn: sa.Connection) -> tuple[tuple[str, str], ...]:
    row = _PRESENT.read(conn, {})[0]
    return tuple(zip(row.names, row.types, strict=True))


def _account_now(columns: tuple[tuple[str, str], ...]) -> sa.TableClause:
    return _tables.get(
        columns, lambda: sa.table("account_now", *(sa.column(name, _TYPES[type_]) for name, type_ in columns))
    )


_views: Kept[View] = Kept(64)
_tables: Kept[sa.TableClause] = Kept(64)
"""One for all who read the same columns, so that their statements can be kept by it."""


_PRESENT = Statement("""
    select array_agg(attname::text order by attnum) as names,
        array_agg(format_type(atttypid, null) order by attnum) as types
    from pg_attribute where attrelid = 'account_now'::regclass and attnum > 0 and not attisdropped
""")

_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "bigint": sa.BigInteger(),
    "text[]": sa.ARRAY(sa.Text()),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "double precision": DOUBLE_PRECISION(),
    "text": sa.Text(),
    "timestamp with time zone": sa.DateTime(timezone=True),
}
