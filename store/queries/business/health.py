"""How healthy the book is, and how it moved: accounts by band now, and by band a month ago."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from store.queries.business.book import UNKNOWN, Book, number
from store.queries.business.definition import Definition
from store.schema import score

MOVED_WITHIN = timedelta(days=30)
NEW = "new"
"""What an account was that had no score then."""

HEALTH = Definition(
    id="health",
    title="Health",
    says="Accounts of the book and their ARR by the band of their health score, as the last sweep left it. The book is"
    " every account whose lifecycle is not prospect, trial_ended or churned; an account whose lifecycle is unknown is"
    " in it. An account whose score is unknown is counted as unknown.",
)
MOVEMENT = Definition(
    id="movement",
    title="Movement in 30 days",
    says="Accounts of the book by the band they were in 30 days ago and the band they are in now. The band then is the"
    " last one recorded up to that instant; an account without any recorded score by then was new. Up and down count"
    " moves between bands, not changes of the score inside one; unknown and new are neither.",
)


@dataclass(frozen=True, kw_only=True)
class InBand:
    accounts: int
    arr: float


@dataclass(frozen=True, kw_only=True)
class Movement:
    """`moves`: accounts by (band then, band now), where the two differ."""

    moves: Mapping[tuple[str, str], int]
    up: int
    down: int


def health(book: Book) -> Mapping[str, InBand]:
    """By band, worst first, unknown last; every band of the card is there."""
    rows = book.rows
    query = (
        sa.select(rows.c.band, sa.func.count(), sa.func.sum(rows.c.arr)).where(book.is_customer).group_by(rows.c.band)
    )
    found = {band: InBand(accounts=count, arr=number(arr)) for band, count, arr in book.conn.execute(query)}
    order = dict.fromkeys((*book.bands, *sorted(set(found) - {UNKNOWN}), UNKNOWN))
    return {band: found.get(band, InBand(accounts=0, arr=0.0)) for band in order}


def movement(book: Book) -> Movement:
    both = moved(book).subquery("moved")
    query = sa.select(both.c.before, both.c.band, sa.func.count()).group_by(both.c.before, both.c.band)
    moves = {(row[0], row[1]): row[2] for row in book.conn.execute(query.order_by(both.c.before, both.c.band))}
    rank = {band: place for place, band in enumerate(book.bands)}
    steps = [(rank[after] - rank[before], n) for (before, after), n in moves.items() if {before, after} <= set(rank)]
    return Movement(
        moves=moves,
        up=sum(n for step, n in steps if step > 0),
        down=sum(n for step, n in steps if step < 0),
    )


def moved(book: Book) -> sa.Select[tuple[int, str, str]]:
    """Customers whose band is another one than it was: account_id, before, band.

    A score is recorded when it changes, so only accounts with a record since then can have moved.
    """
    then, rows = book.now - MOVED_WITHIN, book.rows
    mine = sa.and_(score.c.card == (book.card or ""), score.c.account_id == rows.c.account_id)
    changed = (
        sa.select(score.c.account_id)
        .where(score.c.card == (book.card or ""), score.c.at > then, score.c.at <= book.now)
        .distinct()
        .subquery("changed")
    )
    last = (
        sa.select(sa.func.coalesce(score.c.band, UNKNOWN).label("band"))
        .where(mine, score.c.at <= then)
        .order_by(score.c.at.desc(), score.c.id.desc())
        .limit(1)
        .lateral("last")
    )
    before = sa.func.coalesce(last.c.band, NEW)
    return (
        sa.select(rows.c.account_id, before.label("before"), rows.c.band)
        .join_from(rows, changed, changed.c.account_id == rows.c.account_id)
        .outerjoin(last, sa.true())
        .where(book.is_customer, before != rows.c.band)
    )
