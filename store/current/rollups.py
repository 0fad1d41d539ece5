"""Tells parents what their children's scores come to: facts of our own, which the next sweep projects like any others.

Who names a parent is its child. An account that is its own ancestor counts for nobody's child: a circle has no top.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB

from engine.health.rollups import PARENT, Rollup, children_field
from engine.workspace import Workspace
from store.current.columns import column_name
from store.current.sight import Sight
from store.current.touched import Touched, bits
from store.schema import account, account_value, change, work

_IDS = ARRAY(sa.BigInteger)


@dataclass(frozen=True, kw_only=True)
class Concerned:
    """Accounts whose children may come to something else: those in work and all above them; None: all there are."""

    ids: frozenset[int] | None


def above_work(conn: sa.Connection, sight: Sight, *, everyone: bool) -> Concerned:
    """Asked before a projection and after it: an account may have had another parent."""
    if not _rollups(sight.workspace):
        return Concerned(ids=frozenset())
    if everyone:
        return Concerned(ids=None)
    up = sa.select(work.c.account_id.label("id")).cte("up", recursive=True)
    up = up.union(sa.select(_parent_of(sight, up.c.id)).select_from(up))
    return Concerned(ids=frozenset(conn.execute(sa.select(up.c.id).where(up.c.id.is_not(None))).scalars()))


def tell_parents(conn: sa.Connection, sight: Sight, before: Concerned) -> None:
    """What came out otherwise than the parent has it, as a value and a change row; nothing where nothing did."""
    after = above_work(conn, sight, everyone=before.ids is None)
    ids = None if before.ids is None or after.ids is None else sorted(before.ids | after.ids)
    if ids == []:
        return
    told = 0
    for card, rollup in _rollups(sight.workspace).items():
        made = _news(sight, card, rollup, ids).cte("made")
        field, now = sa.literal(children_field(card)), sa.literal(sight.now, sa.DateTime(timezone=True))
        values = sa.select(made.c.account_id, field, sa.func.to_jsonb(made.c.value, type_=JSONB), now, now)
        write = sa.insert(account_value).from_select(["account_id", "field", "value", "at", "learned_at"], values)
        noted = sa.select(made.c.account_id, bits(Touched.VALUES))
        stir = sa.insert(change).from_select(["account_id", "touched"], noted).add_cte(write.cte("written"))
        told += conn.execute(stir).rowcount
    if told:
        conn.execute(sa.text("select pg_notify('tenure_facts', '')"))


def _rollups(workspace: Workspace) -> Mapping[str, Rollup]:
    return {id_: cards[0].rollup for id_, cards in workspace.cards().items() if cards[0].rollup is not None}


def _news(sight: Sight, card: str, rollup: Rollup, ids: list[int] | None) -> sa.Select[Any]:
    """account_id, value: where the children come to something else than the parent's row says."""
    child, parent = sight.source.alias("child"), account.alias("parent")
    kin = (
        sa.select(
            parent.c.id.label("parent"),
            child.c.account_id.label("child"),
            child.c[f"{card}.score"].label("score"),
            (sa.literal(1.0) if rollup.by is None else child.c[column_name(rollup.by)]).label("weight"),
        )
        .join_from(child, parent, parent.c.key == child.c[PARENT])
        .where(sa.true() if ids is None else parent.c.id == sa.any_(sa.literal(ids, _IDS)))
        .cte("kin")
    )
    value = _value(rollup, kin)
    rolled = (
        sa.select(kin.c.parent, value.label("value"))
        .where(*_in_no_circle(sight, kin))
        .group_by(kin.c.parent)
        .subquery("rolled")
    )
    row = sight.source.alias("row")
    before = row.c[children_field(card)]
    return (
        sa.select(row.c.account_id, rolled.c.value)
        .join_from(row, rolled, rolled.c.parent == row.c.account_id, isouter=True)
        .where(sa.true() if ids is None else row.c.account_id == sa.any_(sa.literal(ids, _IDS)))
        .where(before.is_distinct_from(rolled.c.value))
    )


def _value(rollup: Rollup, kin: sa.CTE) -> sa.ColumnElement[Any]:
    """engine.health.rollups.rolled_up; sums in the order of the children."""
    score, weight = kin.c.score, kin.c.weight
    if rollup.by is None:
        return sa.func.min(score)
    counts = sa.and_(score.is_not(None), weight > 0)
    order = kin.c.child
    weighted = sa.func.sum(sa.type_coerce(score * weight, DOUBLE_PRECISION)).aggregate_order_by(order).filter(counts)
    whole = sa.func.sum(weight).aggregate_order_by(order).filter(counts)
    return sa.func.floor(weighted / whole * _number(10.0) + _number(0.5)) / _number(10.0)


def _in_no_circle(sight: Sight, kin: sa.CTE) -> tuple[sa.ColumnElement[bool], ...]:
    """That a child is not its own parent, nor above it. Parents are walked up from, of whom there are fewer."""
    parents = sa.select(kin.c.parent).distinct().subquery("parents")
    up = sa.select(parents.c.parent, _parent_of(sight, parents.c.parent).label("above")).cte("up", recursive=True)
    up = up.union(sa.select(up.c.parent, _parent_of(sight, up.c.above)).where(up.c.above != up.c.parent))
    # Two conditions, and no "or" between them: joined as a whole, instead of looked up for every child.
    is_found = sa.exists().where(up.c.parent == kin.c.parent, up.c.above == kin.c.child).correlate(kin)
    return kin.c.child != kin.c.parent, ~is_found


def _parent_of(sight: Sight, account_id: sa.ColumnElement[int]) -> sa.ScalarSelect[int]:
    """Looked up one by one, by indexes: of what a walk comes to, the planner has no idea."""
    step, parent = sight.source.alias("step"), account.alias("next")
    found = sa.select(parent.c.id).join_from(step, parent, parent.c.key == step.c[PARENT])
    return found.where(step.c.account_id == account_id).correlate_except(step, parent).scalar_subquery()


def _number(value: float) -> sa.ColumnElement[float]:
    return sa.literal(value, DOUBLE_PRECISION())
