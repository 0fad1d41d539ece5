"""Scores as lines over time: where an account stands with its main card, and how it came there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.workspace import Workspace
from store.postgres.statements import Given, Row, Statement, kept
from store.schema import score
from store.schema.base import AT, ID, TEXT

SHOWN = timedelta(days=90)
MOVEMENT = timedelta(days=30)
_MOMENTS = 24
"""Of a line; thirty days are a whole number of steps."""
_LOOKED_THROUGH = 100
"""Scores of one account in a span that are read rather than looked up."""


class ScorePoint(NamedTuple):
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
        then, now = self.until - MOVEMENT, self.value
        before = next((point.value for point in reversed(self.points) if point.at <= then), None)
        return None if before is None or now is None else round(now - before, 1)


def main_card(workspace: Workspace | None) -> str | None:
    """The card people mean by health: the one of that name, or the first."""
    ids = [card.id for card in workspace.scorecards] if workspace else []
    return "health" if "health" in ids else ids[0] if ids else None


def score_lines(
    conn: sa.Connection, account_ids: Sequence[int], card: str, now: datetime, span: timedelta = SHOWN
) -> dict[int, ScoreLine]:
    """By account, as it stood at some instants up to now; those it has no scores of are left out."""
    since = now - span
    given = {"ids": list(dict.fromkeys(account_ids)), "card": card, "since": since, "until": now}
    rows = _LINES.read(conn, given | {"step": span / _MOMENTS, "looked_through": _LOOKED_THROUGH})
    instants = [since + span / _MOMENTS * n for n in range(_MOMENTS)] + [now]
    return {
        row.account_id: ScoreLine(card=card, points=_in_force(row, instants), since=since, until=now) for row in rows
    }


def _in_force(row: Row, instants: Sequence[datetime]) -> tuple[ScorePoint, ...]:
    """The score at each of the instants, from the first on at which there was one."""
    moments, values, bands = row.moments, row.values, row.bands
    points, place = [], -1
    for instant in instants:
        while place + 1 < len(moments) and moments[place + 1] <= instant:
            place += 1
        if place >= 0:
            points.append(ScorePoint(instant, values[place], bands[place]))
    return tuple(points)


def score_line(conn: sa.Connection, account_id: int, card: str, now: datetime, span: timedelta) -> ScoreLine | None:
    """All of one account's within the span, and the one in force when it began."""
    since = now - span
    given = {"account": account_id, "card": card, "since": since, "until": now}
    points = tuple(ScorePoint(row.at, row.value, row.band) for row in kept(("score line",), _line).read(conn, given))
    return ScoreLine(card=card, points=points, since=since, until=now) if points else None


def _line() -> sa.Select[Any]:
    of, since = score.c, Given("since", AT)
    mine = (of.account_id == Given("account", ID), of.card == Given("card", TEXT))
    before = sa.select(sa.func.max(of.at)).where(*mine, of.at <= since).scalar_subquery()
    within = (of.at >= sa.func.coalesce(before, since), of.at <= Given("until", AT))
    return sa.select(of.at, of.value, of.band).where(*mine, *within).order_by(of.at, of.id)


# Of an account whose score rests, all scores of the span are read in one go; of one that moves more often than they are
# shown, the scores in force at so many instants are looked up, so that a trembling one costs no more than that.
_LINES = Statement("""
    with latest as materialized (
        select wanted.id, of.at, of.value, of.band
        from unnest(%(ids)s::bigint[]) as wanted(id)
        cross join lateral (
            select at, value, band from score
            where account_id = wanted.id and card = %(card)s and at > %(since)s and at <= %(until)s
            order by at desc, id desc limit %(looked_through)s
        ) as of
    ),
    trembling as (select id from latest group by id having count(*) = %(looked_through)s),
    shown as (
        select id, at, value, band from (
            select id, at, value, band, row_number() over (
                partition by id, ceil(extract(epoch from at - %(since)s)
                    / extract(epoch from %(step)s))
                order by at desc
            ) as place
            from latest where id not in (select id from trembling)
        ) as of_each_step where place = 1
        union all
        select wanted.id, of.at, of.value, of.band
        from unnest(%(ids)s::bigint[]) as wanted(id)
        cross join lateral (
            select at, value, band from score
            where account_id = wanted.id and card = %(card)s and at <= %(since)s order by at desc, id desc limit 1
        ) as of
        union all
        select trembling.id, of.at, of.value, of.band
        from trembling
        cross join generate_series(%(since)s + %(step)s, %(until)s, %(step)s) as moment(at)
        cross join lateral (
            select at, value, band from score
            where account_id = trembling.id and card = %(card)s and at <= moment.at order by at desc, id desc limit 1
        ) as of
    )
    select id as account_id, array_agg(at order by at) as moments, array_agg(value order by at) as values,
        array_agg(band order by at) as bands
    from shown group by id
""")
