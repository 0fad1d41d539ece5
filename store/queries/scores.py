"""Scores as lines over time: where an account stands with its main card, and how it came there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from store.schema import score, workspace

SHOWN = timedelta(days=90)
MOVEMENT = timedelta(days=30)
_MOMENTS = 24
"""Of a line; thirty days are a whole number of steps."""


@dataclass(frozen=True, kw_only=True)
class ScorePoint:
    """A score in force from this instant on; None: unknown."""

    at: datetime
    value: float | None
    band: str | None


@dataclass(frozen=True, kw_only=True)
class ScoreLine:
    """The latest scores of one account, oldest first; the first may be from before the time that is shown."""

    card: str
    points: tuple[ScorePoint, ...]
    since: datetime
    until: datetime

    @property
    def value(self) -> float | None:
        return self.points[-1].value

    @property
    def band(self) -> str | None:
        return self.points[-1].band

    @property
    def moved(self) -> float | None:
        """By how much it is above what it was thirty days ago; None where either is unknown."""
        then = [point for point in self.points if point.at <= self.until - MOVEMENT]
        if not then or then[-1].value is None or self.value is None:
            return None
        return round(self.value - then[-1].value, 1)


def main_card(conn: sa.Connection) -> str | None:
    """The card people mean by health: the one of that name, or the first."""
    cards = conn.execute(sa.select(workspace.c.document["scorecards"])).scalar() or []
    ids = [card["id"] for card in cards]
    return "health" if "health" in ids else ids[0] if ids else None


def score_lines(
    conn: sa.Connection, account_ids: Sequence[int], card: str, now: datetime, span: timedelta = SHOWN
) -> dict[int, ScoreLine]:
    """By account, as it stood at some instants up to now; those it has no scores of are left out."""
    since = now - span
    given = {"ids": list(dict.fromkeys(account_ids)), "card": card, "since": since, "until": now}
    rows = conn.execute(_LINES, given | {"step": span / _MOMENTS})
    points: dict[int, list[ScorePoint]] = {}
    for row in rows:
        points.setdefault(row.account_id, []).append(ScorePoint(at=row.at, value=row.value, band=row.band))
    return {
        account_id: ScoreLine(card=card, points=tuple(found), since=since, until=now)
        for account_id, found in points.items()
    }


def score_line(conn: sa.Connection, account_id: int, card: str, now: datetime, span: timedelta) -> ScoreLine | None:
    """All of one account's within the span, and the one in force when it began."""
    since = now - span
    before = sa.select(sa.func.max(score.c.at)).where(*_of(account_id, card), score.c.at <= since).scalar_subquery()
    rows = conn.execute(
        sa.select(score.c.at, score.c.value, score.c.band)
        .where(*_of(account_id, card), score.c.at >= sa.func.coalesce(before, since), score.c.at <= now)
        .order_by(score.c.at, score.c.id)
    ).all()
    points = tuple(ScorePoint(at=row.at, value=row.value, band=row.band) for row in rows)
    return ScoreLine(card=card, points=points, since=since, until=now) if points else None


def _of(account_id: int, card: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (score.c.account_id == account_id, score.c.card == card)


# Looked up at so many instants, so that a score that moves daily costs no more than one that rests.
_LINES = sa.text("""
    select wanted.id as account_id, moment.at, of.value, of.band
    from unnest(:ids) as wanted(id)
    cross join generate_series(cast(:since as timestamptz), :until, cast(:step as interval)) as moment(at)
    cross join lateral (
        select value, band from score
        where account_id = wanted.id and card = :card and at <= moment.at order by at desc, id desc limit 1
    ) as of
    order by wanted.id, moment.at
""").bindparams(sa.bindparam("ids", type_=ARRAY(sa.BigInteger)))
