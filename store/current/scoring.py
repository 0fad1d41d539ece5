"""Scores set by set: the scorecards as SQL over a step of the projection; same doubles as engine.health.scorecards."""

import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, array

from engine.calendars import local_date
from engine.durations import Duration
from engine.expressions import Evaluator
from engine.expressions.tree import Aggregate, FieldValue
from engine.health.scorecards import TOP, Component, Score, Scorecard, card_for, score, slope
from engine.workspace import Workspace
from store.current import freshness
from store.current.columns import NOW, Prepared, account_now_table, age_column, column_name
from store.current.contributions import STATES, parts_key
from store.current.overrides import in_force
from store.expressions.sql import to_sql
from store.expressions.zones import zone_or
from store.schema import account_value, score_override

Sql = sa.ColumnElement[Any]


@dataclass(frozen=True, kw_only=True)
class CardColumns:
    """Where the results of the cards of one id are found in the last step."""

    id: str
    variants: tuple[Scorecard, ...]

    @property
    def pick(self) -> str:
        """The place of the variant that applies, null where none does; there where that is a question."""
        return f"{self.id}#pick"

    def picked(self, variant: int, step: sa.FromClause) -> Sql:
        """Whether this variant applies."""
        return step.c[self.pick] == variant if self.pick in step.c else sa.true()

    def input(self, variant: int, component: int) -> str:
        """A field's own column, where the input is nothing but the field."""
        tree = self.variants[variant].components[component].input.expression.tree
        return column_name(tree.name) if isinstance(tree, FieldValue) else f"{self.id}#{variant}#in{component}"

    def known(self, variant: int, component: int) -> str:
        """Points of a known input."""
        return f"{self.id}#{variant}#k{component}"

    def points(self, variant: int, component: int) -> str:
        """The same, or those that stand for a missing one, where the card has such."""
        return f"{self.id}#{variant}#p{component}"

    def stale(self, variant: int, component: int) -> str:
        """Whether it is; there where it may be."""
        return f"{self.id}#{variant}#s{component}"

    def is_stale(self, variant: int, component: int, step: sa.FromClause) -> Sql:
        column = step.c.get(self.stale(variant, component))
        return sa.false() if column is None else column

    def sum(self, variant: int, of: str) -> str:
        return f"{self.id}#{variant}#{of}"

    def share(self, variant: int) -> str:
        return f"{self.id}#{variant}#share"

    def value(self, variant: int) -> str:
        return f"{self.id}#{variant}#value"

    @property
    def override(self) -> str:
        """The number of the override in force; there where any account has one."""
        return f"{self.id}#override"

    @property
    def overriding(self) -> str:
        """Its value."""
        return f"{self.id}#overriding"


def score_steps(
    step: sa.Subquery,
    workspace: Workspace,
    alive: Mapping[freshness.Promise, bool],
    overridden: Collection[str] = (),
) -> sa.Subquery:
    """Further steps behind `step` that score every account in it; inputs and points are computed once, behind fences.

    `overridden`: the cards of which somebody's score may be overridden; others pay nothing for it.
    """
    cards = [CardColumns(id=id_, variants=variants) for id_, variants in workspace.cards().items()]
    if not cards:
        return step
    inputs = _fenced(
        step,
        "score_inputs",
        [column for card in cards for column in _inputs(card, step, workspace, alive)],
        fence=not all(map(_are_bare, cards)),
    )
    points = _fenced(inputs, "score_points", [column for card in cards for column in _points(card, inputs)])
    sums = _fenced(points, "score_sums", [column for card in cards for column in _sums(card, points)])
    totals = _fenced(sums, "score_totals", [column for card in cards for column in _totals(card, sums)], fence=False)
    for card in cards:
        if card.id in overridden:
            totals = _overridden(card, totals)
    return _fenced(totals, "scored", [column for card in cards for column in _results(card, totals)], fence=False)


