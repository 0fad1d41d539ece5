"""The sweep: takes what changed or came due, projects it, lets every playbook propose, rules, and tells runs.

Three kinds of transaction under one lock; killed at any statement, the next sweep goes on where this one stopped, for
the same instant. Decisions are a function of facts and sweep instants.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from store import leaps
from store.consent import cancel_barred
from store.current import freshness, projection, rollups, score_days
from store.current.in_work import Scope
from store.current.projection import project_on
from store.current.sight import Sight
from store.current.touched import Touched, bits
from store.deciding.arbitration import Ruled, rekey, rule
from store.deciding.briefing import LastSweep, brief
from store.deciding.moment_triggers import any_reached
from store.deciding.proposals import propose
from store.deciding.sweep_lock import sweeping
from store.deciding.taking import Work, take_work
from store.deployed import Deployed, NothingDeployed, conditions_of, extremes_of
from store.postgres.statements import Statement
from store.running import watches
from store.schema import account, change, work
from store.schema import sweep as sweeps

_ANALYZE_FROM = 100
"""Accounts from which PostgreSQL is told what was loaded before all of them are looked at: it may not know yet."""
_TRUNCATE_FROM = 10_000
"""Accounts from which their rows in work are not deleted one by one."""

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


def sweep(engine: sa.Engine, *, wait: bool = False, after_outage: bool = False) -> SweepReport | None:
    """Decide for the present instant. None when another sweep is under way, unless told to wait for it.

    ClockLeapt where the clock cannot be right; `after_outage`: a person says that nothing ran for so long.
    """
    with engine.connect() as conn, sweeping(conn, wait=wait) as mine:
        if not mine:
            return None
        while True:
            with conn.begin():
                taken = _take(conn, after_outage=after_outage)
            if taken is None or taken.id is None:
                return SweepReport(at=taken.at if taken else None)
            report = _decide(conn, taken)
            if not taken.resumed:
                return report


def dry_run(engine: sa.Engine) -> list[Ruled]:
    """What a sweep would rule now; nothing is kept, and no number of a run or a breaker is used up."""
    with engine.connect() as conn, sweeping(conn, wait=True), conn.begin() as transaction:
        taken = _take(conn)
        if taken is None or taken.id is None:
            return []
        _propose(conn, taken, taken.proposing)
        rekey(conn, taken.sight, taken.playbooks)
        ruled = rule(conn, taken.sight, taken.playbooks, taken.at, trying=True)
        transaction.rollback()
    return ruled


def rehearse(engine: sa.Engine) -> None:
    """Build what the next sweep over some accounts will execute, by a sweep over none; nothing is taken or kept. Where
    another sweep is under way, that builds it."""
    with engine.connect() as conn, sweeping(conn, wait=False) as mine:
        if mine:
            _try_out(conn, nobody=True)


def _try_out(conn: sa.Connection, *, nobody: bool = False) -> None:
    """All that a sweep does, taken back."""
    with conn.begin() as transaction:
        taken = _take(conn, nobody=nobody)
        if taken is not None and taken.id is not None:
            _propose(conn, taken, taken.proposing)
            _arbitrate(conn, taken, {})
        transaction.rollback()


def prepare(engine: sa.Engine) -> None:
    """Build what the first sweeps will execute while there is time, for feeds that are alive; nothing is decided."""
    with engine.connect() as conn:
        briefing = brief(conn)
    conditions = conditions_of([one for one in briefing.playbooks if one.state != "off"], briefing.plans)
    alive = dict.fromkeys(freshness.promises(briefing.workspace), True)
    projection.prepare(briefing.workspace, extremes_of(conditions), alive)
    with engine.connect() as conn, sweeping(conn, wait=True):
        _try_out(conn)


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
    scope: Scope = "some"
    accounts: int = 0
    """That are looked at."""
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
        return _arbitrate(conn, taken, failed)


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


def _take(conn: sa.Connection, *, nobody: bool = False, after_outage: bool = False) -> _Taken | None:
    """`nobody`: leave alone what changed or came due, and go on as if that had been no account's."""
    try:
        briefing = brief(conn)
    except NothingDeployed:
        return None
    workspace, last = briefing.workspace, briefing.sweeps
    finished = next((one for one in last if one.finished), None)
    since = finished.at if finished else None
    unfinished = last[0] if last and not last[0].finished else None
    if not briefing.virtual:
        leaps.check_is_no_copy(briefing.copied, briefing.known_until)
    if not briefing.virtual and unfinished is None:
        leaps.check(briefing.now, last=since, database=briefing.database_at, after_outage=after_outage)
    now = unfinished.at if unfinished else max(briefing.now, since or _EARLIEST)
    everyone = unfinished is not None and unfinished.scope != "some"
    taken = _Taken(
        id=unfinished.id if unfinished else None,
        since=since,
        behind={name: datetime.fromisoformat(at) if at else None for name, at in _behind(finished).items()},
        sight=Sight(conn, workspace, now, everyone=everyone, ground=briefing.ground),
        scope=unfinished.scope if unfinished else "some",
        playbooks=briefing.playbooks,
        resumed=unfinished is not None,
    )
    if taken.resumed:
        return replace(taken, accounts=_count(conn, taken.scope))
    if since is not None:
        score_days.record(conn, taken.sight, since)
    conditions = conditions_of(taken.proposing, briefing.plans)
    alive = freshness.alive(conn, workspace, now)
    turned = freshness.turned(briefing.ground.feeds, alive)
    asked = [condition.expression for condition in conditions]
    if nobody:
        found: Work | None = Work(scope="some", touched=Touched.VALUES)
    else:
        found = take_work(conn, workspace, asked, since=since, now=now, turned=turned, zones=briefing.ground.zones)
    if found is None:
        if not any(any_reached(conn, taken.sight, one, taken.since_for(one)) for one in taken.proposing):
            _note_instant(conn, finished.id if finished else None, now)
            return taken
        found = Work(scope="some", touched=Touched.NOTHING)
    scope = found.scope
    if scope == "anew" and _count(conn, scope) > _ANALYZE_FROM:
        conn.execute(_ANALYZE)
    above = rollups.above_work(conn, taken.sight, everyone=scope != "some")
    extremes, touched = extremes_of(conditions), found.touched
    projected = project_on(conn, workspace, now, extremes, scope, ground=briefing.ground, alive=alive, touched=touched)
    rollups.tell_parents(conn, taken.sight, above)
    [begun] = _BEGIN.read(conn, {"now": now, "scope": scope})
    return replace(
        taken,
        id=begun.id,
        sight=Sight(conn, workspace, now, everyone=scope != "some", ground=projected.ground),
        scope=scope,
        accounts=begun.accounts,
        with_events=begun.with_events,
    )


