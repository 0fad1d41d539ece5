"""Rows of the accounts in work, always found by index: however many the planner thinks there are."""

from typing import Any

import sqlalchemy as sa

from store.schema import work


def is_in_work(account_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """As an array, of which the planner expects little; of a table that was just filled it expects anything, and may
    scan a million rows for the sake of one."""
    taken = sa.select(work.c.account_id).scalar_subquery()
    return account_id == sa.any_(sa.func.array(taken, type_=sa.ARRAY(sa.BigInteger)))
