"""Works out what is true of accounts now, in one statement: told values, computed ones, scores, extremes.

Only rows that come out different are written. Which accounts are looked at is the sweep's business: the table `work`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB, distinct_on

from engine.catalogue import Field, Type
from engine.expressions.tree import Extreme
from engine.expressions.values import DATE_FORM, INSTANT_FORM, LARGEST
from engine.workspace import Computed, Workspace
from store import freshness, zones
from store.columns import (
    NOW,
    SQL_TYPES,
    Prepared,
    account_now_table,
    column_name,
    extreme_column,
    extremes_with,
    moment_parameters,
)
from store.expressions import to_sql
from store.schema import account_value, score, value_history, work
from store.scoring import CardColumns, age_column, aged_fields, contributions, known_share, score_steps
from store.sql_functions import Slope
from store.statements import kept

Sql = sa.ColumnElement[Any]
_AT = sa.DateTime(timezone=True)


def project(conn: sa.Connection, workspace: Workspace, now: datetime, extremes: Iterable[Extreme] = ()) -> int:
    """Bring account_now up to `now` for the accounts in `work`; how many rows came out different.

    `extremes`: every `highest` and `lowest` that some expression reads, as given to `ensure_columns`.
    """
    conn.execute(_NEW_ROWS)
    zones.ensure_zones(conn, [workspace.zone, *conn.execute(_ZONES).scalars()])
    alive = freshness.alive(conn, workspace, now)
    extremes = tuple(dict.fromkeys(extremes))
    key = ("project", workspace.hash, extremes, tuple(alive.items()))
    statement = kept(key, lambda: _statement(workspace, extremes, alive))
    written = statement.run(conn, moment_parameters(now, workspace.zone, zones.zones_in_use(conn))).rowcount
    freshness.remember(conn, alive)
    return written


def _statement(workspace: Workspace, extremes: Sequence[Extreme], alive: Mapping[freshness.Promise, bool]) -> sa.Update:
    table = account_now_table(workspace, extremes)
    old = table.alias("old")
    extremes = extremes_with(workspace, extremes)
    step = _with_extremes(_told(workspace), "told_past", old, extremes)
    for n, level in enumerate(_levels(workspace.computed)):
        step = _computed(step, f"computed_{n}", level, workspace, alive)
        step = _with_extremes(step, f"computed_past_{n}", old, extremes)
    step = score_steps(step, workspace, alive)
    cards = [CardColumns(id=id_, variants=variants) for id_, variants in workspace.cards().items()]
    final = _final(step, old, cards, extremes)
    names = [column.name for column in table.columns if column.name != "account_id"]
    before, after = sa.tuple_(*(table.c[name] for name in names)), sa.tuple_(*(final.c[name] for name in names))
    update = (
        sa.update(table)
        .values({name: final.c[name] for name in names})
        .where(table.c.account_id == final.c.account_id, before.is_distinct_from(after))
    )
    for card in cards:
        update = update.add_cte(_score_history(card, final, old))
    for n, field in enumerate(dict.fromkeys(one.field for one in extremes)):
        update = update.add_cte(_value_history(n, field, final, old, extremes))
    return update


# --- told values ----------------------------------------------------------------------------------------------------


def _told(workspace: Workspace) -> sa.CTE:
    """The latest value of every told field that is not dated ahead."""
    fields = workspace.told()
    v = account_value
    latest = (
        sa.select(v.c.account_id, v.c.field, v.c.value, v.c.at)
        .ext(distinct_on(v.c.account_id, v.c.field))
        .join_from(work, v, v.c.account_id == work.c.account_id)
        .where(v.c.at <= NOW, v.c.field.in_([field.name for field in fields]))
        .order_by(v.c.account_id, v.c.field, v.c.at.desc(), v.c.id.desc())
        .subquery("latest")
    )
    known = (
        sa.select(
            latest.c.account_id,
            sa.func.jsonb_object_agg(latest.c.field, latest.c.value, type_=JSONB).label("told"),
            sa.func.jsonb_object_agg(latest.c.field, latest.c.at, type_=JSONB).label("ats"),
        )
        .group_by(latest.c.account_id)
        .cte("known")
        .prefix_with("materialized")
    )
    ages = [sa.cast(known.c.ats[name].astext, _AT).label(age_column(name)) for name in aged_fields(workspace)]
    return (
        sa.select(work.c.account_id, *(_typed(known.c.told, field) for field in fields), *ages)
        .select_from(work.outerjoin(known, known.c.account_id == work.c.account_id))
        .cte("told")
        .prefix_with("materialized")
    )


def _typed(told: Any, field: Field) -> sa.Label[Any]:
    value, text = told[field.name], told[field.name].astext
    return read_json(value, text, field.type).label(column_name(field.name))


def read_json(value: Any, text: Any, type_: Type) -> Sql:
    """JSON of another kind than the field's is unknown; a cast that data could make fail is never tried."""
    kind = sa.func.jsonb_typeof(value)
    match type_:
        case "number":
            exact = sa.cast(value, sa.Numeric)
            fits = sa.func.abs(exact) < sa.literal(LARGEST, sa.Numeric)
            return sa.case((kind == "number", sa.case((fits, sa.cast(sa.func.trunc(exact, 100), DOUBLE_PRECISION)))))
        case "bool":
            return sa.case((kind == "boolean", sa.cast(value, sa.Boolean)))
        case "date":
            return sa.case((_reads_as(kind, text, DATE_FORM, "date"), sa.cast(text, sa.Date)))
        case "instant":
            return sa.case((_reads_as(kind, text, INSTANT_FORM, "timestamptz"), sa.cast(text, _AT)))
        case "tags":
            words = sa.func.jsonb_array_elements_text(value).table_valued("word").render_derived()
            # Of this row alone: left to itself, the subquery would go over all rows there are.
            of_row = sa.select(words.c.word).correlate_except(words).scalar_subquery()
            return sa.case((kind == "array", sa.func.array(of_row, type_=sa.ARRAY(sa.Text()))))
        case _:
            return sa.case((kind == "string", text))


