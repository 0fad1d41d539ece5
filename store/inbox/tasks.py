"""A task's life: opened by a run, settled once by a person or by time; whoever settles it tells the run at once.

Locks are taken run first, then task, as the end of a run does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.problems import did_you_mean
from store.postgres.notices import ring_inbox
from store.postgres.statements import Row, Statement
from store.present import in_our_zone
from store.schema import run, task
from store.telling import tell

DONE = ("done",)
"""What may be answered where the author names no outcomes."""


@dataclass(frozen=True, kw_only=True)
class Completed:
    """The task is settled as asked; `repeated` when the same person had said the same before."""

    task_id: int
    outcome: str
    by: str
    at: datetime
    repeated: bool = False


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The task stays as it is; `message` says why and `hint` what to do."""

    kind: Literal["unknown_task", "unknown_outcome", "settled", "bad_edit", "changed", "unknown_person"]
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What a reviewer changes about a draft; None leaves a part as it is."""

    subject: str | None = None
    body: str | None = None


def open_task(
    conn: sa.Connection,
    *,
    run_id: int,
    step: str,
    visit: int,
    account_id: int,
    title: str,
    now: datetime,
    description: str = "",
    checklist: Sequence[str] = (),
    outcomes: Sequence[str] = DONE,
    assignee: str | None = None,
    due_at: datetime | None = None,
) -> Mapping[str, Any]:
    """Give somebody a task; the values for the act's receipt. Asked twice for one visit, the first task stands."""
    given = {
        "run": run_id,
        "step": step,
        "visit": visit,
        "account": account_id,
        "title": title,
        "description": description,
        "checklist": json.dumps([{"text": text, "done": False} for text in checklist], ensure_ascii=False),
        "outcomes": list(outcomes) or list(DONE),
        "assignee": assignee,
        "due_at": due_at,
        "now": now,
    }
    row = _OPEN.read_one(conn, given) or _OPENED.read(conn, given)[0]
    ring_inbox(conn, row.assignee)
    return {"task": row.id, "assignee": row.assignee}


_OPEN = Statement("""
    insert into task (run_id, step, visit, account_id, title, description, checklist, outcomes, assignee, due_at,
        created_at)
    values (%(run)s, %(step)s, %(visit)s, %(account)s, %(title)s, %(description)s, cast(%(checklist)s as jsonb),
        cast(%(outcomes)s as text[]), %(assignee)s, %(due_at)s, %(now)s)
    on conflict (run_id, step, visit) do nothing returning id, assignee
""")
_OPENED = Statement("""
    select id, assignee from task where run_id = %(run)s and step = %(step)s and visit = %(visit)s
""")


def task_of(conn: sa.Connection, run_id: int, step: str, visit: int) -> int | None:
    """The id of the task that a step opened on one of its visits."""
    which = (task.c.run_id == run_id, task.c.step == step, task.c.visit == visit)
    found: int | None = conn.execute(sa.select(task.c.id).where(*which)).scalar()
    return found


def account_of(conn: sa.Connection, task_id: int) -> int | None:
    """The account that a task belongs to; None for a task that is not there."""
    found: int | None = conn.execute(sa.select(task.c.account_id).where(task.c.id == task_id)).scalar()
    return found


def assignee_of(conn: sa.Connection, task_id: int) -> str | None:
    """Whose it is now, by key."""
    found: str | None = conn.execute(sa.select(task.c.assignee).where(task.c.id == task_id)).scalar()
    return found


def complete(  # noqa: PLR0917 - read aloud: this task, that outcome, with a note, by somebody, now
    conn: sa.Connection,
    task_id: int,
    outcome: str,
    note: str | None,
    by: str,
    now: datetime,
    *,
    edited: Edit | None = None,
    version: int | None = None,
    held_until: datetime | None = None,
) -> Completed | Refused:
    """A person says how it went, with a draft as its reviewer left it. The run learns it in the same transaction.

    `version` is the task as the person saw it: where it has changed since, nothing is done. `held_until`, of the real
    clock, is how long the run is not told yet, so that `store.inbox.desk.reopen` can undo it.
    """
    row = locked(conn, task_id)
    if row is None:
        return unknown(task_id)
    if row.state != "open":
        return _settled_already(conn, row, outcome, by)
    if version is not None and version != row.version:
        return changed(conn, row)
    if outcome not in row.outcomes:
        return Refused(
            kind="unknown_outcome",
            message=f'"{outcome}" is not an outcome of task {task_id} ({row.title})',
            hint=did_you_mean(outcome, row.outcomes),
        )
    if edited is not None and (why := _edit(conn, task_id, edited, by)) is not None:
        return Refused(kind="bad_edit", message=f"the mail cannot be changed so: {why}", hint="nothing was changed")
    _DONE.write(conn, {"task": task_id, "outcome": outcome, "note": note or None, "by": by, "now": now})
    values = {"visit": row.visit, "outcome": outcome, "by": by, "task": task_id}
    tell(conn, row.run_id, kind="task", of=row.step, values=values, at=now, held_until=held_until)
    ring_inbox(conn, row.assignee)
    return Completed(task_id=task_id, outcome=outcome, by=by, at=now)


