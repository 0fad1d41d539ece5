"""The sweep: takes what changed or came due, projects it, lets every playbook propose, rules, and tells runs.

Three kinds of transaction under one lock; killed at any statement, the next sweep goes on where this one stopped, for
the same instant. Decisions are a function of facts and sweep instants.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from store import clock, watches
from store.ageing import due_accounts
from store.arbitration import Ruled, rekey, rule
from store.consent import cancel_barred
from store.deployed import Deployed, NothingDeployed, conditions_in_force, extremes_of, load_playbooks, load_workspace
from store.moment_triggers import any_reached
from store.projection import project
from store.proposals import propose
from store.schema import change, crossing, event, settling, trigger_hold, watch, work, work_event, work_playbook
from store.schema import sweep as sweeps
from store.sight import Sight
from store.sweep_lock import sweeping

_ANALYZE_FROM = 50
"""Accounts in work from which the planner must be told, or it scans everything."""


_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """What a sweep came to."""

    at: datetime | None
    """The instant it decided for; None while nothing is deployed."""
    accounts: int = 0
    """Looked at."""
    crossings: int = 0
    """New ones."""
    started: int = 0
    held_out: int = 0
    held: int = 0
    lapsed: int = 0
    dropped: int = 0
    not_started: int = 0
    told: int = 0
    """Facts put into outboxes of open runs."""
    playbooks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Rulings by playbook and state."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Playbooks that could not propose, and why; they look at the same accounts again in the next sweep."""


def sweep(engine: sa.Engine, *, wait: bool = False) -> SweepReport | None:
    """Decide for the present instant. None when another sweep is under way, unless told to wait for it."""
    with engine.connect() as conn, sweeping(conn, wait=wait) as mine:
        if not mine:
            return None
        while True:
            with conn.begin():
                taken = _take(conn)
            if taken is None or taken.id is None:
                return SweepReport(at=taken.at if taken else None)
            report = _decide(conn, taken)
            if not taken.resumed:
                return report


def dry_run(engine: sa.Engine) -> list[Ruled]:
    """What a sweep would rule now; nothing is kept."""
    with engine.connect() as conn, sweeping(conn, wait=True), conn.begin() as transaction:
        taken = _take(conn)
        if taken is None or taken.id is None:
            return []
        _propose(conn, taken, taken.proposing)
        ruled, _ = _arbitrate(conn, taken, {})
        transaction.rollback()
        return ruled


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """What this sweep decides about, and for when."""

    id: int | None
    """None: there is nothing to do."""
    since: datetime | None
    """The instant of the sweep before."""
    behind: Mapping[str, datetime | None] = field(default_factory=dict)
    """The same for playbooks that could not propose then."""
    sight: Sight
    playbooks: Sequence[Deployed]
    """All; deploying, pausing and switching off wait until the sweep has finished."""
    with_events: bool = True
    """Whether some event was taken or has settled."""
    resumed: bool = False
    """An earlier sweep took this, and was killed before it had decided."""

    @property
    def at(self) -> datetime:
        return self.sight.now

    @property
    def proposing(self) -> Sequence[Deployed]:
        return [one for one in self.playbooks if one.state != "off"]

    def since_for(self, deployed: Deployed) -> datetime | None:
        return self.behind.get(deployed.playbook, self.since)


def _decide(conn: sa.Connection, taken: _Taken) -> SweepReport:
    failed = _propose_each(conn, taken) if _failure(conn, taken, taken.proposing) else {}
    with conn.begin():
        cancel_barred(conn, taken.at)
    with conn.begin():
        return _arbitrate(conn, taken, failed)[1]


def _propose_each(conn: sa.Connection, taken: _Taken) -> Mapping[str, str]:
    """One after the other: whatever is wrong with one playbook, the others go on. What is wrong, by playbook."""
    found = ((one.playbook, _failure(conn, taken, [one])) for one in taken.proposing)
    return {name: failure for name, failure in found if failure}


