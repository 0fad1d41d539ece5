"""One task with all that helps to do it: why it is there, how its account fares, who is there, what was said."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.stakes import Stake, stake_of
from store.access.scope import Scope
from store.people import Contact, contacts_of
from store.postgres.statements import Given, kept
from store.queries.current import CurrentFacts
from store.queries.names import person_name, playbook_title
from store.queries.runs import Reason, reasons_of
from store.queries.scores import ScoreLine, score_lines
from store.queries.stands import Stand, dated, stands_of
from store.queries.tasks import TaskRow, task_row, tasks_with_names
from store.schema import account, crossing, outbox, person, run, task, task_comment
from store.schema.base import ID


@dataclass(frozen=True, kw_only=True)
class Comment:
    at: datetime
    by: str
    by_name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class TaskDetail:
    """What the page of a task shows."""

    task: TaskRow
    account_id: int
    playbook_title: str
    reasons: tuple[Reason, ...]
    """Why its run started."""
    stands: tuple[Stand, ...]
    """Where its run stands, which says what comes next."""
    score: ScoreLine | None
    arr: float | None
    renewal: date | None
    stake: Stake
    contacts: tuple[Contact, ...]
    comments: tuple[Comment, ...]
    escalated_name: str | None
    settled_name: str | None
    held: bool
    """Whether the run has not been told of the answer yet, so that it may be taken back."""


def read_task(  # noqa: PLR0917 - read aloud: this task, as far as one may see, at this instant of this day, with health
    conn: sa.Connection, task_id: int, scope: Scope, now: datetime, today: date, card: str | None
) -> TaskDetail | None:
    """None for a task that is not there, or not to be seen. `card`: what health is."""
    facts = CurrentFacts.of(conn)
    given = {"task": task_id, "people": list(scope.people)}
    key = ("task detail", facts, scope.everything, scope.fields)
    row = kept(key, partial(_one, facts, scope)).read_one(conn, given)
    if row is None:
        return None
    found = task_row(row, now)
    line = score_lines(conn, [row.account_id], card, now).get(row.account_id) if card else None
    return TaskDetail(
        task=found,
        account_id=row.account_id,
        playbook_title=row.playbook_title or found.playbook,
        reasons=tuple(reason for reasons in row.reasons for reason in reasons_of(reasons)),
        stands=() if row.run_state == "ended" else dated(conn, {found.run_id: stands_of(row.at_step)})[found.run_id],
        score=line,
        arr=row.arr,
        renewal=row.renewal,
        stake=stake_of(
            now,
            today,
            due_at=found.due_at,
            arr=row.arr,
            renewal=row.renewal,
            score=line.value if line else None,
        ),
        contacts=tuple(contacts_of(conn, row.account_id))[:6],
        comments=_comments(conn, task_id),
        escalated_name=row.escalated_name or found.escalated_to,
        settled_name=row.settled_name or found.settled_by,
        held=row.held,
    )


def _one(facts: CurrentFacts, scope: Scope) -> sa.Select[Any]:
    """All that there is one of, by one statement."""
    why = sa.select(crossing.c.reasons).where(crossing.c.run_id == run.c.id).order_by(crossing.c.id)
    untold = (outbox.c.run_id == run.c.id, outbox.c.delivered_at.is_(None), outbox.c.held_until.is_not(None))
    return (
        tasks_with_names()
        .outerjoin(facts.table, facts.table.c.account_id == task.c.account_id)
        .add_columns(
            run.c.at_step,
            run.c.state.label("run_state"),
            playbook_title(run.c.playbook, run.c.version).label("playbook_title"),
            facts.arr.label("arr"),
            facts.renewal.label("renewal"),
            person_name(task.c.escalated_to).label("escalated_name"),
            person_name(task.c.settled_by).label("settled_name"),
            sa.func.array(why.scalar_subquery()).label("reasons"),
            sa.and_(task.c.state == "done", sa.exists().where(*untold)).label("held"),
        )
        .where(task.c.id == Given("task", ID), scope.reaches(account.c.id))
    )


def reasons_of_run(conn: sa.Connection, run_id: int) -> tuple[Reason, ...]:
    """Why it started."""
    stored = sa.select(crossing.c.reasons).where(crossing.c.run_id == run_id).order_by(crossing.c.id)
    return tuple(reason for reasons in conn.execute(stored).scalars() for reason in reasons_of(reasons))


def _comments(conn: sa.Connection, task_id: int) -> tuple[Comment, ...]:
    rows = kept(("comments",), _said).read(conn, {"task": task_id})
    return tuple(Comment(at=row.at, by=row.by, by_name=row.name or row.by, text=row.text) for row in rows)


def _said() -> sa.Select[Any]:
    said = sa.select(task_comment, person.c.name).outerjoin(person, person.c.key == task_comment.c.by)
    return said.where(task_comment.c.task_id == Given("task", ID)).order_by(task_comment.c.id)
