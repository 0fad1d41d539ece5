"""Which accounts somebody may see, as a value that every query can filter by.

A CSM sees the own book (accounts whose staff fields name the person), the books of people who are away and covered by
the person, those of the people the person leads, and accounts of open tasks that any of them was given.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from store.columns import staff_columns
from store.schema import account_now, task, workspace
from store.schema.base import TEXT


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The accounts one may see: all, or those of some people's books."""

    everything: bool = False
    people: tuple[str, ...] = ()
    """person.key: whose books, the own one first."""
    fields: tuple[str, ...] = ()
    """The columns of account_now that say whose an account is."""

    def sees(self, account_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """A condition on a column that holds account ids."""
        return sa.true() if self.everything else account_id.in_(self._accounts())

    def sees_account(self, conn: sa.Connection, account_id: int) -> bool:
        """The same, asked for one account: nothing of the rest of the book is read."""
        if self.everything:
            return True
        return bool(conn.execute(sa.select(sa.or_(*(part.exists() for part in self._parts(account_id))))).scalar())

    def _accounts(self) -> sa.CompoundSelect[Any]:
        return sa.union_all(*self._parts())

    def _parts(self, account_id: int | None = None) -> list[sa.Select[Any]]:
        """Each way to see accounts, or one of them."""
        theirs = sa.any_(sa.literal(list(self.people), ARRAY(TEXT)))
        owned = [sa.select(account_now.c.account_id).where(sa.column(field, TEXT) == theirs) for field in self.fields]
        open_ = sa.select(task.c.account_id).where(task.c.state == sa.literal_column("'open'"))
        given = [open_.where(task.c.assignee == theirs), open_.where(task.c.escalated_to == theirs)]
        if account_id is None:
            return [*owned, *given]
        return [
            *(part.where(account_now.c.account_id == account_id) for part in owned),
            *(part.where(task.c.account_id == account_id) for part in given),
        ]


EVERYTHING = Scope(everything=True)


def book_of(conn: sa.Connection, key: str, now: datetime) -> Scope:
    """What a CSM sees at this instant of the book's clock."""
    people = tuple(conn.execute(_PEOPLE, {"key": key, "now": now}).scalars())
    return Scope(people=people, fields=_staff_fields(conn))


def _staff_fields(conn: sa.Connection) -> tuple[str, ...]:
    staff = conn.execute(sa.select(workspace.c.document["roles"]["staff"])).scalar() or {}
    return staff_columns(staff)


_PEOPLE = sa.text("""
    with recursive reach(key) as (
        select key from (
            select cast(:key as text)
            union select person from absence where covered_by = :key and since <= :now and until > :now
        ) as begun(key)
        union
        select person.key from person join reach on person.manager = reach.key
    )
    select key from reach order by key <> :key, key
""")