def _failure(conn: sa.Connection, taken: _Taken, playbooks: Sequence[Deployed]) -> str | None:
    try:
        with conn.begin():
            _propose(conn, taken, playbooks)
    except Exception as error:
        if conn.invalidated:
            raise
        return f"{type(error).__name__}: {error}"
    return None


# --- take ------------------------------------------------------------------------------------------------------------


def _take(conn: sa.Connection) -> _Taken | None:
    try:
        workspace = load_workspace(conn)
    except NothingDeployed:
        return None
    playbooks = load_playbooks(conn, states=("active", "paused", "off"))
    last = conn.execute(sa.select(sweeps).order_by(sweeps.c.id.desc()).limit(2)).all()
    finished = next((row for row in last if row.finished), None)
    since = finished.at if finished else None
    unfinished = last[0] if last and not last[0].finished else None
    now = unfinished.at if unfinished else max(clock.now(conn), since or _EARLIEST)
    taken = _Taken(
        id=unfinished.id if unfinished else None,
        since=since,
        behind={name: datetime.fromisoformat(at) if at else None for name, at in _behind(finished).items()},
        sight=Sight(conn, workspace, now),
        playbooks=playbooks,
        resumed=unfinished is not None,
    )
    if taken.resumed:
        return taken
    conditions = conditions_in_force(conn, taken.proposing)
    conn.execute(_TAKE_CHANGES)
    _take_due(conn, since, now)
    ageing = due_accounts(conn, workspace, since, now, [condition.expression for condition in conditions])
    _into_work(conn, ageing)
    accounts = conn.execute(_COUNT_WORK).scalar_one()
    if not accounts and not any(any_reached(conn, taken.sight, one, taken.since_for(one)) for one in taken.proposing):
        _note_instant(conn, finished.id if finished else None, now)
        return taken
    if accounts > _ANALYZE_FROM:
        conn.execute(sa.text("analyze work"))
    project(conn, workspace, now, extremes_of(conditions))
    with_events = bool(conn.execute(_WITH_EVENTS, {"now": now}).scalar())
    id_ = conn.execute(sa.insert(sweeps).values(at=now).returning(sweeps.c.id)).scalar_one()
    return replace(taken, id=id_, with_events=with_events)


def _behind(finished: sa.Row[tuple[object, ...]] | None) -> Mapping[str, str | None]:
    behind: Mapping[str, str | None] = finished.counts.get("behind", {}) if finished else {}
    return behind


def _take_due(conn: sa.Connection, since: datetime | None, now: datetime) -> None:
    """Accounts for which a dwell or a cool-down ends, or an event has settled; events dated ahead that have come."""
    _into_work(
        conn,
        sa.union(
            sa.select(trigger_hold.c.account_id).where(
                trigger_hold.c.due_at <= now, trigger_hold.c.suspended_at.is_(None)
            ),
            sa.select(watch.c.account_id).where(
                watch.c.due_at <= now, watch.c.suspended_at.is_(None), watch.c.met_at.is_(None)
            ),
            sa.select(crossing.c.account_id).where(crossing.c.state == "held", crossing.c.retry_at <= now),
            sa.select(settling.c.account_id).where(settling.c.due_at <= now),
        ),
    )
    if since is not None:
        come = sa.select(event.c.id).where(event.c.at > since, event.c.at <= now)
        conn.execute(_insert(work_event, ["event_id"], come))


def _into_work(conn: sa.Connection, accounts: sa.SelectBase) -> None:
    conn.execute(_insert(work, ["account_id"], accounts))


def _note_instant(conn: sa.Connection, sweep_id: int | None, now: datetime) -> None:
    if sweep_id is None:
        conn.execute(sa.insert(sweeps).values(at=now, finished=True))
    else:
        conn.execute(sa.update(sweeps).where(sweeps.c.id == sweep_id).values(at=now))


