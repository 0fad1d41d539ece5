"""What looks back at an account: the row before, extremes and trends; and the histories kept of it for that."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from engine.expressions.tree import Extreme
from store.current import freshness
from store.current.columns import NOW, column_name, extreme_column
from store.current.in_work import TOUCHED, Scope
from store.current.scoring import MADE_OF, CardColumns, known_share, what_it_is_made_of
from store.current.touched import Touched, touches
from store.postgres.sql_functions import Slope, Sql
from store.schema import score, value_history


class Old:
    """What a row was before, of the columns that are made: carried along through all steps under names of its own."""

    def __init__(self, table: sa.Table, made: Sequence[str], scope: Scope) -> None:
        self.table = table.alias("old")
        self.made = made
        self.scope = scope

    def may_differ(self, step: sa.FromClause, touched: Touched) -> sa.ColumnElement[bool]:
        """Whether something may have become of what is worked out of these."""
        match self.scope:
            case "some":
                return touches(step.c[TOUCHED], touched)
            case "all":
                return sa.false()
            case "anew":
                return sa.true()

    def columns(self) -> list[sa.Label[Any]]:
        return [self.table.c[name].label(_before(name)) for name in self.made]

    def of(self, step: sa.FromClause, name: str) -> Sql:
        return step.c[_before(name)]


def was(changed: sa.CTE, old: Old, name: str) -> Sql:
    """What a column held before, also one that is not made."""
    return old.of(changed, name) if name in old.made else changed.c[name]


def _before(name: str) -> str:
    return column_name(f"old:{name}")


def with_extremes(step: sa.Subquery, name: str, old: Old, extremes: Sequence[Extreme]) -> sa.Subquery:
    """As soon as a field is there, what looks back at it is: the next computed field, or a score, may read it."""
    found = [
        _extreme(one, step, old, extremes).label(column)
        for one in extremes
        if (column := extreme_column(one.way, one.field, one.window)) not in step.c and column_name(one.field) in step.c
    ]
    return sa.select(step, *found).offset(0).subquery(name) if found else step


def _extreme(one: Extreme, step: sa.FromClause, old: Old, extremes: Sequence[Extreme]) -> Sql:
    found, column = _looked_up(one, step, old, extremes), column_name(one.field)
    if old.scope == "anew":
        return found
    was = old.of(step, extreme_column(one.way, one.field, one.window))
    same = step.c[column].is_not_distinct_from(old.of(step, column))
    stands = sa.and_(same, was.is_not(None), ~old.may_differ(step, Touched.PAST))
    return sa.case((stands, was), else_=found)


def _looked_up(one: Extreme, step: sa.FromClause, old: Old, extremes: Sequence[Extreme]) -> Sql:
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


def score_history(card: CardColumns, changed: sa.CTE, old: Old) -> sa.CTE:
    value, band = f"{card.id}.score", f"{card.id}.band"
    made = (
        sa.select(
            changed.c.account_id,
            sa.literal(card.id, sa.Text),
            NOW,
            changed.c[value],
            changed.c[band],
            known_share(card, changed),
            *what_it_is_made_of(card, changed),
            changed.c[card.override] if card.override in changed.c else sa.null(),
        )
        .where(sa.or_(*(changed.c[name].is_distinct_from(old.of(changed, name)) for name in (value, band))))
        .order_by(changed.c.account_id)
    )
    columns = ["account_id", "card", "at", "value", "band", "known_weight", *MADE_OF, "override_id"]
    return sa.insert(score).from_select(columns, made).cte(f"history_of_{card.id}")


def _is_new(field: str, step: sa.FromClause, old: Old, extremes: Sequence[Extreme]) -> Sql:
    """Whether the value becomes a row of the history: where it changed, and where it has none since nobody looked at
    it so far; else a fall from there would have no height."""
    value, h = step.c[column_name(field)], value_history
    columns = [extreme_column(one.way, one.field, one.window) for one in extremes if one.field == field]
    has_past = sa.exists().where(h.c.account_id == step.c.account_id, h.c.field == field).correlate_except(h)
    starts = sa.and_(value.is_not(None), sa.or_(*(old.of(step, name).is_(None) for name in columns)), ~has_past)
    return sa.or_(value.is_distinct_from(old.of(step, column_name(field))), starts)


def history_of_values(n: int, field: str, changed: sa.CTE, old: Old, extremes: Sequence[Extreme]) -> sa.CTE:
    """A row per new value."""
    made = (
        sa.select(changed.c.account_id, sa.literal(field, sa.Text), NOW, changed.c[column_name(field)])
        .where(_is_new(field, changed, old, extremes))
        .order_by(changed.c.account_id)
    )
    return sa.insert(value_history).from_select(["account_id", "field", "at", "value"], made).cte(f"values_{n}")