def _overridden(card: CardColumns, step: sa.Subquery) -> sa.Subquery:
    of = score_override.c
    found = in_force(NOW, of.account_id, of.id, of.value).where(of.card == card.id).subquery(f"overrides_of_{card.id}")
    columns = (found.c.id.label(card.override), found.c.value.label(card.overriding))
    rows = step.outerjoin(found, found.c.account_id == step.c.account_id)
    return sa.select(step, *columns).select_from(rows).subquery(f"overridden_{card.id}")


MADE_OF = ("made_by", "inputs", "points", "states")
"""The columns of a score's history that say what each component brought in (`store.current.contributions`)."""


def what_it_is_made_of(card: CardColumns, step: sa.FromClause) -> tuple[Sql, ...]:
    """Their values, in that order, for the rows whose score has changed."""
    parts: list[tuple[Sql, Sql, Sql, Sql]] = []
    for v, variant in enumerate(card.variants):
        places = range(len(variant.components))
        inputs = [_as_number(one, step.c[card.input(v, c)]) for c, one in enumerate(variant.components)]
        states = [_state(card, v, c, step) for c in places]
        parts.append(
            (
                sa.literal(parts_key(variant), sa.Text),
                array(inputs, type_=DOUBLE_PRECISION),
                array([_counted(card, v, c, step) for c in places], type_=DOUBLE_PRECISION),
                reduce(operator.add, states),
            )
        )
    picked = [card.picked(v, step) for v in range(len(card.variants))]
    return tuple(sa.case(*zip(picked, values, strict=True)) for values in zip(*parts, strict=True))


def _as_number(component: Component, value: Sql) -> Sql:
    if component.input.type == "bool":
        return sa.cast(sa.cast(value, sa.Integer), DOUBLE_PRECISION)
    return value


def _counted(card: CardColumns, v: int, c: int, step: sa.FromClause) -> Sql:
    imputed = isinstance(card.variants[v].components[c].missing, float)
    return step.c[card.points(v, c) if imputed else card.known(v, c)]


def _state(card: CardColumns, v: int, c: int, step: sa.FromClause) -> Sql:
    missing = step.c[card.known(v, c)].is_(None)
    letters = {state: sa.literal(letter, sa.Text) for state, letter in STATES.items()}
    return sa.case((card.is_stale(v, c, step), letters["stale"]), (missing, letters["missing"]), else_=letters["known"])


def known_share(card: CardColumns, step: sa.FromClause) -> Sql:
    shares = [(card.picked(v, step), step.c[card.share(v)]) for v in range(len(card.variants))]
    return sa.case(*shares, else_=_number(0.0))


def current_scores(
    conn: sa.Connection, workspace: Workspace, account_id: int, now: datetime
) -> Mapping[str, tuple[Scorecard, Score] | None]:
    """By card id, the card that applies to an account and how its score comes about, from the last projection."""
    table = account_now_table(workspace)
    row = conn.execute(sa.select(table).where(table.c.account_id == account_id)).mappings().one_or_none()
    if row is None:
        return dict.fromkeys(workspace.cards())
    env = RowEnv(row=row, now=now, zone=zone_or(row["account.zone"], workspace.zone))
    alive = freshness.alive(conn, workspace, now)
    result: dict[str, tuple[Scorecard, Score] | None] = {}
    for id_, variants in workspace.cards().items():
        card = card_for(variants, env)
        if card is None:
            result[id_] = None
            continue
        stale = [*freshness.stale_components(card.components, workspace, alive)]
        stale += _aged_out(conn, workspace, card, account_id, now)
        result[id_] = (card, score(card, env, stale))
    return result


@dataclass(frozen=True, kw_only=True)
class RowEnv:
    """One row of account_now as expressions see it (`engine.expressions.Env`)."""

    row: Mapping[Any, Any]
    now: datetime
    zone: str

    @property
    def today(self) -> date:
        return local_date(self.now, self.zone)

    def field(self, name: str) -> Any:
        return self.row.get(column_name(name))

    def local_date(self, at: datetime) -> date:
        return local_date(at, self.zone)

    def highest(self, name: str, window: Duration) -> float | None:
        return self._extreme("highest", name, window)

    def lowest(self, name: str, window: Duration) -> float | None:
        return self._extreme("lowest", name, window)

    def trend(self, name: str, window: Duration) -> float | None:
        return self._extreme("trend", name, window)

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        raise LookupError(f"a row of account_now has no rows of {source}; aggregates are computed by the projection")

    def aggregate(self, node: Aggregate, work_out: Evaluator) -> Any:  # noqa: ARG002 - the protocol's name
        return self.rows(node.source)

    def _extreme(self, way: str, name: str, window: Duration) -> float | None:
        value: float | None = self.row.get(column_name(f"{way}({name}, {window})"))
        return value