def _count(conn: sa.Connection, scope: Scope) -> int:
    return int(conn.execute(_COUNT_WORK if scope == "some" else _COUNT_ALL).scalar_one())


def _behind(finished: LastSweep | None) -> Mapping[str, str | None]:
    behind: Mapping[str, str | None] = finished.counts.get("behind", {}) if finished else {}
    return behind


def _note_instant(conn: sa.Connection, sweep_id: int | None, now: datetime) -> None:
    if sweep_id is None:
        conn.execute(sa.insert(sweeps).values(at=now, finished=True))
    else:
        conn.execute(_NOTE_INSTANT, {"id": sweep_id, "now": now})


_NOTE_INSTANT = sa.text("update sweep set at = :now where id = :id")
_ANALYZE = sa.text("analyze account, account_now, account_value, event, record, value_history")
_COUNT_WORK = sa.select(sa.func.count()).select_from(work)
_COUNT_ALL = sa.select(sa.func.count()).select_from(account)
_BEGIN = Statement("""
    insert into sweep (at, scope) values (%(now)s, %(scope)s)
    returning id,
        exists (select from work_event) or exists (select from settling where due_at <= %(now)s) as with_events,
        case when scope = 'some' then (select count(*) from work) else (select count(*) from account) end as accounts
""")
_FINISH = Statement("""
    with accounts as (delete from work), events as (delete from work_event), others as (delete from work_playbook)
    update sweep set finished = true, counts = cast(%(counts)s as jsonb) where id = %(id)s
""")
_GIVE_BACK_EVENTS = sa.text("""
    insert into change (account_id, event_id, touched)
    select event.account_id, event.id, :touched
    from work_event join event on event.id = work_event.event_id order by event.id
""")


# --- propose ---------------------------------------------------------------------------------------------------------


def _propose(conn: sa.Connection, taken: _Taken, playbooks: Sequence[Deployed]) -> None:
    """Of those that have not proposed yet in this sweep."""
    assert taken.id is not None
    names = [one.playbook for one in playbooks]
    mine = {row.playbook for row in _MARK.read(conn, {"names": names})}
    since = {one: taken.since_for(one) for one in playbooks if one.playbook in mine}
    if since:
        propose(conn, taken.sight, since, sweep_id=taken.id, with_events=taken.with_events)


_MARK = Statement("""
    insert into work_playbook (playbook) select unnest(cast(%(names)s as text[]))
    on conflict do nothing returning playbook
""")


# --- arbitrate -------------------------------------------------------------------------------------------------------


def _arbitrate(conn: sa.Connection, taken: _Taken, failed: Mapping[str, str]) -> SweepReport:
    sight = taken.sight
    rekey(conn, sight, taken.playbooks)
    ruled = rule(conn, sight, taken.playbooks, taken.at)
    told = watches.evaluate(conn, sight, taken.at, with_events=taken.with_events)
    report = _report(taken, ruled, told, failed)
    _finish(conn, taken, report)
    return report


def _report(taken: _Taken, ruled: Sequence[Ruled], told: int, failed: Mapping[str, str]) -> SweepReport:
    states = Counter(one.ruling.state for one in ruled)
    playbooks: dict[str, Counter[str]] = {}
    for one in ruled:
        playbooks.setdefault(one.playbook, Counter())[one.ruling.state] += 1
    return SweepReport(
        at=taken.at,
        accounts=taken.accounts,
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
        if taken.scope == "some":
            again = sa.select(work.c.account_id, bits(Touched.NOTHING))
            conn.execute(sa.insert(change).from_select(["account_id", "touched"], again))
        else:
            conn.execute(sa.insert(change).values(account_id=None))
        conn.execute(_GIVE_BACK_EVENTS, {"touched": int(Touched.EVENTS)})
    if report.accounts > _TRUNCATE_FROM:
        # Else the next sweeps would wade through what this one leaves behind.
        conn.execute(sa.text("truncate work, work_event, work_playbook"))
    behind = {one.playbook: taken.since_for(one) for one in taken.playbooks if one.playbook in report.failed}
    counts = {
        "accounts": report.accounts,
        "crossings": report.crossings,
        "told": report.told,
        "playbooks": report.playbooks,
        "failed": report.failed,
        "behind": {name: at.isoformat() if at else None for name, at in behind.items()},
    }
    _FINISH.write(conn, {"id": taken.id, "counts": json.dumps(counts)})
