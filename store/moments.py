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


def idle(conn: sa.Connection, now: datetime) -> bool:
    """Whether right after a sweep nothing is left to do at this instant: in one look, since most often it is so."""
    due_run = sa.exists().where(run.c.state == "open", run.c.due_at <= now)
    due_mail = sa.exists().where(mail.c.state.in_(("prepared", "handing_over")), mail.c.due_at <= now)
    restless_run = sa.exists().where(run.c.state == "open", _UNDER_WAY)
    return not conn.execute(sa.select(sa.or_(due_run, due_mail, restless_run, _STIRRED))).scalar()


def restless(conn: sa.Connection) -> list[int]:
    """Open runs that are under way, or have not yet heard all they were told."""
    return list(conn.execute(sa.select(run.c.id).where(run.c.state == "open", _UNDER_WAY).order_by(run.c.id)).scalars())


def zones_in_use(conn: sa.Connection, workspace_zone: str) -> list[str]:
    """The accounts' time zones, and the workspace's."""
    found = conn.execute(sa.text('select distinct "account.zone" from account_now')).scalars()
    return sorted({workspace_zone, *(zone for zone in found if zone)})


def stirred(conn: sa.Connection) -> bool:
    """Whether something happened that no sweep has looked at, or a run has not been told."""
    return bool(conn.execute(sa.select(_STIRRED)).scalar())


_UNDER_WAY = sa.or_(run.c.standing.not_in(("resting", "stuck")), run.c.heard < run.c.outbox_n)
_STIRRED = sa.or_(sa.exists().where(change.c.id > 0), sa.exists().where(outbox.c.delivered_at.is_(None)))
