"""What of an account was told or came due: bits of `change.touched` and `work.touched`, null for anything there is.

What was worked out of the rest stands, and is neither read nor worked out again. Who tells too much costs time; who
tells too little leaves a value behind what is known.
"""

from collections.abc import Iterable
from enum import IntFlag
from typing import Any

import sqlalchemy as sa

from store.schema import account_value, contact, event, record, value_history

Sql = sa.ColumnElement[Any]


class Touched(IntFlag):
    """Rows of which table; nothing: the account is looked at for another reason, such as a new day."""

    NOTHING = 0
    VALUES = 1
    RECORDS = 2
    EVENTS = 4
    CONTACTS = 8
    PAST = 16
    """What `highest`, `lowest` and `trend` look back at."""


_OF_TABLE = {
    account_value: Touched.VALUES,
    record: Touched.RECORDS,
    event: Touched.EVENTS,
    contact: Touched.CONTACTS,
    value_history: Touched.PAST,
}


def touched_in(tables: Iterable[sa.FromClause]) -> Touched:
    """All the bits that rows of these tables touch."""
    found = Touched.NOTHING
    for table in tables:
        found |= _OF_TABLE.get(table, Touched.NOTHING)  # type: ignore[call-overload]  # tables are from-clauses
    return found


def bits(touched: Touched) -> Sql:
    """As a constant of SQL."""
    return sa.literal_column(f"{int(touched)}::smallint", sa.SmallInteger)


def touches(column: Sql, wanted: Touched) -> sa.ColumnElement[bool]:
    """Whether any of these was touched, or nobody says what was."""
    return column.op("&", return_type=sa.SmallInteger())(bits(wanted)).is_distinct_from(bits(Touched.NOTHING))
