"""How a book stood at the end of each day: customers, ARR and mean score by band, from what sweeps have kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from store.queries.business.book import NOT_CUSTOMERS, UNKNOWN
from store.schema import score_day


@dataclass(frozen=True, kw_only=True)
class BookDay:
    """`mean`: of the known scores; None where there is none."""

    day: date
    accounts: int
    arr: float
    mean: float | None
    bands: Mapping[str, int]
    arr_by_band: Mapping[str, float]


def book_days(conn: sa.Connection, card: str, first: date, csm: str | None = None) -> list[BookDay]:
    """From `first` on, oldest first; of one CSM's book, or of all. Days that no sweep followed are not there yet."""
    of = score_day.c
    band = sa.func.coalesce(of.band, UNKNOWN)
    query = (
        sa.select(
            of.day,
            band.label("band"),
            sa.func.sum(of.accounts).label("accounts"),
            sa.func.sum(of.arr).label("arr"),
            sa.func.sum(of.scored).label("scored"),
            sa.func.sum(of.score_sum).label("score_sum"),
        )
        .where(of.card == card, of.day >= first, sa.func.coalesce(of.lifecycle, "").not_in(NOT_CUSTOMERS))
        .where(sa.true() if csm is None else of.csm == csm)
        .group_by(of.day, band)
        .order_by(of.day, band)
    )
    by_day: dict[date, list[Any]] = {}
    for row in conn.execute(query):
        by_day.setdefault(row.day, []).append(row)
    return [_day(day, rows) for day, rows in by_day.items()]


def _day(day: date, rows: Sequence[Any]) -> BookDay:
    scored = sum(row.scored for row in rows)
    return BookDay(
        day=day,
        accounts=sum(row.accounts for row in rows),
        arr=sum(row.arr for row in rows),
        mean=sum(row.score_sum for row in rows) / scored if scored else None,
        bands={row.band: row.accounts for row in rows},
        arr_by_band={row.band: row.arr for row in rows},
    )
