"""Where a score comes from, and what would move it into the next band."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.health.scorecards import STEP, TOP, Component, Scorecard, card_for
from engine.workspace import Workspace
from store.current.contributions import contributions_of
from store.current.overrides import Override, overrides_of
from store.explain.looking import Looking
from store.postgres.statements import Given, Row, kept
from store.schema import score
from store.schema.base import AT, ID, TEXT


@dataclass(frozen=True, kw_only=True)
class ContributionExplained:
    """What one component brought in."""

    id: str
    input: str
    """The expression it values; empty when the card has changed since."""
    value: float | bool | None
    points: float | None
    """None: it counts for nothing."""
    weight: float
    state: str
    """known | missing | stale"""
    told_at: datetime | None
    """When the newest told value it reads was true; None for what is computed from events and records."""


@dataclass(frozen=True, kw_only=True)
class Lever:
    """One component that could do it alone."""

    id: str
    points: float
    to_points: float
    to_value: float | bool | None
    """The nearest value worth that many points; None where no value is."""


def levers_to(line: float, explained: "ScoreExplained", card: Scorecard) -> tuple[Lever, ...]:
    """What each component alone would have to become for the score to reach a line; none for an unknown score, or
    one that is a person's word."""
    if explained.value is None or explained.override is not None:
        return ()
    parts = [{"id": p.id, "value": p.value, "points": p.points, "weight": p.weight} for p in explained.contributions]
    return _levers(line - explained.value, parts, {component.id: component for component in card.components})


@dataclass(frozen=True, kw_only=True)
class Move:
    """A neighbouring band."""

    band: str
    direction: Literal["up", "down"]
    line: float
    """Up: reach it. Down: fall below it."""
    distance: float
    """From the score to the nearest one of that band: above 0 on the way up, below 0 on the way down."""
    levers: tuple[Lever, ...]


@dataclass(frozen=True, kw_only=True)
class ScoreExplained:
    card: str
    value: float | None
    band: str | None
    at: datetime
    """The sweep that last saw value or band change."""
    known_weight: float
    """The share of the weight that is known, 0 to 1."""
    contributions: tuple[ContributionExplained, ...]
    moves: tuple[Move, ...]
    """None while it is overridden."""
    override: Override | None = None
    """A person's word in its place; the value follows with the next sweep."""


def explain_scores(
    conn: sa.Connection, workspace: Workspace, looking: Looking, told: Mapping[str, datetime]
) -> tuple[ScoreExplained, ...]:
    """The latest score of each card, in the workspace's order. `told`: by field, when its told value was true."""
    explained = []
    overridden = overrides_of(conn, looking.account_id, looking.now)
    for card_id, variants in workspace.cards().items():
        given = {"account": looking.account_id, "card": card_id, "at": looking.now}
        row = kept(("explain", "score"), _latest).read_one(conn, given)
        if row is not None:
            explained.append(_explained(row, card_for(variants, looking), told, overridden.get(card_id)))
    return tuple(explained)


def _latest() -> sa.Select[Any]:
    of = score.c
    mine = (of.account_id == Given("account", ID), of.card == Given("card", TEXT), of.at <= Given("at", AT))
    return (
        sa.select(score, contributions_of().label("contributions"))
        .where(*mine)
        .order_by(of.at.desc(), of.id.desc())
        .limit(1)
    )


def _explained(
    row: Row, card: Scorecard | None, told: Mapping[str, datetime], override: Override | None
) -> ScoreExplained:
    components = {component.id: component for component in card.components} if card else {}
    newest = {
        id_: max((told[name] for name in one.input.reads if name in told), default=None)
        for id_, one in components.items()
    }
    return ScoreExplained(
        card=row.card,
        value=row.value,
        band=row.band,
        at=row.at,
        known_weight=row.known_weight,
        contributions=tuple(
            ContributionExplained(
                id=part["id"],
                input=components[part["id"]].input.text if part["id"] in components else "",
                value=_number(part["value"]),
                points=part["points"],
                weight=part["weight"],
                state=part["state"],
                told_at=newest.get(part["id"]),
            )
            for part in row.contributions or ()
        ),
        moves=_moves(row.value, row.contributions or [], card, components)
        if card and row.value is not None and override is None
        else (),
        override=override,
    )


def _number(value: Any) -> float | bool | None:
    """JSON writes 10.0 as 10, which is neither a float nor a bool to whoever describes it as one of those."""
    return value if value is None or isinstance(value, bool) else float(value)


def _moves(
    value: float, parts: list[dict[str, Any]], card: Scorecard, components: Mapping[str, Component]
) -> tuple[Move, ...]:
    here = card.band_of(value)
    bands = sorted(card.bands, key=lambda band: band.range.low)
    place = next((i for i, band in enumerate(bands) if band.name == here), None)
    if place is None:
        return ()
    moves = []
    if place + 1 < len(bands):
        line = bands[place + 1].range.low
        levers = _levers(line - value, parts, components)
        up = Move(band=bands[place + 1].name, direction="up", line=line, distance=round(line - value, 1), levers=levers)
        moves.append(up)
    if place > 0:
        # A score at the line is still this side of it.
        line = bands[place].range.low
        gap = line - STEP - value
        levers = _levers(gap, parts, components)
        distance = round(gap, 1)
        moves.append(Move(band=bands[place - 1].name, direction="down", line=line, distance=distance, levers=levers))
    return tuple(moves)


def _levers(gap: float, parts: list[dict[str, Any]], components: Mapping[str, Component]) -> tuple[Lever, ...]:
    """What each component alone would have to be worth to close the gap, the others staying as they are."""
    counted = sum(part["weight"] for part in parts if part["points"] is not None)
    levers = []
    for part in parts:
        if part["points"] is None or part["id"] not in components:
            continue
        needed = part["points"] + gap * counted / part["weight"]
        if 0.0 <= needed <= TOP:
            to_value = _value_worth(components[part["id"]], needed, part)
            lever = Lever(id=part["id"], points=part["points"], to_points=round(needed, 1), to_value=to_value)
            levers.append(lever)
    return tuple(levers)


def _value_worth(component: Component, points: float, part: Mapping[str, Any]) -> float | bool | None:
    """The nearest value to the present one that is worth these points; ranges and a yes may be worth more."""
    upwards: bool = points >= part["points"]
    if component.input.type == "bool":
        return upwards
    here = float(part["value"] or 0.0)
    if component.steps:
        far = [span for span, worth in component.steps if (worth >= points if upwards else worth <= points)]
        ends = [end for span in far for end in (span.low, span.high)]
        return min(ends, key=lambda end: abs(end - here), default=None)
    found: list[float] = [
        x0 + (points - y0) / (y1 - y0) * (x1 - x0)
        for (x0, y0), (x1, y1) in zip(component.scale, component.scale[1:], strict=False)
        if y0 != y1 and min(y0, y1) <= points <= max(y0, y1)
    ]
    nearest = min(found, key=lambda x: abs(x - here), default=None)
    return None if nearest is None else round(nearest, 4)
