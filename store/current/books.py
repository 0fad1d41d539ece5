"""What every book comes to now, by card, CSM, lifecycle and band: projections add and take away as rows change.

So the end of a day is written down without a look at the accounts (`store.current.score_days`). Sums are decimal: what
is taken away is exactly what was once added.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from store.current.columns import column_name
from store.current.sight import Sight
from store.schema import score_book

Sql = sa.ColumnElement[Any]
BOOK_FIELDS = ("account.csm", "account.lifecycle", "account.arr")
"""The fields that say in whose book an account is, and with how much."""
_SUMS = ("accounts", "arr", "scored", "score_sum")


def rebooked(card: str, changed: sa.CTE, before: Callable[[str], Sql]) -> sa.CTE:
    """Part of a statement that writes changed rows of account_now: takes each from the book where it was, and adds it
    to the one where it is. `before` finds what a row was."""
    names = [column_name(name) for name in (*BOOK_FIELDS, f"{card}.score", f"{card}.band")]
    was, now = [before(name) for name in names], [changed.c[name] for name in names]
    moved = sa.or_(*(after.is_distinct_from(earlier) for after, earlier in zip(now, was, strict=True)))
    sides = sa.union_all(
        *(sa.select(*_booked(columns, sign)).where(moved) for columns, sign in ((was, -1), (now, 1)))
    ).subquery(f"sides_of_{card}")
    sums = [sa.func.sum(sides.c[name]).label(name) for name in _SUMS]
    by = [sides.c[name] for name in ("csm", "lifecycle", "band")]
    net = (
        sa.select(sa.literal(card, sa.Text), *by, *sums)
        .group_by(*by)
        .having(sa.or_(*(one != 0 for one in sums)))
        .order_by(*by)
    )
    written: sa.CTE = _added(net).cte(f"rebooked_by_{card}")
    return written


def count_anew(conn: sa.Connection, sight: Sight) -> None:
    """Of all accounts as they are; needed where rows changed otherwise than by a projection."""
    conn.execute(sa.delete(score_book))
    for card in sight.workspace.cards():
        names = (*BOOK_FIELDS, f"{card}.score", f"{card}.band")
        rows = sa.select(*_booked([sight.field(name) for name in names], 1)).select_from(sight.source).subquery()
        by = [rows.c[name] for name in ("csm", "lifecycle", "band")]
        sums = [sa.func.sum(rows.c[name]) for name in _SUMS]
        conn.execute(_added(sa.select(sa.literal(card, sa.Text), *by, *sums).group_by(*by)))


def _booked(columns: Sequence[Sql], sign: int) -> list[sa.Label[Any]]:
    """One row of account_now as it counts in its book."""
    csm, lifecycle, arr, score, band = columns
    number = sa.literal_column(str(sign), sa.Integer)
    return [
        *(sa.cast(one, sa.Text).label(name) for name, one in (("csm", csm), ("lifecycle", lifecycle), ("band", band))),
        number.label("accounts"),
        (sa.func.coalesce(_decimal(arr), 0) * number).label("arr"),
        sa.case((score.is_(None), 0), else_=number).label("scored"),
        (sa.func.coalesce(_decimal(score), 0) * number).label("score_sum"),
    ]


def _decimal(value: Sql) -> Sql:
    return sa.cast(value, sa.Numeric)


def _added(rows: sa.Select[Any]) -> Any:
    upsert = insert(score_book).from_select(["card", "csm", "lifecycle", "band", *_SUMS], rows)
    return upsert.on_conflict_do_update(
        index_elements=["card", "csm", "lifecycle", "band"],
        set_={name: score_book.c[name] + upsert.excluded[name] for name in _SUMS},
    )


ADD_NEW = """
    insert into score_book (card, accounts, arr, scored, score_sum)
    select card, n, 0, 0, 0 from (select count(*) as n from {made}) as made, unnest(cast(:cards as text[])) as card
    where n > 0
    on conflict (card, csm, lifecycle, band) do update set accounts = score_book.accounts + excluded.accounts
"""
"""For a statement that makes rows of account_now, of which nothing is known yet; `made`: those rows."""
