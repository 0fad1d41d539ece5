"""Keeps how every book stood when a day ended: accounts, ARR and scores by CSM, lifecycle and band, for reports.

The first sweep of a day writes, before it decides anything: what then stands in account_now is what the last sweep
before midnight left. Days on which nobody swept ended as that sweep left them, too.
"""

from datetime import date, datetime, timedelta
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
        columns = ["day", "card", "csm", "lifecycle", "band", "accounts", "arr", "scored", "score_sum"]
        conn.execute(sa.insert(score_day).from_select(columns, _books(sight, card, days)))
    conn.execute(sa.delete(score_day).where(score_day.c.day < kept_from))


def _books(sight: Sight, card: str, days: list[date]) -> sa.Select[Any]:
    value = sa.cast(sight.field(f"{card}.score"), DOUBLE_PRECISION)
    by = [sa.cast(sight.field(name), sa.Text) for name in ("account.csm", "account.lifecycle", f"{card}.band")]
    books = (
        sa.select(
            *(column.label(name) for column, name in zip(by, ("csm", "lifecycle", "band"), strict=True)),
            sa.func.count().label("accounts"),
            _sum(sa.cast(sight.field("account.arr"), DOUBLE_PRECISION)).label("arr"),
            sa.func.count(value).label("scored"),
            _sum(value).label("score_sum"),
        )
        .select_from(sight.source)
        .group_by("csm", "lifecycle", "band")
        .subquery("books")
    )
    ended = sa.func.unnest(sa.cast(days, sa.ARRAY(sa.Date))).table_valued("day").render_derived()
    is_kept = sa.exists().where(score_day.c.day == ended.c.day, score_day.c.card == card)
    return sa.select(ended.c.day, sa.literal(card), *books.c).select_from(ended.join(books, ~is_kept))


def _sum(column: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.func.coalesce(sa.func.sum(column), 0.0)
