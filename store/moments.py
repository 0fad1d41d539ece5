"""When something is next due under a virtual clock, and which runs have not come to rest."""

from datetime import datetime

import sqlalchemy as sa

from store.schema import arriving, change, crossing, mail, outbox, run, trigger_hold, watch


def next_moment(conn: sa.Connection, now: datetime) -> datetime | None:
    """The earliest instant after `now` at which a fact arrives or something waited for comes due."""
    due = [
        sa.select(sa.func.min(arriving.c.known_at)).where(arriving.c.known_at > now),
        sa.select(sa.func.min(run.c.due_at)).where(run.c.state == "open", run.c.due_at > now),
        sa.select(sa.func.min(trigger_hold.c.due_at)).where(trigger_hold.c.due_at > now),
        sa.select(sa.func.min(watch.c.due_at)).where(watch.c.met_at.is_(None), watch.c.due_at > now),
        sa.select(sa.func.min(crossing.c.retry_at)).where(crossing.c.state == "held", crossing.c.retry_at > now),
        sa.select(sa.func.min(mail.c.due_at)).where(mail.c.state == "prepared", mail.c.due_at > now),
    ]
    moments = conn.execute(sa.union_all(*due)).scalars()
    return min((moment for moment in moments if moment is not None), default=None)


def restless(conn: sa.Connection) -> list[int]:
    """Open runs that are under way, or have not yet heard all they were told."""
    under_way = sa.or_(run.c.standing.not_in(("resting", "stuck")), run.c.heard < run.c.outbox_n)
    return list(conn.execute(sa.select(run.c.id).where(run.c.state == "open", under_way).order_by(run.c.id)).scalars())


def zones_in_use(conn: sa.Connection, workspace_zone: str) -> list[str]:
    """The accounts' time zones, and the workspace's."""
    found = conn.execute(sa.text('select distinct "account.zone" from account_now')).scalars()
    return sorted({workspace_zone, *(zone for zone in found if zone)})


def stirred(conn: sa.Connection) -> bool:
    """Whether something happened that no sweep has looked at, or a run has not been told."""
    untold = sa.exists().where(outbox.c.delivered_at.is_(None))
    return bool(conn.execute(sa.select(sa.or_(sa.exists().where(change.c.id > 0), untold))).scalar())
