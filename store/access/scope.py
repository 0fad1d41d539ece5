"""Which accounts somebody may see, as a value that every query can filter by.

A CSM sees the own book (accounts whose staff fields name the person), the books of people who are away and covered by
the person, those of the people the person leads, and accounts of open tasks that any of them was given.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from engine.workspace import Workspace
from store.current.columns import staff_columns
from store.postgres.statements import Given, kept
from store.present import present
from store.schema import account, account_now, task
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
        statement = kept(("sees", self.fields), lambda: _alone(self))
        return any(row.seen for row in statement.read(conn, {"account": account_id, "people": list(self.people)}))

    def seen_account(self, conn: sa.Connection, key: str) -> int | None:
        """The account of this key, if it is to be seen."""

        def make() -> sa.Select[Any]:
            return sa.select(account.c.id).where(account.c.key == Given("key", TEXT), self.reaches(account.c.id))

        which = ("seen", self.everything, self.fields)
        found = kept(which, make).read_one(conn, {"key": key, "people": list(self.people)})
        return None if found is None else int(found.id)

    def among(self, account_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """As `sees`, of a kept statement, which is given `people`: the book is read, and not each account asked."""
        return account_id.in_(sa.union_all(*self._parts(Given("people", ARRAY(TEXT)))))

    def reaches(self, account_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        """The same as a condition of a kept statement, which is given `people`."""
        if self.everything:
            return sa.true()
        theirs = Given("people", ARRAY(TEXT))
        return sa.or_(*(part.correlate_except(account_now, task).exists() for part in self._parts(theirs, account_id)))

    def _accounts(self) -> sa.CompoundSelect[Any]:
        return sa.union_all(*self._parts(sa.literal(list(self.people), ARRAY(TEXT))))

    def _parts(
        self, people: sa.ColumnElement[Any], account_id: sa.ColumnElement[int] | None = None
    ) -> list[sa.Select[Any]]:
        """Each way to see accounts, or one of them."""
        theirs = sa.any_(people)
        owned = [sa.select(account_now.c.account_id).where(sa.column(field, TEXT) == theirs) for field in self.fields]
        open_ = sa.select(task.c.account_id).where(task.c.state == sa.literal_column("'open'"))
        given = [open_.where(task.c.assignee == theirs), open_.where(task.c.escalated_to == theirs)]
        if account_id is None:
            return [*owned, *given]
        return [
            *(part.where(account_now.c.account_id == account_id) for part in owned),
            *(part.where(task.c.account_id == account_id) for part in given),
        ]


def _alone(scope: Scope) -> sa.Select[Any]:
    return sa.select(scope.reaches(Given("account", sa.BigInteger())).label("seen"))


EVERYTHING = Scope(everything=True)


def book_of(conn: sa.Connection, key: str, now: datetime) -> Scope:
    """What a CSM sees at this instant of the book's clock."""
    people = tuple(conn.execute(_PEOPLE, {"key": key, "now": now}).scalars())
    return Scope(people=people, fields=staff_fields(present(conn).workspace))


def staff_fields(workspace: Workspace | None) -> tuple[str, ...]:
    """The columns that say whose an account is; none before the first deploy."""
    return staff_columns(workspace.roles.staff) if workspace else ()


# Parts of a statement, for a person's key and the instant of the book's clock as it calls them.
COVERED = """
    select distinct person from absence
    where covered_by = {key} and since <= {now} and until > {now} order by person
"""
REACH = """
    with recursive reach(key) as (
        select key from (
            select {key} as key
            union select person from absence where covered_by = {key} and since <= {now} and until > {now}
        ) as begun(key)
        union
        select person.key from person join reach on person.manager = reach.key
    )
    select key from reach order by key <> {key}, key
"""
_PEOPLE = sa.text(REACH.format(key="cast(:key as text)", now="cast(:now as timestamptz)"))
