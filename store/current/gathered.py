"""Aggregates of everyone at once: a table of rows is read from end to end and grouped, instead of asked by account.

Only what is asked of the rows alone can be gathered; what looks at the account as well, its fields or the day it has
there, is left to a question for each account.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.sql.visitors import iterate

from engine.durations import Duration
from engine.expressions import Expression
from engine.expressions.tree import Aggregate, Extreme, FieldValue, Now, Today, walk
from engine.workspace import Computed
from store.current.columns import NOW
from store.current.touched import Touched, touched_in
from store.expressions.rows import ALL_TIME, Rows, came_to_pass, read_together, table_of
from store.expressions.sql import aggregate_of_rows, numbers_read, of_no_rows
from store.postgres.sql_functions import Sql


@dataclass(frozen=True)
class Gathered:
    """One grouped subquery for each table, to be joined by account, and the columns they bring."""

    groups: tuple[sa.Subquery, ...]
    columns: Mapping[Aggregate, sa.Label[object]]
    """The value by aggregate, labelled with the name of the field that it is, or one of its own; also for accounts
    without any row."""

    def joined(self, source: sa.FromClause, account_id: Sql) -> sa.FromClause:
        for group in self.groups:
            source = source.outerjoin(group, group.c.account_id == account_id)
        return source


NOTHING = Gathered(groups=(), columns={})


def gather(
    expressions: Iterable[Expression], silent: Collection[str], names: Mapping[Aggregate, str] | None = None
) -> Gathered:
    """What can be gathered of all that these ask for. `silent`: sources of which nothing is known anyway; `names`: of
    columns that are nothing but an aggregate."""
    nodes = (node for expression in expressions for node in walk(expression.tree))
    asked = [node for node in dict.fromkeys(nodes) if isinstance(node, Aggregate) and node.source not in silent]
    by_table: dict[sa.Table, list[Aggregate]] = {}
    for node in asked:
        if _asks_rows_alone(node):
            by_table.setdefault(table_of(node.source), []).append(node)
    groups: list[sa.Subquery] = []
    columns: dict[Aggregate, sa.Label[object]] = {}
    for table, mine in by_table.items():
        rows: sa.FromClause = table.alias()
        reach = _reach(mine)
        which = _reached(rows, reach)
        if numbers := numbers_read(mine):
            rows, which = _read(rows, which, numbers, mine, reach), sa.true()
        found = {node: _of_rows(node, rows, reach) for node in mine}
        if not numbers and any(node.where is not None for node in mine):
            which = sa.and_(which, sa.or_(*(looked_at for _, looked_at in found.values())))
        labels = {node: f"gathered:{len(columns) + n}" for n, node in enumerate(found)}
        group = (
            sa.select(rows.c.account_id, *(value.label(labels[node]) for node, (value, _) in found.items()))
            .where(which)
            .group_by(rows.c.account_id)
            .subquery(f"gathered_{table.name}")
        )
        groups.append(group)
        lacks = group.c.account_id.is_(None)
        for node, label in labels.items():
            value = sa.case((lacks, of_no_rows(node)), else_=group.c[label])
            columns[node] = value.label((names or {}).get(node, label))
    return Gathered(groups=tuple(groups), columns=columns)


def _read(
    rows: sa.FromClause,
    which: Sql,
    numbers: Collection[str],
    nodes: Iterable[Aggregate],
    reach: Mapping[str, timedelta],
) -> sa.FromClause:
    """Rows with these numbers, and with those columns alone that the aggregates ask for."""
    whole = read_together(rows, which, numbers, list(reach))
    parts = [part for node in nodes for one in _of_rows(node, whole, reach) for part in iterate(one)]
    used = {part.name for part in parts if isinstance(part, sa.ColumnClause)}
    return read_together(rows, which, numbers, list(reach), used)


def _of_rows(
    node: Aggregate, rows: sa.FromClause, reach: Mapping[str, timedelta]
) -> tuple[Sql, sa.ColumnElement[bool]]:
    """The value, and which rows it looks at, of those within reach."""
    source, place = node.source, list(reach).index(node.source)
    return aggregate_of_rows(node, _NoAccount(), Rows(source, None, NOW, rows, reach[source], place=place))


def _asks_rows_alone(node: Aggregate) -> bool:
    """Whether it looks at nothing of the account."""
    try:
        _of_rows(node, table_of(node.source).alias(), _reach([node]))
    except _LooksAtTheAccount:
        return False
    return True


def _reach(nodes: Iterable[Aggregate]) -> Mapping[str, timedelta]:
    """How far back these look at each source: its widest window."""
    reach: dict[str, timedelta] = {}
    for node in nodes:
        window = ALL_TIME if node.window is None else node.window.exact or ALL_TIME
        reach[node.source] = max(window, reach.get(node.source, window))
    return reach


def _reached(rows: sa.FromClause, reach: Mapping[str, timedelta]) -> sa.ColumnElement[bool]:
    """The rows within reach. One span around all of them comes first, for an index to be read by."""
    sources: dict[timedelta, list[str]] = {}
    for source, window in reach.items():
        sources.setdefault(window, []).append(source)
    spans = [came_to_pass(rows, those, NOW, window) for window, those in sources.items()]
    if len(spans) == 1:
        return spans[0]
    return sa.and_(came_to_pass(rows, list(reach), NOW, max(sources)), sa.or_(*spans))


def rows_read(one: Computed) -> Touched:
    """Whose rows a value is worked out of, where of nothing else: as long as those stand, it stands, too. Rows are
    touched as well when they come to pass, end or leave a window."""
    nodes = [node for condition in one.conditions() for node in walk(condition.expression.tree)]
    sources = [node for node in nodes if isinstance(node, Aggregate)]
    looks_elsewhere = any(isinstance(node, _OF_THE_ACCOUNT) for node in nodes)
    if looks_elsewhere or not all(map(_asks_rows_alone, sources)):
        return Touched.NOTHING
    return touched_in(table_of(node.source) for node in sources)


_OF_THE_ACCOUNT = (FieldValue, Extreme, Today, Now)


class _LooksAtTheAccount(Exception):
    pass


class _NoAccount:
    """What expressions find where there is no account (`store.expressions.sql.Columns`): the instant alone."""

    @property
    def account_id(self) -> Sql:
        raise _LooksAtTheAccount

    @property
    def now(self) -> Sql:
        return NOW

    @property
    def today(self) -> Sql:
        raise _LooksAtTheAccount

    def field(self, name: str) -> Sql:
        raise _LooksAtTheAccount(name)

    def local_date(self, at: Sql) -> Sql:
        raise _LooksAtTheAccount(at)

    def highest(self, name: str, window: Duration) -> Sql:
        raise _LooksAtTheAccount(name, window)

    def lowest(self, name: str, window: Duration) -> Sql:
        raise _LooksAtTheAccount(name, window)

    def trend(self, name: str, window: Duration) -> Sql:
        raise _LooksAtTheAccount(name, window)

    def is_silent(self, source: str) -> bool:
        raise _LooksAtTheAccount(source)

    def gathered(self, node: Aggregate) -> Sql | None:
        raise _LooksAtTheAccount(node)