def _reads_as(kind: Sql, text: Any, form: str, type_: str) -> Sql:
    return sa.and_(kind == "string", text.regexp_match(f"^{form}$"), sa.func.pg_input_is_valid(text, type_))


# --- computed values ------------------------------------------------------------------------------------------------


def _levels(computed: Sequence[Computed]) -> list[list[Computed]]:
    """Values that need nothing of each other, together; they come in an order in which each finds what it needs."""
    level: dict[str, int] = {}
    for one in computed:
        level[one.name] = 1 + max((level[name] for name in one.reads() if name in level), default=-1)
    return [[one for one in computed if level[one.name] == n] for n in range(max(level.values(), default=-1) + 1)]


def _computed(
    step: sa.CTE,
    name: str,
    level: Sequence[Computed],
    workspace: Workspace,
    alive: Mapping[freshness.Promise, bool],
) -> sa.CTE:
    found = {(type_, str(after)): is_alive for (type_, after), is_alive in alive.items()}
    seen = Prepared(source=step, zone=workspace.zone, silent=freshness.silent_sources(workspace, found))
    columns = [
        sa.cast(
            sa.null() if freshness.is_blind(one, workspace, alive) else _value(one, seen), SQL_TYPES[one.type]
        ).label(column_name(one.name))
        for one in level
    ]
    return sa.select(step, *columns).cte(name).prefix_with("materialized")


def _value(one: Computed, seen: Prepared) -> Sql:
    if one.expression is not None:
        return to_sql(one.expression.expression, seen)
    return sa.case(*((to_sql(condition.expression, seen), sa.literal(case, sa.Text)) for case, condition in one.cases))


# --- what the row becomes, and its history --------------------------------------------------------------------------


def _final(step: sa.CTE, old: sa.FromClause, cards: Sequence[CardColumns], extremes: Sequence[Extreme]) -> sa.CTE:
    since = [
        sa.case(
            (step.c[f"{card.id}.band"].is_distinct_from(old.c[f"{card.id}.band"]), NOW),
            else_=old.c[f"{card.id}.since"],
        ).label(f"{card.id}.since")
        for card in cards
    ]
    return (
        sa.select(step, *since, *_extremes(step, old, extremes))
        .select_from(step.join(old, old.c.account_id == step.c.account_id))
        .cte("final")
        .prefix_with("materialized")
    )