def _aged_out(conn: sa.Connection, workspace: Workspace, card: Scorecard, account_id: int, now: datetime) -> list[str]:
    return [
        component.id
        for component in card.components
        if component.stale_after is not None
        and any(
            _told_at(conn, account_id, name, now) <= now - freshness.window_of(component.stale_after)
            for name in freshness.told_fields(component, workspace)
        )
    ]


def _told_at(conn: sa.Connection, account_id: int, field: str, now: datetime) -> datetime:
    latest = sa.select(sa.func.max(account_value.c.at)).where(
        account_value.c.account_id == account_id, account_value.c.field == field, account_value.c.at <= now
    )
    found: datetime | None = conn.execute(latest).scalar()
    return now if found is None else found


def _fenced(step: sa.Subquery, name: str, columns: Sequence[sa.Label[Any]], *, fence: bool = True) -> sa.Subquery:
    """Behind a fence nothing is worked out twice; what is as good as a column, or quick, needs none. Each fence costs
    time, and so does each column that passes it."""
    if not columns:
        return step
    query = sa.select(step, *columns)
    return (query.offset(0) if fence else query).subquery(name)


def _are_bare(card: CardColumns) -> bool:
    """Whether a card's inputs are columns already."""
    return all(
        variant.applies_to is None
        and all(isinstance(component.input.expression.tree, FieldValue) for component in variant.components)
        for variant in card.variants
    )


def _inputs(
    card: CardColumns, step: sa.FromClause, workspace: Workspace, alive: Mapping[freshness.Promise, bool]
) -> list[sa.Label[Any]]:
    seen = Prepared(source=step, zone=workspace.zone)
    applies = [
        (sa.true() if variant.applies_to is None else to_sql(variant.applies_to.expression, seen), v)
        for v, variant in enumerate(card.variants)
    ]
    columns: list[sa.Label[Any]] = []
    if len(applies) > 1 or card.variants[0].applies_to is not None:
        columns.append(sa.case(*applies, else_=sa.null()).cast(sa.Integer).label(card.pick))
    for v, variant in enumerate(card.variants):
        silent = freshness.stale_components(variant.components, workspace, alive)
        for c, component in enumerate(variant.components):
            if card.input(v, c) not in step.c:
                columns.append(to_sql(component.input.expression, seen).label(card.input(v, c)))
            if component.id in silent or component.stale_after is not None:
                columns.append(_is_stale(component, workspace, step, silent).label(card.stale(v, c)))
    return columns


def _is_stale(component: Component, workspace: Workspace, step: sa.FromClause, silent: Sequence[str]) -> Sql:
    if component.id in silent:
        return sa.true()
    assert component.stale_after is not None
    last = NOW - freshness.window_of(component.stale_after)
    ages = [step.c[age_column(name)] <= last for name in freshness.told_fields(component, workspace)]
    return sa.func.coalesce(sa.or_(sa.false(), *ages), sa.false(), type_=sa.Boolean)


def _points(card: CardColumns, step: sa.FromClause) -> list[sa.Label[Any]]:
    columns = []
    for v, variant in enumerate(card.variants):
        for c, component in enumerate(variant.components):
            is_stale = card.is_stale(v, c, step)
            worth = _worth(component, step.c[card.input(v, c)])
            known = sa.case((is_stale, sa.null()), else_=worth)
            columns.append(known.label(card.known(v, c)))
            if isinstance(component.missing, float):
                columns.append(sa.func.coalesce(known, _number(component.missing)).label(card.points(v, c)))
    return columns


