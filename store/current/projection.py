"""Works out what is true of accounts now, in one statement: told values, computed ones, scores, extremes.

Only rows that come out different are written. Which accounts are looked at is the sweep's business: the table `work`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.calendars import is_zone
from engine.expressions.tree import Aggregate, Extreme, FieldValue, Now, Today, walk
from engine.workspace import Computed, Workspace
from store.current import books, freshness
from store.current.columns import (
    NOW,
    SQL_TYPES,
    Prepared,
    account_now_table,
    age_column,
    aged_fields,
    column_name,
    extreme_column,
    extremes_with,
    moment_parameters,
)
from store.current.gathered import NOTHING, Gathered, gather, rows_read
from store.current.histories import Old, history_of_values, score_history, was, with_extremes
from store.current.in_work import TOUCHED, Scope, is_in_work
from store.current.overrides import cards_overridden
from store.current.scoring import CardColumns, score_steps
from store.current.sight import Ground, Sight, read_ground
from store.current.told import Account, known_values
from store.current.touched import Touched, touches
from store.expressions import zones
from store.expressions.sql import to_sql
from store.postgres.statements import Statement, kept
from store.schema import work

Sql = sa.ColumnElement[Any]


def project(
    conn: sa.Connection,
    workspace: Workspace,
    now: datetime,
    extremes: Iterable[Extreme] = (),
    scope: Scope = "some",
) -> int:
    """Bring account_now up to `now`; how many rows came out different.

    `extremes`: every `highest` and `lowest` that some expression reads, as given to `ensure_columns`.
    """
    alive = freshness.alive(conn, workspace, now)
    return project_on(conn, workspace, now, extremes, scope, ground=read_ground(conn), alive=alive).written


@dataclass(frozen=True, kw_only=True)
class Projected:
    """What became of the projection."""

    written: int
    """Rows that came out different."""
    ground: Ground
    """With the zones and feeds that there are now."""


def project_on(
    conn: sa.Connection,
    workspace: Workspace,
    now: datetime,
    extremes: Iterable[Extreme],
    scope: Scope,
    *,
    ground: Ground,
    alive: Mapping[freshness.Promise, bool],
    touched: Touched | None = None,
) -> Projected:
    """The same, on what was read before: the ground, which feeds are alive at `now`, and what was touched of anyone who
    is in work. None: of some, nobody says; whoever is new is among them."""
    if scope == "anew" or touched is None:
        conn.execute(_NEW_ROWS[scope], {"cards": list(workspace.cards())})
    may_move = scope == "anew" or touched is None or Touched.VALUES in touched
    told = conn.execute(_ZONES[scope]).scalars() if may_move else ()
    known = _with_zones(conn, ground.zones, [workspace.zone, *told])
    overridden = cards_overridden(conn, now)
    given = moment_parameters(now, workspace.zone, known)
    extremes = tuple(dict.fromkeys(extremes))
    written = 0
    # Of all, those that were told nothing are a pass of their own: what was told of them stands.
    parts: Sequence[Scope] = ("some", "all") if scope == "all" else (scope,)
    if scope == "all" and not any(_made_by_the_clock(workspace, extremes_with(workspace, extremes))):
        parts = ("some",)
    for part in parts:
        written += _kept_statement(workspace, extremes, alive, overridden, part).write(conn, given)
    if scope == "anew":
        books.count_anew(conn, Sight(conn, workspace, now, ground=ground))
    turned = freshness.turned(ground.feeds, alive)
    freshness.remember(conn, turned)
    return Projected(written=written, ground=replace(ground, zones=known, feeds={**ground.feeds, **turned}))


def prepare(workspace: Workspace, extremes: Iterable[Extreme], alive: Mapping[freshness.Promise, bool]) -> None:
    """Build the statements of the projections to come, while there is time: each takes a good part of a second."""
    for part in ("anew", "some"):
        _kept_statement(workspace, tuple(dict.fromkeys(extremes)), alive, frozenset(), part)


def _kept_statement(
    workspace: Workspace,
    extremes: tuple[Extreme, ...],
    alive: Mapping[freshness.Promise, bool],
    overridden: frozenset[str],
    part: Scope,
) -> Statement:
    key = ("project", workspace.hash, extremes, tuple(alive.items()), overridden, part)
    return kept(key, partial(_statement, workspace, extremes, alive, overridden, part))


def _with_zones(conn: sa.Connection, known: tuple[str, ...], told: Iterable[str]) -> tuple[str, ...]:
    new = {name for name in told if name not in known and is_zone(name)}
    if not new:
        return known
    zones.ensure_zones(conn, new)
    return tuple(sorted({*known, *new}))


def _statement(
    workspace: Workspace,
    extremes: Sequence[Extreme],
    alive: Mapping[freshness.Promise, bool],
    overridden: Collection[str],
    scope: Scope,
) -> sa.Update:
    """One pass, step by step behind fences, with what each row was before; only rows that differ are joined again."""
    table = account_now_table(workspace, extremes)
    extremes = extremes_with(workspace, extremes)
    made = [column.name for column in table.columns if column.name != "account_id"]
    if scope == "all":
        made = list(_made_by_the_clock(workspace, extremes))
    old = Old(table, made, scope)
    gathered = _gathered(workspace, alive) if scope == "anew" else NOTHING
    told = _standing(old, _read(workspace, extremes)) if scope == "all" else _told(workspace, old, scope, gathered)
    step = with_extremes(told, "told_past", old, extremes)
    for n, level in enumerate(_levels(workspace.computed)):
        columns = _computed(level, _seen(step, workspace, alive, gathered), workspace, alive, old)
        step = sa.select(step, *columns).offset(0).subquery(f"computed_{n}") if columns else step
        step = with_extremes(step, f"computed_past_{n}", old, extremes)
    step = score_steps(step, workspace, alive, overridden)
    cards = [CardColumns(id=id_, variants=variants) for id_, variants in workspace.cards().items()]
    final = with_extremes(step, "scored_past", old, extremes)
    since = _since(final, cards, old)
    follows = {*since, *(_follows_its_score(card) for card in cards if scope == "all")}
    found = [(final.c[name], old.of(final, name)) for name in made if name not in follows]
    differs = sa.or_(sa.false(), *(after.is_distinct_from(before) for after, before in found))
    changed = sa.select(final, *(one.label(name) for name, one in since.items())).where(differs)
    cte = changed.cte("changed").prefix_with("materialized")
    update = sa.update(table).values({name: cte.c[name] for name in made})
    update = update.where(table.c.account_id == cte.c.account_id)
    for card in cards:
        update = update.add_cte(score_history(card, cte, old))
        if scope != "anew":
            update = update.add_cte(books.rebooked(card.id, cte, partial(was, cte, old)))
    for n, field in enumerate(dict.fromkeys(one.field for one in extremes if column_name(one.field) in made)):
        update = update.add_cte(history_of_values(n, field, cte, old, extremes))
    return update


# --- told values ----------------------------------------------------------------------------------------------------


def _told(workspace: Workspace, old: Old, scope: Scope, gathered: Gathered) -> sa.Subquery:
    """The latest value of every told field that is not dated ahead; and what was gathered."""
    fields, account_id = workspace.told(), old.table.c.account_id
    names = [column_name(field.name) for field in fields] + [age_column(name) for name in aged_fields(workspace)]
    if scope == "anew":
        known = known_values(workspace, fields, None)
        source: sa.FromClause = old.table.outerjoin(known, known.c.account_id == account_id)
        query = sa.select(account_id, *old.columns(), *(known.c[name] for name in names))
        query = query.add_columns(*gathered.columns.values()).select_from(gathered.joined(source, account_id))
        # Without a fence: nothing here is worked out, and a million rows need not be carried over it.
        return query.subquery("told")
    # Looked up once, and not in every place where it is asked for.
    its = sa.select(work.c.touched).where(work.c.account_id == account_id).correlate(old.table).scalar_subquery()
    looked = sa.select(its.label(TOUCHED)).offset(0).lateral("looked")
    is_told = touches(looked.c[TOUCHED], Touched.VALUES)
    known = known_values(workspace, fields, Account(id=account_id, is_told=is_told, tables=(old.table, looked)))

    values = [sa.case((is_told, known.c[name]), else_=old.table.c[name]).label(name) for name in names]
    source = old.table.join(looked, sa.true()).outerjoin(known, sa.true())
    query = sa.select(account_id, looked.c[TOUCHED], *old.columns(), *values).select_from(source)
    return query.where(is_in_work(account_id)).offset(0).subquery("told")


def _standing(old: Old, read: Collection[str]) -> sa.Subquery:
    """What stands, and is read. Those in work come out as they are: they were brought up to the instant before."""
    stands = [column for column in old.table.columns if column.name in read and column.name not in old.made]
    return sa.select(old.table.c.account_id, *stands, *old.columns()).subquery("told")


def _read(workspace: Workspace, extremes: Sequence[Extreme]) -> Collection[str]:
    """The columns that anything is worked out of or counted by: others would be carried along for nothing."""
    nodes = [node for condition in workspace.conditions() for node in walk(condition.expression.tree)]
    names = {column_name(node.name) for node in nodes if isinstance(node, FieldValue)}
    names |= {extreme_column(one.way, one.field, one.window) for one in extremes}
    names |= {age_column(name) for name in aged_fields(workspace)}
    return names | {"account.zone", *map(column_name, books.BOOK_FIELDS)}


def _gathered(workspace: Workspace, alive: Mapping[freshness.Promise, bool]) -> Gathered:
    expressions = [condition.expression for one in workspace.computed for condition in one.conditions()]
    names = {
        tree: column_name(one.name)
        for one in workspace.computed
        if one.expression is not None and not freshness.is_blind(one, workspace, alive)
        if isinstance(tree := one.expression.expression.tree, Aggregate) and tree.type == one.type
    }
    return gather(expressions, freshness.silent_sources(workspace, freshness.by_words(alive)), names)


# --- computed values ------------------------------------------------------------------------------------------------


def _levels(computed: Sequence[Computed]) -> list[list[Computed]]:
    """Values that need nothing of each other, together; they come in an order in which each finds what it needs."""
    level: dict[str, int] = {}
    for one in computed:
        level[one.name] = 1 + max((level[name] for name in one.reads() if name in level), default=-1)
    return [[one for one in computed if level[one.name] == n] for n in range(max(level.values(), default=-1) + 1)]


def _seen(
    step: sa.Subquery, workspace: Workspace, alive: Mapping[freshness.Promise, bool], gathered: Gathered
) -> Prepared:
    silent = freshness.silent_sources(workspace, freshness.by_words(alive))
    names = {node: column.name for node, column in gathered.columns.items()}
    return Prepared(source=step, zone=workspace.zone, silent=silent, names=names)


def _computed(
    level: Sequence[Computed],
    seen: Prepared,
    workspace: Workspace,
    alive: Mapping[freshness.Promise, bool],
    old: Old,
) -> list[sa.Label[Any]]:
    columns = []
    for one in level:
        name, type_ = column_name(one.name), SQL_TYPES[one.type]
        if name in seen.source.c:
            continue
        value: Sql = sa.cast(sa.null() if freshness.is_blind(one, workspace, alive) else _value(one, seen), type_)
        if old.scope == "some" and (rows := rows_read(one)):
            value = sa.case((old.may_differ(seen.source, rows), value), else_=old.of(seen.source, name))
        columns.append(value.label(name))
    return columns


def _made_by_the_clock(workspace: Workspace, extremes: Sequence[Extreme]) -> Iterator[str]:
    """The columns that may change though nothing is told, comes of age or leaves a window: all that is made of the
    clock, at any depth, and every score."""
    moving = {field.name for card in workspace.scorecards for field in card.fields()}
    for level in _levels(workspace.computed):
        moving |= {one.name for one in level if _moves(one, moving)}
    yield from (column_name(name) for name in sorted(moving))
    yield from (extreme_column(one.way, one.field, one.window) for one in extremes if one.field in moving)


def _moves(one: Computed, moving: Collection[str]) -> bool:
    nodes = [node for condition in one.conditions() for node in walk(condition.expression.tree)]
    return any(
        isinstance(node, Today | Now)
        or (isinstance(node, FieldValue) and node.name in moving)
        or (isinstance(node, Extreme) and node.field in moving)
        for node in nodes
    )


def _value(one: Computed, seen: Prepared) -> Sql:
    if one.expression is not None:
        return to_sql(one.expression.expression, seen)
    return sa.case(*((to_sql(condition.expression, seen), sa.literal(case, sa.Text)) for case, condition in one.cases))


# --- what the row becomes, and its history --------------------------------------------------------------------------


def _follows_its_score(card: CardColumns) -> str:
    """The band's column, where a band changes only with its score."""
    return f"{card.id}.band" if len(card.variants) == 1 and card.variants[0].applies_to is None else ""