def _with_extremes(step: sa.CTE, name: str, old: sa.FromClause, extremes: Sequence[Extreme]) -> sa.CTE:
    """As soon as a field is there, what looks back at it is: the next computed field, or a score, may read it."""
    found = _extremes(step, old, extremes)
    if not found:
        return step
    both = step.join(old, old.c.account_id == step.c.account_id)
    return sa.select(step, *found).select_from(both).cte(name).prefix_with("materialized")


def _extremes(step: sa.CTE, old: sa.FromClause, extremes: Sequence[Extreme]) -> list[sa.Label[Any]]:
    """Those of the fields that a step has, as far as it has not got them yet."""
    named = [(one, extreme_column(one.way, one.field, one.window)) for one in extremes]
    return [
        _extreme(one, step, old, extremes).label(name)
        for one, name in named
        if name not in step.c and column_name(one.field) in step.c
    ]


def _extreme(one: Extreme, step: sa.CTE, old: sa.FromClause, extremes: Sequence[Extreme]) -> Sql:
    """The value now, the values since the window's start, and the one in force at its start; NULLs are passed over."""
    h = value_history
    value, account_id = step.c[column_name(one.field)], step.c.account_id
    start = NOW - freshness.window_of(one.window)
    if one.way == "trend":
        return Slope(
            account_id, sa.literal(one.field, sa.Text), start, NOW, value, _is_new(one.field, step, old, extremes)
        )
    mine = sa.and_(h.c.account_id == account_id, h.c.field == one.field)
    best = sa.func.max if one.way == "highest" else sa.func.min
    within = sa.select(best(h.c.value)).where(mine, h.c.at > start, h.c.at <= NOW)
    at_start = sa.select(h.c.value).where(mine, h.c.at <= start).order_by(h.c.at.desc(), h.c.id.desc()).limit(1)
    pick = sa.func.greatest if one.way == "highest" else sa.func.least
    return pick(
        value,
        within.correlate_except(h).scalar_subquery(),
        at_start.correlate_except(h).scalar_subquery(),
        type_=DOUBLE_PRECISION,
    )


def _score_history(card: CardColumns, final: sa.CTE, old: sa.FromClause) -> sa.CTE:
    value, band = f"{card.id}.score", f"{card.id}.band"
    changed = (
        sa.select(
            final.c.account_id,
            sa.literal(card.id, sa.Text),
            NOW,
            final.c[value],
            final.c[band],
            known_share(card, final),
            contributions(card, final),
        )
        .select_from(final.join(old, old.c.account_id == final.c.account_id))
        .where(sa.or_(final.c[value].is_distinct_from(old.c[value]), final.c[band].is_distinct_from(old.c[band])))
        .order_by(final.c.account_id)
    )
    columns = ["account_id", "card", "at", "value", "band", "known_weight", "contributions"]
    return sa.insert(score).from_select(columns, changed).cte(f"history_of_{card.id}")


def _is_new(field: str, step: sa.CTE, old: sa.FromClause, extremes: Sequence[Extreme]) -> Sql:
    """Whether the value becomes a row of the history: where it changed, and where it has none since nobody looked at
    it so far; else a fall from there would have no height."""
    value, h = step.c[column_name(field)], value_history
    columns = [extreme_column(one.way, one.field, one.window) for one in extremes if one.field == field]
    has_past = sa.exists().where(h.c.account_id == step.c.account_id, h.c.field == field).correlate_except(h)
    starts = sa.and_(value.is_not(None), sa.or_(*(old.c[name].is_(None) for name in columns)), ~has_past)
    return sa.or_(value.is_distinct_from(old.c[column_name(field)]), starts)


def _value_history(n: int, field: str, final: sa.CTE, old: sa.FromClause, extremes: Sequence[Extreme]) -> sa.CTE:
    """A row per new value."""
    name = column_name(field)
    changed = (
        sa.select(final.c.account_id, sa.literal(field, sa.Text), NOW, final.c[name])
        .select_from(final.join(old, old.c.account_id == final.c.account_id))
        .where(_is_new(field, final, old, extremes))
        .order_by(final.c.account_id)
    )
    return sa.insert(value_history).from_select(["account_id", "field", "at", "value"], changed).cte(f"values_{n}")


_NEW_ROWS = sa.text("insert into account_now (account_id) select account_id from work on conflict do nothing")
_ZONES = sa.text("""
    select distinct value #>> '{}' from work join account_value using (account_id)
    where field = 'account.zone' and jsonb_typeof(value) = 'string'
""")
