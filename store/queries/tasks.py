"""Tasks as people look at them: open ones by due date, settled ones latest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from store.postgres.pages import Page, id_after, moment_and_id, moment_and_id_after, page_by_id, size
from store.postgres.statements import Given, Row, kept
from store.queries.names import account_name, person_name
from store.schema import account, contact, draft, run, task

TaskView = Literal["open", "overdue", "settled"]
VIEWS: tuple[TaskView, ...] = get_args(TaskView)


@dataclass(frozen=True, kw_only=True)
class CheckItem:
    text: str
    done: bool
    by: str | None = None
    """Who ticked it off."""


@dataclass(frozen=True, kw_only=True)
class DraftRow:
    """The mail a task asks to review, as it would leave now."""

    to_name: str
    to_address: str | None
    subject: str
    body: str
    """Markdown."""
    edited_by: str | None


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """One task with what a person needs to know to do it."""

    id: int
    title: str
    description: str
    checklist: tuple[CheckItem, ...]
    outcomes: tuple[str, ...]
    state: str
    """open | done | expired | withdrawn"""
    overdue: bool
    due_at: datetime | None
    created_at: datetime
    reminded_at: datetime | None
    account: str
    account_name: str
    playbook: str
    run_id: int
    step: str
    visit: int
    assignee: str | None
    assignee_name: str | None
    escalated_to: str | None
    outcome: str | None
    note: str | None
    settled_by: str | None
    settled_at: datetime | None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    version: int = 1
    """Raised by what two people may do at once: hand on, snooze, settle."""
    draft: DraftRow | None = None
    """For a review."""


def list_tasks(
    conn: sa.Connection,
    now: datetime,
    *,
    view: TaskView = "open",
    assignee: str | None = None,
    account_key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[TaskRow]:
    """`assignee` also finds what was escalated to that person. CursorError for an `after` that is not ours."""
    query, limit = tasks_with_names(), size(limit)
    if assignee:
        query = query.where(sa.or_(task.c.assignee == assignee, task.c.escalated_to == assignee))
    if account_key:
        query = query.where(account.c.key == account_key)
    if view == "settled":
        query = query.where(task.c.state != "open").order_by(task.c.id.desc())
        if after:
            query = query.where(task.c.id < id_after(after))
        rows = [task_row(row, now) for row in conn.execute(query.limit(limit + 1))]
        return page_by_id(rows, [row.id for row in rows], limit)
    query = query.where(task.c.state == "open")
    if view == "overdue":
        query = query.where(task.c.due_at < now)
    due = sa.func.coalesce(task.c.due_at, sa.text("'infinity'::timestamptz"))
    if after:
        moment, last = moment_and_id_after(after)
        last_due = sa.text("'infinity'::timestamptz") if moment is None else sa.literal(moment)
        query = query.where(sa.tuple_(due, task.c.id) > sa.tuple_(last_due, sa.literal(last)))
    rows = [task_row(row, now) for row in conn.execute(query.order_by(due, task.c.id).limit(limit + 1))]
    more = len(rows) > limit
    return Page(
        items=tuple(rows[:limit]), next=moment_and_id(rows[limit - 1].due_at, rows[limit - 1].id) if more else None
    )


def get_task(conn: sa.Connection, task_id: int, now: datetime) -> TaskRow | None:
    row = kept(("task with names",), _one).read_one(conn, {"task": task_id})
    return task_row(row, now) if row else None


def _one() -> sa.Select[Any]:
    return tasks_with_names().where(task.c.id == Given("task", sa.BigInteger))


def tasks_of_run(conn: sa.Connection, run_id: int, now: datetime) -> tuple[TaskRow, ...]:
    query = tasks_with_names().where(task.c.run_id == run_id).order_by(task.c.id)
    return tuple(task_row(row, now) for row in conn.execute(query))


def tasks_with_names() -> sa.Select[Any]:
    """Tasks with their accounts, runs, assignees and drafts."""
    return (
        sa.select(
            task,
            account.c.key.label("account"),
            account_name(task.c.account_id).label("account_name"),
            run.c.playbook,
            person_name(task.c.assignee).label("assignee_name"),
            contact.c.name.label("draft_to"),
            contact.c.email.label("draft_address"),
            draft.c.subject.label("draft_subject"),
            draft.c.body.label("draft_body"),
            draft.c.edited_by.label("draft_edited_by"),
        )
        .join(account, account.c.id == task.c.account_id)
        .join(run, run.c.id == task.c.run_id)
        .outerjoin(draft, draft.c.task_id == task.c.id)
        .outerjoin(contact, contact.c.id == draft.c.contact_id)
    )


def task_row(row: Row, now: datetime) -> TaskRow:
    """Of a row of `tasks_with_names`."""
    return TaskRow(
        id=row.id,
        title=row.title,
        description=row.description,
        checklist=tuple(
            CheckItem(text=item["text"], done=bool(item.get("done")), by=item.get("by")) for item in row.checklist
        ),
        outcomes=tuple(row.outcomes),
        state=row.state,
        overdue=row.state == "open" and row.due_at is not None and row.due_at < now,
        due_at=row.due_at,
        created_at=row.created_at,
        reminded_at=row.reminded_at,
        account=row.account,
        account_name=row.account_name or row.account,
        playbook=row.playbook,
        run_id=row.run_id,
        step=row.step,
        visit=row.visit,
        assignee=row.assignee,
        assignee_name=row.assignee_name or row.assignee,
        escalated_to=row.escalated_to,
        outcome=row.outcome,
        note=row.note,
        settled_by=row.settled_by,
        settled_at=row.settled_at,
        snoozed_until=row.snoozed_until,
        snoozed_by=row.snoozed_by,
        version=row.version,
        draft=None
        if row.draft_subject is None
        else DraftRow(
            to_name=row.draft_to,
            to_address=row.draft_address,
            subject=row.draft_subject,
            body=row.draft_body,
            edited_by=row.draft_edited_by,
        ),
    )
