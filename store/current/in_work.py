"""The accounts in work: whom a projection looks at, and their rows, always found by index."""

from typing import Any, Literal

import sqlalchemy as sa

from store.schema import work

Scope = Literal["some", "all", "anew"]
"""Whom a projection looks at: the accounts in `work`; or all, of which only those in `work` were told something; or
all, whatever they were before."""

TOUCHED = "work:touched"
"""The column of a step that says what of an account was told or came due."""


def is_in_work(account_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """As an array, of which the planner expects little; of a table that was just filled it expects anything, and may
    scan a million rows for the sake of one."""
    taken = sa.select(work.c.account_id).scalar_subquery()
    return account_id == sa.any_(sa.func.array(taken, type_=sa.ARRAY(sa.BigInteger)))
