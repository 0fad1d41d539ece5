"""What became of the revenue of a period's first day: kept, grown, lost, and how many customers with it."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from store.queries.business.book import Book, number
from store.queries.business.definition import Definition
from store.queries.business.intervals import Share
from store.queries.business.past_values import values_at

_COHORT = (
    "The cohort: accounts whose ARR was above 0 at the start of the period and that had not churned by then. ARR at an"
    " instant is account.arr as the workspace defines it, worked out for that instant from what is known today; of an"
    " account whose lifecycle is churned at an instant it is 0."
)
NRR = Definition(
    id="nrr",
    title="Net revenue retention",
    says="ARR today of the accounts of the cohort, as a share of their ARR at the start of the period: growth counts,"
    f" new customers do not. {_COHORT}",
)
GRR = Definition(
    id="grr",
    title="Gross revenue retention",
    says="The same without growth: of every account of the cohort the smaller of its ARR then and today, as a share of"
    f" its ARR then. It never exceeds 100 %. {_COHORT}",
)
LOGO_CHURN = Definition(
    id="logo_churn",
    title="Logo churn",
    says="The share of the accounts of the cohort whose ARR is 0 today: customers that left, whatever they paid. One"
    f" that left and came back within the period has not left. {_COHORT}",
)
PARTS = ("lost", "shrunk", "kept", "grown")
"""What may have become of an account of the cohort."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    cohort: int
    arr_then: float
    arr_now: float
    arr_kept: float
    """Of each account the smaller of then and now."""
    parts: Mapping[str, int]
    """Accounts by what became of them."""

    @property
    def nrr(self) -> float | None:
        return self.arr_now / self.arr_then if self.arr_then else None

    @property
    def grr(self) -> float | None:
        return self.arr_kept / self.arr_then if self.arr_then else None

    @property
    def churn(self) -> Share:
        return Share(n=self.parts["lost"], of=self.cohort)


def retention(book: Book) -> Retention:
    """NotKept where the past of the ARR cannot be told."""
    cohort = _cohort(book)
    became = _became(cohort)
    query = sa.select(
        sa.func.count().label("cohort"),
        sa.func.sum(cohort.c.arr_then).label("arr_then"),
        sa.func.sum(cohort.c.arr_now).label("arr_now"),
        sa.func.sum(sa.func.least(cohort.c.arr_then, cohort.c.arr_now)).label("arr_kept"),
        *(sa.func.count().filter(became == part).label(part) for part in PARTS),
    )
    row = book.conn.execute(query).one()
    return Retention(
        cohort=row.cohort,
        arr_then=number(row.arr_then),
        arr_now=number(row.arr_now),
        arr_kept=number(row.arr_kept),
        parts={part: getattr(row, part) for part in PARTS},
    )


def cohort_accounts(book: Book, part: str) -> sa.Select[tuple[int, float, float]]:
    """account_id, arr_then, arr_now; `part`: what became of them, or `all`."""
    cohort = _cohort(book)
    query = sa.select(cohort.c.account_id, cohort.c.arr_then, cohort.c.arr_now)
    return query if part == "all" else query.where(_became(cohort) == part)


def _cohort(book: Book) -> sa.CTE:
    then = values_at(book, ("account.arr", "account.lifecycle"), book.since, "values_then")
    rows = book.rows
    arr_then = _arr(then.c["account.arr"], then.c["account.lifecycle"])
    arr_now = _arr(rows.c.arr, rows.c.lifecycle)
    return (
        sa.select(then.c.account_id, arr_then.label("arr_then"), arr_now.label("arr_now"))
        .join_from(then, rows, rows.c.account_id == then.c.account_id)
        .where(arr_then > 0)
        .cte("cohort")
        .prefix_with("materialized")
    )


def _arr(arr: sa.ColumnElement[float], lifecycle: sa.ColumnElement[str]) -> sa.ColumnElement[float]:
    paying = sa.func.coalesce(lifecycle, "") != "churned"
    return sa.case((paying, sa.func.greatest(sa.func.coalesce(arr, 0.0), 0.0)), else_=sa.literal(0.0, DOUBLE_PRECISION))


def _became(cohort: sa.CTE) -> sa.ColumnElement[str]:
    then, now = cohort.c.arr_then, cohort.c.arr_now
    return sa.case((now == 0, "lost"), (now < then, "shrunk"), (now > then, "grown"), else_="kept")
