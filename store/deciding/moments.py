"""When something is next due under a virtual clock, and which runs have not come to rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.workspace import Workspace
from store.current.columns import NOW
from store.current.sight import Sight
from store.deciding.moment_triggers import next_by_clock
from store.deployed import load_playbooks, load_workspace
from store.postgres.statements import Statement, kept
from store.schema import (
    account_value,
    arriving,
    change,
    crossing,
    errand,
    event,
    mail,
    outbox,
    record,
    run,
    settling,
    trigger_hold,
    watch,
)


def next_moment(conn: sa.Connection, now: datetime) -> datetime | None:
    """The earliest instant after `now` at which a fact arrives, one that was dated ahead begins to count or to end, or
    something waited for comes due."""
    workspace = load_workspace(conn)
    events = tuple(workspace.catalogue().events)
    due = kept(("moments", events), lambda: _moments(events)).read(conn, {"now": now})
    moments = [*(row.at for row in due), *_by_clock(conn, workspace, now)]
    return min((moment for moment in moments if moment is not None), default=None)


def _moments(events: Sequence[str]) -> sa.CompoundSelect[tuple[datetime | None]]:
    """The first ahead of every kind."""
    due = [
        sa.select(sa.func.min(account_value.c.at).label("at")).where(account_value.c.at > NOW),
        sa.select(sa.func.min(record.c.starts_at)).where(record.c.starts_at > NOW, _IN_FORCE),
        sa.select(sa.func.min(record.c.ends_at)).where(record.c.ends_at > NOW, _IN_FORCE),
        # One look for each type, as the index has them.
        *(sa.select(sa.func.min(event.c.at)).where(event.c.type == name, event.c.at > NOW) for name in events),
        sa.select(sa.func.min(arriving.c.known_at)).where(arriving.c.known_at > NOW),
        sa.select(sa.func.min(run.c.due_at)).where(run.c.state == "open", run.c.due_at > NOW),
        sa.select(sa.func.min(settling.c.due_at)).where(settling.c.due_at > NOW),
        sa.select(sa.func.min(trigger_hold.c.due_at)).where(trigger_hold.c.due_at > NOW),
        sa.select(sa.func.min(watch.c.due_at)).where(watch.c.met_at.is_(None), watch.c.due_at > NOW),
        sa.select(sa.func.min(crossing.c.retry_at)).where(crossing.c.state == "held", crossing.c.retry_at > NOW),
        sa.select(sa.func.min(mail.c.due_at)).where(
            sa.or_(mail.c.state == "prepared", mail.c.again), mail.c.due_at > NOW
        ),
        sa.select(sa.func.min(errand.c.due_at)).where(errand.c.state == "prepared", errand.c.due_at > NOW),
    ]
    return sa.union_all(*due)


def _by_clock(conn: sa.Connection, workspace: Workspace, now: datetime) -> Iterator[datetime | None]:
    """When schedules come by the clock; those that count days come at midnights, where the driver stops anyway."""
    playbooks = load_playbooks(conn)
    if any(trigger.kind == "schedule" and trigger.cron for one in playbooks for trigger in one.compiled.triggers):
        sight = Sight(conn, workspace, now)
        for one in playbooks:
            yield next_by_clock(sight, one)


@dataclass(frozen=True, kw_only=True)
class Left:
    """What is left to do at an instant."""

    waits: bool
    """Runs that wait for this instant, or for one before it."""
    mails: bool
    errands: bool
    facts: bool
    """Something happened that no sweep has looked at."""
    outbox: bool
    """A run has not been told of something."""
    restless: bool
    """A run is under way, or has not heard all that it was told: more than `restless`, which is worth waiting for."""

    def __bool__(self) -> bool:
        return self != _NOTHING

    @property
    def stirred(self) -> bool:
        """Whether something happened that sweeps or runs do not know yet."""
        return self.facts or self.outbox


_NOTHING = Left(waits=False, mails=False, errands=False, facts=False, outbox=False, restless=False)


def left(conn: sa.Connection, now: datetime) -> Left:
    """In one look, since most often there is nothing."""
    [found] = kept(("left",), _left).read_mappings(conn, {"now": now})
    return Left(**found)


def _left() -> sa.Select[*tuple[bool, ...]]:
    return sa.select(
        sa.exists().where(run.c.state == "open", run.c.due_at <= NOW).label("waits"),
        sa.exists().where(_ON_ITS_WAY, mail.c.due_at <= NOW).label("mails"),
        sa.exists().where(errand.c.state.in_(("prepared", "handing_over")), errand.c.due_at <= NOW).label("errands"),
        sa.exists().where(change.c.id > 0).label("facts"),
        sa.exists().where(outbox.c.delivered_at.is_(None)).label("outbox"),
        sa.exists().where(run.c.state == "open", _UNDER_WAY).label("restless"),
    )


def restless(conn: sa.Connection) -> list[int]:
    """Open runs that are under way, or have not yet heard all that was brought to them."""
    return [row.id for row in kept(("restless",), _restless).read(conn, {})]


def _restless() -> sa.Select[tuple[int]]:
    # What one run's act told another meanwhile is brought in the next round: nobody is to wait for it now.
    first_left = sa.select(sa.func.min(outbox.c.n)).where(outbox.c.run_id == run.c.id, outbox.c.delivered_at.is_(None))
    brought = sa.func.coalesce(first_left.scalar_subquery() - 1, run.c.outbox_n)
    at_work = sa.or_(
        run.c.standing.not_in(("resting", "stuck", "starting")),
        sa.and_(run.c.standing == "starting", brought > 0),
        run.c.heard < brought,
    )
    return sa.select(run.c.id).where(run.c.state == "open", _UNDER_WAY, at_work).order_by(run.c.id)


def zones_in_use(conn: sa.Connection, workspace_zone: str) -> list[str]:
    """The accounts' time zones, and the workspace's."""
    found = _ZONES_TOLD.read_column(conn, {})
    return sorted({workspace_zone, *(zone for zone in found if zone)})


_ZONES_TOLD = Statement('select distinct "account.zone" from account_now')
_IN_FORCE = record.c.superseded_at.is_(None)
_UNDER_WAY = sa.or_(run.c.standing.not_in(("resting", "stuck")), run.c.heard < run.c.outbox_n)

_ON_ITS_WAY = sa.or_(mail.c.state.in_(("prepared", "handing_over")), mail.c.again)
