"""Keeps how every book stood when a day ended: accounts, ARR and scores by CSM, lifecycle and band, for reports.

The first sweep of a day writes, before it decides anything: what the books then come to (`store.current.books`) is what
the last sweep before midnight left. Days on which nobody swept ended as that sweep left them, too.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.calendars import local_date
from store.current.freshness import window_of
from store.current.sight import Sight
from store.schema import score_day


def record(conn: sa.Connection, sight: Sight, since: datetime) -> None:
    """Of the days that ended between the last sweep and the sight's instant; most of the time there is none."""
    zone = sight.workspace.zone
    today = local_date(sight.now, zone)
    kept_from = today - window_of(sight.workspace.retention.score_days)
    first = max(local_date(since, zone), kept_from)
    days = [first + timedelta(days=n) for n in range((today - first).days)]
    if not days:
        return
    conn.execute(_KEEP, {"days": days, "cards": list(sight.workspace.cards())})
    conn.execute(sa.delete(score_day).where(score_day.c.day < kept_from))


_KEEP = sa.text("""
    insert into score_day (day, card, csm, lifecycle, band, accounts, arr, scored, score_sum)
    select day, card, csm, lifecycle, band, accounts, arr, scored, score_sum
    from unnest(cast(:days as date[])) as day join score_book on card = any(cast(:cards as text[])) and accounts > 0
    where not exists (select from score_day as kept where kept.card = score_book.card and kept.day = day.day)
    order by card, day, csm, lifecycle, band
""")
