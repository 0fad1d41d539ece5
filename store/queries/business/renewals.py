"""What comes up for renewal, by how soon, and how much of it stands badly."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from store.queries.business.book import Book, number
from store.queries.business.definition import Definition

WINDOWS = (30, 60, 90)
RENEWALS = Definition(
    id="renewals",
    title="Renewals ahead",
    says="Accounts of the book by account.renewal_date: within 30 days from today (today included, by the workspace's"
    " clock), in 31 to 60 days, in 61 to 90 days; with their ARR, and the part of it that is in the lowest band of the"
    " health score.",
)


@dataclass(frozen=True, kw_only=True)
class Renewing:
    """Those that renew within so many days, and in no window before."""

    within: int
    accounts: int
    arr: float
    at_risk: int
    arr_at_risk: float


def renewals(book: Book) -> Sequence[Renewing]:
    rows, risky = book.rows, book.rows.c.band == next(iter(book.bands), "")
    window = _window(book).label("window")
    query = (
        sa.select(
            window,
            sa.func.count().label("accounts"),
            sa.func.sum(rows.c.arr).label("arr"),
            sa.func.count().filter(risky).label("at_risk"),
            sa.func.sum(rows.c.arr).filter(risky).label("arr_at_risk"),
        )
        .where(book.is_customer, window.is_not(None))
        .group_by(window)
    )
    found = {row.window: row for row in book.conn.execute(query)}
    return [_renewing(within, found.get(within)) for within in WINDOWS]


def renewing(book: Book, within: int) -> sa.Select[tuple[int]]:
    """The accounts of a window."""
    return sa.select(book.rows.c.account_id).where(book.is_customer, _window(book) == within)


def _window(book: Book) -> sa.ColumnElement[int]:
    date, today = book.rows.c.renewal_date, book.today
    ends = [(date <= today + timedelta(days=within), sa.literal(within)) for within in WINDOWS]
    return sa.case((date < today, sa.null()), *ends)


def _renewing(within: int, row: sa.Row[tuple[int, int, float, int, float]] | None) -> Renewing:
    if row is None:
        return Renewing(within=within, accounts=0, arr=0.0, at_risk=0, arr_at_risk=0.0)
    return Renewing(
        within=within,
        accounts=row.accounts,
        arr=number(row.arr),
        at_risk=row.at_risk,
        arr_at_risk=number(row.arr_at_risk),
    )
