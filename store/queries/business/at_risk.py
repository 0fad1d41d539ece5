"""How much of the revenue stands in the worst band."""

from dataclasses import dataclass

import sqlalchemy as sa

from store.queries.business.book import Book, number
from store.queries.business.definition import Definition

AT_RISK = Definition(
    id="at_risk",
    title="ARR at risk",
    says="The sum of account.arr over the accounts of the book that are in the lowest band of the health score, and its"
    " share of the ARR of the whole book. An account whose ARR is unknown adds nothing and is counted beside; one whose"
    " score is unknown is not at risk, it is unknown.",
)


@dataclass(frozen=True, kw_only=True)
class AtRisk:
    band: str | None
    """The lowest band; None: there is no scorecard."""
    accounts: int
    arr: float
    whole: float
    """The ARR of the book."""
    customers: int
    without_arr: int
    """Customers whose ARR is unknown."""

    @property
    def share(self) -> float | None:
        return self.arr / self.whole if self.whole else None


def at_risk(book: Book) -> AtRisk:
    rows = book.rows
    band = next(iter(book.bands), None)
    risky = rows.c.band == (band or "")
    query = sa.select(
        sa.func.count().filter(risky).label("accounts"),
        sa.func.sum(rows.c.arr).filter(risky).label("arr"),
        sa.func.sum(rows.c.arr).label("whole"),
        sa.func.count().label("customers"),
        sa.func.count().filter(rows.c.arr.is_(None)).label("without_arr"),
    ).where(book.is_customer)
    row = book.conn.execute(query).one()
    return AtRisk(
        band=band,
        accounts=row.accounts,
        arr=number(row.arr),
        whole=number(row.whole),
        customers=row.customers,
        without_arr=row.without_arr,
    )