_WITH_EVENTS = sa.text("select exists (select from work_event) or exists (select from settling where due_at <= :now)")
_COUNT_WORK = sa.select(sa.func.count()).select_from(work)
_TAKE_CHANGES = sa.text("""
    with taken as (
        delete from change returning account_id, event_id
    ), happened as (
        insert into work_event select distinct event_id from taken where event_id is not null on conflict do nothing
    )
    insert into work select distinct account_id from taken on conflict do nothing
""")


_GIVE_BACK_EVENTS = sa.text("""
    insert into change (account_id, event_id)
    select event.account_id, event.id from work_event join event on event.id = work_event.event_id order by event.id
""")


def _insert(into: sa.Table, columns: list[str], query: sa.SelectBase) -> sa.Insert:
    return insert(into).from_select(columns, query).on_conflict_do_nothing()


# --- propose ---------------------------------------------------------------------------------------------------------


def _propose(conn: sa.Connection, taken: _Taken, playbooks: Sequence[Deployed]) -> None:
    """Of those that have not proposed yet in this sweep."""
    assert taken.id is not None
    names = [one.playbook for one in playbooks]
    mine = set(conn.execute(_MARK, {"names": names}).scalars())
    since = {one: taken.since_for(one) for one in playbooks if one.playbook in mine}
    if since:
        propose(conn, taken.sight, since, sweep_id=taken.id, with_events=taken.with_events)


_MARK = sa.text("""
    insert into work_playbook (playbook) select unnest(cast(:names as text[]))
    on conflict do nothing returning playbook
""")


# --- arbitrate -------------------------------------------------------------------------------------------------------


def _arbitrate(conn: sa.Connection, taken: _Taken, failed: Mapping[str, str]) -> tuple[list[Ruled], SweepReport]:
    sight = taken.sight
    rekey(conn, sight, taken.playbooks)
    in_work = crossing.c.account_id.in_(sa.select(work.c.account_id))
    due = sa.or_(crossing.c.state == "proposed", in_work, crossing.c.retry_at <= taken.at)
    ruled = rule(conn, sight, taken.playbooks, due, taken.at)
    told = watches.evaluate(conn, sight, taken.at, with_events=taken.with_events)
    report = _report(conn, taken, ruled, told, failed)
    _finish(conn, taken, report)
    return ruled, report


def _report(
    conn: sa.Connection, taken: _Taken, ruled: Sequence[Ruled], told: int, failed: Mapping[str, str]
) -> SweepReport:
    states = Counter(one.ruling.state for one in ruled)
    playbooks: dict[str, Counter[str]] = {}
    for one in ruled:
        playbooks.setdefault(one.playbook, Counter())[one.ruling.state] += 1
    return SweepReport(
        at=taken.at,
        accounts=conn.execute(_COUNT_WORK).scalar_one(),
        crossings=sum(not one.was_held for one in ruled),
        started=states["started"],
        held_out=states["held_out"],
        held=states["held"],
        lapsed=states["lapsed"],
        dropped=states["dropped"],
        not_started=states["not_started"],
        told=told,
        playbooks={name: dict(counts) for name, counts in sorted(playbooks.items())},
        failed=failed,
    )


def _finish(conn: sa.Connection, taken: _Taken, report: SweepReport) -> None:
    if report.failed:
        # Nothing is lost on those who could not propose: they look at the same accounts and moments again.
        conn.execute(sa.insert(change).from_select(["account_id"], sa.select(work.c.account_id)))
        conn.execute(_GIVE_BACK_EVENTS)
    for table in (work, work_event, work_playbook):
        conn.execute(sa.delete(table))
    behind = {one.playbook: taken.since_for(one) for one in taken.playbooks if one.playbook in report.failed}
    counts = {
        "accounts": report.accounts,
        "crossings": report.crossings,
        "told": report.told,
        "playbooks": report.playbooks,
        "failed": report.failed,
        "behind": {name: at.isoformat() if at else None for name, at in behind.items()},
    }
    conn.execute(sa.update(sweeps).where(sweeps.c.id == taken.id).values(finished=True, counts=counts))
