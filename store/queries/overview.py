"""How many of everything: for the overview page, the demo's last words and the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.schema import account, crossing, ledger, mail, outbox, run, score, sweep, task


@dataclass(frozen=True, kw_only=True)
class Counts:
    accounts: int
    scored: int
    """Accounts that have, or had, a known score."""
    crossings: int
    held: int
    """Crossings that wait for an obstacle to go."""
    runs_started: int
    runs_open: int
    runs_stuck: int
    runs_ended: Mapping[str, int]
    """By reason."""
    mails: Mapping[str, int]
    """By state."""
    tasks_created: int
    tasks_open: int
    tasks_overdue: int
    tasks_completed: int
    steps_failed: int
    outbox_waiting: int


def counts(conn: sa.Connection, now: datetime) -> Counts:
    """All of it in one round trip."""
    tasks_overdue = _count(task, task.c.state == "open", task.c.due_at < now)
    reason = sa.func.coalesce(run.c.reason, run.c.outcome, "no reason")
    query = sa.select(
        _count(account).label("accounts"),
        sa.select(sa.func.count(score.c.account_id.distinct()))
        .where(score.c.value.is_not(None))
        .scalar_subquery()
        .label("scored"),
        _count(crossing).label("crossings"),
        _count(crossing, crossing.c.state == "held").label("held"),
        _count(run).label("runs_started"),
        _count(run, run.c.state == "open").label("runs_open"),
        _count(run, run.c.state == "open", run.c.standing == "stuck").label("runs_stuck"),
        _counts_by(reason, run.c.state == "ended").label("runs_ended"),
        _counts_by(mail.c.state).label("mails"),
        _count(task).label("tasks_created"),
        _count(task, task.c.state == "open").label("tasks_open"),
        tasks_overdue.label("tasks_overdue"),
        _count(task, task.c.state == "done").label("tasks_completed"),
        _count(ledger, ledger.c.receipt["outcome"].astext == "failed").label("steps_failed"),
        _count(outbox, outbox.c.delivered_at.is_(None)).label("outbox_waiting"),
    )
    return Counts(**conn.execute(query).one()._asdict())


def last_sweep(conn: sa.Connection) -> datetime | None:
    """The instant the last finished sweep decided for."""
    at: datetime | None = conn.execute(
        sa.select(sweep.c.at).where(sweep.c.finished).order_by(sweep.c.id.desc()).limit(1)
    ).scalar()
    return at


def _count(table: sa.Table, *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).where(*where).scalar_subquery()


def _counts_by(by: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    groups = sa.select(by.label("name"), sa.func.count().label("n")).where(*where).group_by(by).subquery()
    pairs = sa.func.jsonb_object_agg(groups.c.name, groups.c.n)
    return sa.select(sa.func.coalesce(pairs, sa.text("'{}'::jsonb"))).scalar_subquery()
