"""The book of business as measures see it: whose accounts, at which instant, over how many days back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from engine.calendars import local_date
from engine.workspace import Workspace
from store.current.sight import Sight

NOT_CUSTOMERS = ("prospect", "trial_ended", "churned")
"""Lifecycles that are outside the book. An account of unknown lifecycle is in it."""
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Book:
    """What to look at. Nothing is read before a measure asks."""

    conn: sa.Connection
    workspace: Workspace
    now: datetime
    sees: Callable[[sa.ColumnElement[int]], sa.ColumnElement[bool]] = lambda _account_id: sa.true()
    """Of a column that holds account ids: those to look at."""
    days: int = 365
    """How far back retention and goals look."""

    @property
    def since(self) -> datetime:
        return self.now - timedelta(days=self.days)

    @property
    def today(self) -> date:
        return local_date(self.now, self.workspace.zone)

    @cached_property
    def sight(self) -> Sight:
        return Sight(self.conn, self.workspace, self.now)

    @property
    def card(self) -> str | None:
        """The score that stands for health: the card of that name, or the first one."""
        cards = self.workspace.cards()
        return "health" if "health" in cards else next(iter(cards), None)

    @property
    def bands(self) -> Sequence[str]:
        """Of the card, worst first."""
        return self.bands_of(self.card or "")

    def bands_of(self, card: str) -> Sequence[str]:
        variants = self.workspace.cards().get(card, ())
        bands = sorted((band for one in variants for band in one.bands), key=lambda band: band.range.low)
        return tuple(dict.fromkeys(band.name for band in bands))

    @cached_property
    def rows(self) -> sa.Subquery:
        """Every account looked at, customer or not, with the current facts that measures read."""
        see, card = self.sight.field, self.card
        columns = {
            "name": sa.cast(see("account.name"), sa.Text),
            "csm": sa.cast(see("account.csm"), sa.Text),
            "lifecycle": sa.cast(see("account.lifecycle"), sa.Text),
            "arr": sa.cast(see("account.arr"), DOUBLE_PRECISION),
            "renewal_date": sa.cast(see("account.renewal_date"), sa.Date),
            "score": sa.cast(see(f"{card}.score") if card else sa.null(), DOUBLE_PRECISION),
            "band": sa.func.coalesce(sa.cast(see(f"{card}.band") if card else sa.null(), sa.Text), UNKNOWN),
        }
        query = sa.select(
            self.sight.account_id.label("account_id"), *(column.label(name) for name, column in columns.items())
        )
        return query.where(self.sees(self.sight.account_id)).subquery("book")

    @property
    def is_customer(self) -> sa.ColumnElement[bool]:
        """Of a row: whether the account is in the book."""
        return sa.func.coalesce(self.rows.c.lifecycle, "").not_in(NOT_CUSTOMERS)


def number(value: float | None) -> float:
    return value or 0.0