def _since(step: sa.Subquery, cards: Sequence[CardColumns], old: Old) -> Mapping[str, Sql]:
    """Since when each band is what it is."""
    return {
        f"{card.id}.since": sa.case(
            (step.c[f"{card.id}.band"].is_distinct_from(old.of(step, f"{card.id}.band")), NOW),
            else_=old.of(step, f"{card.id}.since"),
        )
        for card in cards
    }


_EVERYONES_ROWS = sa.text("""
    insert into account_now (account_id)
    select id from account where not exists (select from account_now where account_id = account.id)
    on conflict do nothing
""")
# Who is new was told of, and is in work. As an array: the planner has no idea of how many are.
_NEW_ROWS_IN_WORK = sa.text(f"""
    with made as (
        insert into account_now (account_id)
        select account_id from work
        except select account_id from account_now where account_id = any(array(select account_id from work))
        on conflict do nothing
        returning account_id
    )
    {books.ADD_NEW.format(made="made")}
""")  # noqa: S608 - joined from constants
_NEW_ROWS: Mapping[Scope, sa.TextClause] = {
    "some": _NEW_ROWS_IN_WORK,
    "all": _NEW_ROWS_IN_WORK,
    "anew": _EVERYONES_ROWS,
}
_ZONES_IN_WORK = sa.text("""
    select distinct value #>> '{}' from work join account_value using (account_id)
    where field = 'account.zone' and jsonb_typeof(value) = 'string'
""")
_ZONES: Mapping[Scope, sa.TextClause] = {
    "some": _ZONES_IN_WORK,
    "all": _ZONES_IN_WORK,
    "anew": sa.text("""
        select distinct value #>> '{}' from account_value
        where field = 'account.zone' and jsonb_typeof(value) = 'string'
    """),
}
