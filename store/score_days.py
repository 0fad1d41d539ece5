"""Keeps how every book stood when a day ended: accounts, ARR and scores by CSM, lifecycle and band, for reports.

The first sweep of a day writes, before it decides anything: what then stands in account_now is what the last sweep
before midnight left. Days on which nobody swept ended as that sweep left them, too.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from engine.calendars import local_date
from store.freshness import window_of
from store.schema import score_day
from store.sight import Sight


def record(conn: sa.Connection, sight: Sight, since: datetime) -> None:
    """Of the days that ended between the last sweep and the sight's instant; most of the time there is none."""
    zone = sight.workspace.zone
    today = local_date(sight.now, zone)
    kept_from = today - window_of(sight.workspace.retention.score_days)
    first = max(local_date(since, zone), kept_from)
    days = [first + timedelta(days=n) for n in range((today - first).days)]
    if not days:
        return
    for card in sight.workspace.cards():
        kept = sa.select(score_day.c.day).where(score_day.c.card == card, score_day.c.day.in_(days))
        lacking = sorted({*days} - {*conn.execute(kept).scalars()})
        # Read first and written then: over what only reads, PostgreSQL has several processors go.
        books = [dict(row) for row in conn.execute(_books(sight, card)).mappings()] if lacking else []
        if books:
            values = {"days": lacking, "card": card, "books": json.dumps(books, ensure_ascii=False)}
            conn.execute(_KEEP, values)
    conn.execute(sa.delete(score_day).where(score_day.c.day < kept_from))


_KEEP = sa.text("""
    insert into score_day (day, card, csm, lifecycle, band, accounts, arr, scored, score_sum)
    select day, :card, book.*
    from unnest(cast(:days as date[])) as day, json_to_recordset(cast(:books as json)) as book(
        csm text, lifecycle text, band text, accounts int, arr float8, scored int, score_sum float8)
""")


def _books(sight: Sight, card: str) -> sa.Select[Any]:
    value = sa.cast(sight.field(f"{card}.score"), DOUBLE_PRECISION)
    by = [sa.cast(sight.field(name), sa.Text) for name in ("account.csm", "account.lifecycle", f"{card}.band")]
    names = ("csm", "lifecycle", "band")
    counts: list[sa.Label[Any]] = [
        sa.func.count().label("accounts"),
        _sum(sa.cast(sight.field("account.arr"), DOUBLE_PRECISION)).label("arr"),
        sa.func.count(value).label("scored"),
        _sum(value).label("score_sum"),
    ]
    labelled: list[sa.Label[Any]] = [column.label(name) for column, name in zip(by, names, strict=True)]
    return sa.select(*labelled, *counts).select_from(sight.source).group_by(*names)


def _sum(column: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.func.coalesce(sa.func.sum(column), 0.0)
