"""Lets no more accounts into a playbook within a time than its author said; the others wait their turn."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.entry import Ruling
from engine.plan import Compiled, Rate
from store.deployed import Deployed
from store.postgres.statements import Row
from store.schema import crossing

_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def hold_back(
    conn: sa.Connection,
    by_name: Mapping[str, Deployed],
    pending: Sequence[Row],
    rulings: Mapping[int, Ruling],
    now: datetime,
) -> dict[int, Ruling]:
    """Other rulings for those beyond the rate, by id, in the order given. Starts by hand count, and are not held."""
    found: dict[int, Ruling] = {}
    for playbook in sorted({row.playbook for row in pending}):
        compiled = by_name[playbook].compiled
        asking = [row for row in pending if row.playbook == playbook and rulings[row.id].state == "started"]
        if compiled.entry.rate is not None and asking:
            room, free_at = _room(conn, playbook, compiled.entry.rate, now)
            by_hand = sum(row.sweep_id is None for row in asking)
            beyond = [row for row in asking if row.sweep_id is not None][max(0, room - by_hand) :]
            found |= {row.id: _later(compiled, free_at, rulings[row.id]) for row in beyond}
    return found


def _room(conn: sa.Connection, playbook: str, rate: Rate, now: datetime) -> tuple[int, datetime]:
    """How many may start now, and when the next may."""
    c, span = crossing.c, _SPANS[rate.per]
    query = sa.select(c.decided_at).where(c.playbook == playbook, c.state == "started", c.decided_at > now - span)
    # Of as many as may start, the earliest leaves the window first, and makes room for one.
    lately = conn.execute(query.order_by(c.decided_at.desc()).limit(rate.most)).scalars().all()
    return rate.most - len(lately), (lately[-1] if lately else now) + span


def _later(compiled: Compiled, free_at: datetime, ruling: Ruling) -> Ruling:
    entry = compiled.entry
    assert entry.rate is not None
    why = f"{entry.rate.most:,} start per {entry.rate.per} at most"
    if entry.held == "drop":
        return Ruling(state="dropped", why=why, entry_key=ruling.entry_key)
    return Ruling(state="held", why=why, entry_key=ruling.entry_key, retry_at=free_at)
