"""What the components of a score brought in: numbers kept beside it, and once for every card what they are of.

A sweep writes them for everyone whose score moves, and hardly anybody ever asks: they are put together when read.
"""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, insert

from engine.health.scorecards import Scorecard
from engine.values import content_hash
from engine.workspace import Workspace
from store.schema import score, score_parts

STATES = {"known": "k", "missing": "m", "stale": "s"}
"""Letters of `score.states`."""


def ensure_parts(conn: sa.Connection, workspace: Workspace) -> None:
    """Keep what scores by these cards are made of; once known it stays, as old scores do."""
    rows = {parts_key(card): {"key": parts_key(card), "parts": _parts(card)} for card in workspace.scorecards}
    if rows:
        conn.execute(insert(score_parts).on_conflict_do_nothing(), list(rows.values()))


def parts_key(card: Scorecard) -> str:
    """`score_parts.key` of a card."""
    return content_hash(json.dumps(_parts(card)))[:16]


def contributions_of(of: Any = score) -> sa.ScalarSelect[Any]:
    """Of rows of `score`: [{id, value, points, weight, state}] in the card's order, null where no card applied."""
    part = sa.column("part", JSONB)
    parts = sa.func.jsonb_array_elements(score_parts.c.parts).table_valued(part, with_ordinality="n").render_derived()
    value = of.c.inputs[parts.c.n]
    is_bool = parts.c.part["type"].astext == "bool"
    letter = sa.func.substr(of.c.states, sa.cast(parts.c.n, sa.Integer), 1)
    state = sa.case({one: word for word, one in STATES.items()}, value=letter)
    told = sa.func.jsonb_build_object(
        *("id", parts.c.part["id"]),
        *("value", sa.case((is_bool, sa.func.to_jsonb(value != 0)), else_=sa.func.to_jsonb(value))),
        *("points", of.c.points[parts.c.n], "weight", parts.c.part["weight"], "state", state),
        type_=JSONB,
    )
    return (
        sa.select(sa.func.jsonb_agg(aggregate_order_by(told, parts.c.n), type_=JSONB))
        .select_from(score_parts.join(parts, sa.true()))
        .where(score_parts.c.key == of.c.made_by)
        .correlate(of)
        .scalar_subquery()
    )


def _parts(card: Scorecard) -> list[dict[str, Any]]:
    return [{"id": one.id, "weight": one.weight, "type": one.input.type} for one in card.components]
