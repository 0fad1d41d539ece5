"""Runs as people look at them: where each stands and why it started, and one with its whole trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from store import clock
from store.postgres.pages import Page, newest
from store.postgres.statements import Given, Row, kept
from store.queries.mails import MailRow, mails_of_run
from store.queries.names import account_name, playbook_title
from store.queries.stands import Stand, dated, stands_of
from store.queries.tasks import TaskRow, tasks_of_run
from store.schema import account, crossing, outbox, run, trace, watch
from store.schema.base import AT, ID

RunState = Literal["open", "ended"]


@dataclass(frozen=True, kw_only=True)
class RunRow:
    id: int
    playbook: str
    title: str
    version: int
    account: str
    account_name: str
    state: str
    """open | ended"""
    standing: str
    """starting | going | resting | stuck"""
    outcome: str | None
    """goal | exit | stop | end | failed"""
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    stands: tuple[Stand, ...]
    due_at: datetime | None
    """The next moment it waits for, a date of the account among them; None while it waits for facts alone."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a run started, or a crossing was seen: one trigger with what it read."""

    trigger: str
    kind: str
    says: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TraceLine:
    seq: int
    at: datetime
    path: str
    what: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A condition or event that this run waits for, its goal and exits included."""

    key: str
    says: str
    reason: str | None
    since: datetime | None
    due_at: datetime | None
    met_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RunDetail:
    run: RunRow
    workflow_id: str
    entry_key: str
    priority: int
    reasons: tuple[Reason, ...]
    trace: tuple[TraceLine, ...]
    watches: tuple[Watched, ...]
    tasks: tuple[TaskRow, ...]
    mails: tuple[MailRow, ...]
    undelivered: int
    """Facts it has not been told yet."""


def list_runs(
    conn: sa.Connection,
    *,
    state: RunState | None = None,
    stuck: bool = False,
    playbook: str | None = None,
    account_key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[RunRow]:
    """Latest first. `stuck` gives the error queue."""
    query = _runs()
    if state:
        query = query.where(run.c.state == state)
    if stuck:
        query = query.where(run.c.state == "open", run.c.standing == "stuck")
    if playbook:
        query = query.where(run.c.playbook == playbook)
    if account_key:
        query = query.where(account.c.key == account_key)
    found = newest(conn, query, run.c.id, _row, after=after, limit=limit)
    return replace(found, items=tuple(_with_dates(conn, found.items)))


def get_run(conn: sa.Connection, run_id: int) -> RunDetail | None:
    more = (run.c.workflow_id, run.c.entry_key, run.c.priority)
    row = conn.execute(_runs().add_columns(*more).where(run.c.id == run_id)).one_or_none()
    if row is None:
        return None
    waiting = sa.select(sa.func.count()).where(outbox.c.run_id == run_id, outbox.c.delivered_at.is_(None))
    mails = mails_of_run(conn, run_id)
    return RunDetail(
        run=_with_mails(_with_dates(conn, [_row(row)])[0], mails),
        workflow_id=row.workflow_id,
        entry_key=row.entry_key,
        priority=row.priority,
        reasons=_reasons(conn, run_id),
        trace=_trace(conn, run_id),
        watches=_watches(conn, run_id),
        tasks=tasks_of_run(conn, run_id, clock.now(conn)),
        mails=mails,
        undelivered=conn.execute(waiting).scalar_one(),
    )


def _with_dates(conn: sa.Connection, rows: Sequence[RunRow]) -> list[RunRow]:
    """The date that a run waits for is its next moment, and not how long it would wait for it at most."""
    standing = dated(conn, {row.id: row.stands for row in rows})
    return [_with_date(row, standing[row.id]) for row in rows]


def _with_date(row: RunRow, stands: tuple[Stand, ...]) -> RunRow:
    if stands == row.stands:
        return row
    limits = {stand.until for stand in row.stands} - {stand.until for stand in stands}
    moments = [row.due_at if row.due_at not in limits else None, *(stand.until for stand in stands)]
    return replace(row, stands=stands, due_at=min(filter(None, moments), default=None))


def _with_mails(row: RunRow, mails: Sequence[MailRow]) -> RunRow:
    """What the mails wait for is known to their rows: the run hears of them when they are settled."""
    # The latest of each step, where steps are done again.
    latest = {mail.step: mail for mail in mails}
    put_off = {step: mail for step, mail in latest.items() if mail.reason and mail.state in ("prepared", "unknown")}
    stands = (
        replace(stand, because=mail.reason or "", until=stand.until or mail.due_at)
        if (mail := put_off.get(stand.step))
        else stand
        for stand in row.stands
    )
    return replace(row, stands=tuple(stands))


def latest_runs(conn: sa.Connection, account_id: int, *, at: datetime | None = None) -> Mapping[str, RunRow]:
    """By playbook: the open run for an account, or else the one that started last. `at`: as of an earlier instant."""

    def make() -> sa.Select[Any]:
        mine = _runs().ext(distinct_on(run.c.playbook)).where(run.c.account_id == Given("account", ID), *_begun(at))
        return mine.order_by(run.c.playbook, _is_open(at).desc(), run.c.id.desc())

    rows = kept(("latest runs", at is None), make).read(conn, {"account": account_id, "at": at})
    return {one.playbook: one for one in _with_dates(conn, [_as_of(_row(row), at) for row in rows])}


@dataclass(frozen=True, kw_only=True)
class HeldCrossing:
    """A start that waits for an obstacle to go."""

    account: str
    account_name: str
    at: datetime
    why: str
    retry_at: datetime | None
    reasons: tuple[Reason, ...]


def held_crossings(conn: sa.Connection, playbook: str, limit: int = 50) -> Sequence[HeldCrossing]:
    """Latest first."""
    of = crossing.c
    query = (
        sa.select(of.at, of.why, of.retry_at, of.reasons, account.c.key, account_name(of.account_id).label("name"))
        .join(account, account.c.id == of.account_id)
        .where(of.playbook == playbook, of.state == "held")
        .order_by(of.at.desc(), of.id.desc())
        .limit(limit)
    )
    return [
        HeldCrossing(
            account=row.key,
            account_name=row.name or row.key,
            at=row.at,
            why=row.why or "",
            retry_at=row.retry_at,
            reasons=reasons_of(row.reasons),
        )
        for row in conn.execute(query)
    ]


def open_runs_of_groups(
    conn: sa.Connection, account_id: int, *, at: datetime | None = None
) -> Mapping[str, tuple[RunRow, ...]]:
    """What exclusive groups have open for an account, by group."""

    def make() -> sa.Select[Any]:
        mine = (run.c.account_id == Given("account", ID), run.c.exclusive.is_not(None), _is_open(at))
        return _runs().add_columns(run.c.exclusive).where(*mine, *_begun(at)).order_by(run.c.id)

    rows = kept(("open runs of groups", at is None), make).read(conn, {"account": account_id, "at": at})
    found: dict[str, tuple[RunRow, ...]] = {}
    for row in rows:
        found[row.exclusive] = (*found.get(row.exclusive, ()), _as_of(_row(row), at))
    return found


def _begun(at: datetime | None) -> tuple[sa.ColumnElement[bool], ...]:
    return () if at is None else (run.c.started_at <= Given("at", AT),)


def _is_open(at: datetime | None) -> sa.ColumnElement[bool]:
    return run.c.state == "open" if at is None else sa.or_(run.c.ended_at.is_(None), run.c.ended_at > Given("at", AT))


def _as_of(row: RunRow, at: datetime | None) -> RunRow:
    """Where it stood is not kept, and how it ended was not known before it had."""
    if at is None:
        return row
    if row.ended_at is not None and row.ended_at > at:
        row = replace(row, state="open", outcome=None, reason=None, ended_at=None)
    return replace(row, standing="", stands=(), due_at=None)


def reasons_of(stored: list[dict[str, Any]]) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            trigger=reason.get("trigger", ""),
            kind=reason.get("kind", ""),
            says=reason.get("says", ""),
            values=reason.get("values") or {},
        )
        for reason in stored
    )


def _runs() -> sa.Select[Any]:
    names = (
        "id",
        "playbook",
        "version",
        "state",
        "standing",
        "outcome",
        "reason",
        "started_at",
        "ended_at",
        "at_step",
        "due_at",
    )
    return sa.select(
        *(run.c[name] for name in names),
        account.c.key.label("account"),
        account_name(run.c.account_id).label("account_name"),
        playbook_title(run.c.playbook, run.c.version).label("title"),
    ).join(account, account.c.id == run.c.account_id)


def _row(row: Row) -> RunRow:
    return RunRow(
        id=row.id,
        playbook=row.playbook,
        title=row.title or row.playbook,
        version=row.version,
        account=row.account,
        account_name=row.account_name or row.account,
        state=row.state,
        standing=row.standing,
        outcome=row.outcome,
        reason=row.reason,
        started_at=row.started_at,
        ended_at=row.ended_at,
        stands=() if row.state == "ended" else stands_of(row.at_step),
        due_at=None if row.state == "ended" else row.due_at,
    )


def _reasons(conn: sa.Connection, run_id: int) -> tuple[Reason, ...]:
    stored = conn.execute(
        sa.select(crossing.c.reasons).where(crossing.c.run_id == run_id).order_by(crossing.c.id)
    ).scalars()
    return tuple(reason for reasons in stored for reason in reasons_of(reasons))


def _trace(conn: sa.Connection, run_id: int) -> tuple[TraceLine, ...]:
    rows = conn.execute(sa.select(trace).where(trace.c.run_id == run_id).order_by(trace.c.seq))
    return tuple(TraceLine(seq=row.seq, at=row.at, path=row.path, what=row.what, detail=row.detail) for row in rows)


def _watches(conn: sa.Connection, run_id: int) -> tuple[Watched, ...]:
    rows = conn.execute(sa.select(watch).where(watch.c.run_id == run_id).order_by(watch.c.key))
    return tuple(
        Watched(
            key=row.key,
            says=row.condition["text"] if row.condition else row.event or row.reason or "",
            reason=row.reason,
            since=row.since,
            due_at=row.due_at,
            met_at=row.met_at,
        )
        for row in rows
    )