def _worth(component: Component, value: Sql) -> Sql:
    """engine.health.scorecards.points_of"""
    if component.input.type == "bool":
        return sa.case((value, _number(TOP)), (sa.not_(value), _number(0.0)))
    if component.steps:
        spans = [
            (
                sa.and_(
                    value >= _number(span.low),
                    value < _number(span.high) if span.below else value <= _number(span.high),
                ),
                _number(points),
            )
            for span, points in component.steps
        ]
        return sa.case(*spans)
    corners = component.scale
    lines = [
        (value <= _number(x1), _number(y0) + (value - _number(x0)) * _number(slope(x0, y0, x1, y1)))
        for (x0, y0), (x1, y1) in pairwise(corners)
    ]
    ends = ((value <= _number(corners[0][0]), _number(corners[0][1])), (value.is_not(None), _number(corners[-1][1])))
    return sa.case(ends[0], *lines, ends[1])


def _sums(card: CardColumns, step: sa.FromClause) -> list[sa.Label[Any]]:
    """Sums from left to right, as Python adds: doubles depend on the order."""
    columns = []
    for v, variant in enumerate(card.variants):
        weighted = counted = known = _number(0.0)
        for c, component in enumerate(variant.components):
            points, own, weight = _counted(card, v, c, step), step.c[card.known(v, c)], _number(component.weight)
            known += sa.case((own.is_not(None), weight), else_=_number(0.0))
            counted += sa.case((points.is_not(None), weight), else_=_number(0.0))
            weighted += sa.func.coalesce(points * weight, _number(0.0), type_=DOUBLE_PRECISION)
        sums = {"known": known, "counted": counted, "weighted": weighted}
        if not any(isinstance(component.missing, float) for component in variant.components):
            del sums["counted"]  # the same as what is known
        columns += [one.label(card.sum(v, name)) for name, one in sums.items()]
    return columns


def _totals(card: CardColumns, step: sa.FromClause) -> list[sa.Label[Any]]:
    columns = []
    for v, variant in enumerate(card.variants):
        known, weighted = step.c[card.sum(v, "known")], step.c[card.sum(v, "weighted")]
        counted = step.c.get(card.sum(v, "counted"), known)
        spoilt = [
            step.c[card.known(v, c)].is_(None)
            for c, component in enumerate(variant.components)
            if component.missing == "unknown"
        ]
        share = known / _number(_whole(variant))
        mean = weighted / sa.func.nullif(counted, _number(0.0), type_=DOUBLE_PRECISION)
        value = sa.func.floor(mean * _number(10.0) + _number(0.5)) / _number(10.0)
        unknown = sa.or_(sa.false(), *spoilt, share < _number(variant.minimum_known))
        columns.append(share.label(card.share(v)))
        columns.append(sa.case((unknown, sa.null()), else_=value).label(card.value(v)))
    return columns


def _whole(card: Scorecard) -> float:
    """As Python adds, too."""
    whole = 0.0
    for component in card.components:
        whole += component.weight
    return whole


def _results(card: CardColumns, step: sa.FromClause) -> list[sa.Label[Any]]:
    picked = [card.picked(v, step) for v in range(len(card.variants))]
    values = [(is_it, _in_force(card, v, step)) for v, is_it in enumerate(picked)]
    bands = [
        (is_it, _band(variant, _in_force(card, v, step)))
        for v, (is_it, variant) in enumerate(zip(picked, card.variants, strict=True))
    ]
    return [sa.case(*values).label(f"{card.id}.score"), sa.case(*bands).label(f"{card.id}.band")]


def _in_force(card: CardColumns, v: int, step: sa.FromClause) -> Sql:
    own = step.c[card.value(v)]
    if card.overriding not in step.c:
        return own
    return sa.func.coalesce(step.c[card.overriding], own, type_=DOUBLE_PRECISION)


def _band(card: Scorecard, value: Sql) -> Sql:
    return sa.case(
        *(
            (
                sa.and_(
                    value >= _number(band.range.low),
                    value < _number(band.range.high) if band.range.below else value <= _number(band.range.high),
                ),
                sa.literal(band.name, sa.Text),
            )
            for band in card.bands
        )
    )


def _number(value: float) -> Sql:
    return sa.literal(value, DOUBLE_PRECISION())
