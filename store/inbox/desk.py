"""What a person does with a task besides completing it: tick, comment, snooze, hand on, take an answer back.

Each is one transaction, behind the run's lock as everywhere; what is done twice changes nothing twice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.inbox.tasks import Refused, changed, locked, unknown
from store.postgres.notices import ring_inbox
from store.postgres.statements import Row
from store.schema import ledger, person, run, task, task_comment
from store.telling import take_back, tell


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The task is as asked now, whether or not it was before."""

    task_id: int
    title: str
    version: int


def tick(conn: sa.Connection, task_id: int, item: int, *, done: bool, by: str) -> Changed | Refused:
    """Tick an item of the checklist, or take the tick away. Items do not disturb each other: no version is asked."""
    row = _open(conn, task_id)
    if isinstance(row, Refused):
        return row
    if not 0 <= item < len(row.checklist):
        return Refused(kind="unknown_task", message=f"task {task_id} has no item {item} on its checklist")
    items = [dict(one) for one in row.checklist]
    if items[item]["done"] is not done:
        items[item] |= {"done": done, "by": by if done else None}
        conn.execute(sa.update(task).where(task.c.id == task_id).values(checklist=items))
        ring_inbox(conn, row.assignee)
    return _as_it_is(row)


def comment(conn: sa.Connection, task_id: int, text: str, by: str, now: datetime) -> Changed | Refused:
    """Say something about it, settled or not. The same text by the same person right after itself is one comment."""
    row = locked(conn, task_id)
    if row is None:
        return unknown(task_id)
    mine = sa.select(task_comment.c.by, task_comment.c.text).where(task_comment.c.task_id == task_id)
    last = conn.execute(mine.order_by(task_comment.c.id.desc()).limit(1)).one_or_none()
    if last is None or (last.by, last.text) != (by, text):
        conn.execute(sa.insert(task_comment).values(task_id=task_id, at=now, by=by, text=text))
        ring_inbox(conn, row.assignee)
    return _as_it_is(row)


def snooze(
    conn: sa.Connection, task_id: int, until: datetime, by: str, now: datetime, *, version: int | None = None
) -> Changed | Refused:
    """Out of sight until then. Its reminder, escalation and last day are put off by as long: its run is told.

    An `until` that is not ahead wakes it: what was put off is later by the time it slept.
    """
    row = _open(conn, task_id, version)
    if isinstance(row, Refused):
        return row
    asleep = row.snoozed_until is not None and row.snoozed_until > now
    until = max(until, now)
    if row.snoozed_until == until or (until == now and not asleep):
        return _as_it_is(row)
    values = {"snoozed_until": until if until > now else None, "snoozed_by": by if until > now else None}
    told = {"visit": row.visit, "until": until.isoformat()}
    tell(conn, row.run_id, kind="snooze", of=row.step, values=told, at=now)
    return _change(conn, row, values)


def reassign(
    conn: sa.Connection, task_id: int, to: str, by: str, now: datetime, *, version: int | None = None
) -> Changed | Refused:
    """Somebody else's task from now on; a comment says who did it. It is no longer escalated."""
    row = _open(conn, task_id, version)
    if isinstance(row, Refused):
        return row
    name = conn.execute(sa.select(person.c.name).where(person.c.key == to)).scalar()
    if name is None:
        return Refused(kind="unknown_person", message=f"there is nobody called {to}", hint="choose one of the list")
    if row.assignee == to:
        return _as_it_is(row)
    conn.execute(sa.insert(task_comment).values(task_id=task_id, at=now, by=by, text=f"Handed on to {name}."))
    ring_inbox(conn, to)
    return _change(conn, row, {"assignee": to, "escalated_to": None})


def reopen(conn: sa.Connection, task_id: int, by: str) -> Changed | Refused:
    """Take an own answer back, as long as the run has not heard of it. The note stays, to go on writing."""
    row = locked(conn, task_id)
    if row is None:
        return unknown(task_id)
    if row.state == "open":
        return _as_it_is(row)
    if row.state != "done" or row.settled_by != by or _has_gone_on(conn, row) or not _took_back(conn, row):
        gone_on = "its run has gone on with that answer" if row.state == "done" else f"it is {row.state}"
        return Refused(kind="settled", message=f"task {task_id} cannot be taken back: {gone_on}")
    values = {"state": "open", "outcome": None, "settled_by": None, "settled_at": None}
    return _change(conn, row, values)


def _open(conn: sa.Connection, task_id: int, version: int | None = None) -> Row | Refused:
    row = locked(conn, task_id)
    if row is None:
        return unknown(task_id)
    if row.state != "open":
        who = f" by {row.settled_by}" if row.settled_by else ""
        how = f'completed as "{row.outcome}"{who}' if row.state == "done" else row.state
        return Refused(kind="settled", message=f"task {task_id} was {how} in the meantime", hint="nothing was changed")
    if version is not None and version != row.version:
        return changed(conn, row)
    return row


def _change(conn: sa.Connection, row: Row, values: dict[str, Any]) -> Changed:
    news = values | {"version": task.c.version + 1}
    conn.execute(sa.update(task).where(task.c.id == row.id).values(news))
    ring_inbox(conn, row.assignee)
    return Changed(task_id=row.id, title=row.title, version=row.version + 1)


def _as_it_is(row: Row) -> Changed:
    return Changed(task_id=row.id, title=row.title, version=row.version)


def _has_gone_on(conn: sa.Connection, row: Row) -> bool:
    """The run is over, or gave up waiting and found the answer by itself."""
    expired = sa.select(ledger.c.run_id).where(
        ledger.c.run_id == row.run_id,
        ledger.c.step == row.step,
        ledger.c.visit == row.visit,
        ledger.c.effect == "expire",
    )
    ended = sa.select(run.c.id).where(run.c.id == row.run_id, run.c.state == "ended")
    return bool(conn.execute(sa.select(sa.or_(expired.exists(), ended.exists()))).scalar())


def _took_back(conn: sa.Connection, row: Row) -> bool:
    return take_back(conn, row.run_id, "task", row.step, row.visit)