def _edit(conn: sa.Connection, task_id: int, edited: Edit, by: str) -> str | None:
    from store.inbox import drafts

    there = drafts.of_task(conn, task_id)
    if there is None:
        return "this task is no review of a mail"
    changed = {name: text for name, text in (("subject", edited.subject), ("body", edited.body)) if text is not None}
    return drafts.edit(conn, task_id, there.model_copy(update=changed), by)


def remind(conn: sa.Connection, task_id: int, now: datetime) -> bool:
    """Note that the assignee was reminded; False when there is nothing left to be reminded of."""
    return _change_open(conn, task_id, reminded_at=now)


def escalate(conn: sa.Connection, task_id: int, to: str) -> bool:
    """Show the task to one more person, by key; False when it is settled. The assignee stays responsible."""
    return _change_open(conn, task_id, escalated_to=to)


def expire(conn: sa.Connection, task_id: int, now: datetime) -> str:
    """The run gives up waiting: the outcome now in force, which is a person's where one was faster."""
    row = locked(conn, task_id)
    if row is None:
        raise LookupError(f"no task {task_id}")
    if row.state == "open":
        _EXPIRED.write(conn, {"task": task_id, "now": now})
        return "expired"
    settled: str = row.outcome or row.state
    return settled


def withdraw(conn: sa.Connection, task_id: int, now: datetime) -> bool:
    """Take the task back: nobody needs to do it any more. False when it is settled."""
    return _change_open(conn, task_id, state="withdrawn", outcome="withdrawn", settled_at=now)


def withdraw_all(conn: sa.Connection, run_id: int, steps: Sequence[str], now: datetime) -> list[int]:
    """The same for all open tasks of these steps of a run, whichever visit gave them; their ids."""
    open_ones = (task.c.run_id == run_id, task.c.step.in_(steps), task.c.state == "open")
    # Run before task, as everywhere: a person may be answering one of them.
    conn.execute(sa.select(run.c.id).where(run.c.id == run_id).with_for_update(key_share=True))
    ids = list(conn.execute(sa.select(task.c.id).where(*open_ones).order_by(task.c.id)).scalars())
    return [task_id for task_id in ids if withdraw(conn, task_id, now)]


# --- settling --------------------------------------------------------------------------------------------------------


def unknown(task_id: int) -> Refused:
    return Refused(kind="unknown_task", message=f"there is no task {task_id}", hint="it may belong to another database")


def changed(conn: sa.Connection, row: Row) -> Refused:
    """Somebody else did something to it since the page was shown."""
    whose = f"it is now {row.assignee}'s" if row.assignee else "it is nobody's now"
    snoozed = f" and snoozed until {in_our_zone(conn, row.snoozed_until)}" if row.snoozed_until else ""
    return Refused(
        kind="changed",
        message=f"task {row.id} was changed in the meantime: {whose}{snoozed}",
        hint="look at it as it is now, and send it again if it still fits",
    )


def locked(conn: sa.Connection, task_id: int) -> Row | None:
    """The task for as long as the transaction lasts, behind its run; None: there is none."""
    _HOLD_RUN.read(conn, {"task": task_id})
    return _HOLD.read_one(conn, {"task": task_id})


_HOLD_RUN = Statement("""
    select id from run where id = (select run_id from task where id = %(task)s) for no key update
""")
_HOLD = Statement(f"select {', '.join(task.columns.keys())} from task where id = %(task)s for update")  # noqa: S608 - joined from constants
_DONE = Statement("""
    update task set state = 'done', outcome = %(outcome)s, note = %(note)s, settled_by = %(by)s,
        settled_at = %(now)s, version = version + 1
    where id = %(task)s
""")
_EXPIRED = Statement("""
    update task set state = 'expired', outcome = 'expired', settled_at = %(now)s, version = version + 1
    where id = %(task)s
""")


def _change_open(conn: sa.Connection, task_id: int, **values: Any) -> bool:
    which = (task.c.id == task_id, task.c.state == "open")
    whose = conn.execute(sa.update(task).where(*which).values(**values).returning(task.c.assignee)).one_or_none()
    if whose is not None:
        ring_inbox(conn, whose.assignee, values.get("escalated_to"))
    return whose is not None


def _settled_already(conn: sa.Connection, row: Row, outcome: str, by: str) -> Completed | Refused:
    if row.state == "done" and (row.outcome, row.settled_by) == (outcome, by):
        return Completed(task_id=row.id, outcome=outcome, by=by, at=row.settled_at, repeated=True)
    how = f'was completed as "{row.outcome}" by {row.settled_by}' if row.state == "done" else f"was {row.state}"
    message = f"task {row.id} {how} on {in_our_zone(conn, row.settled_at)}"
    what_to_do = "nothing is left to do" if row.state == "done" else "its run no longer waits for it"
    return Refused(kind="settled", message=message, hint=what_to_do)
