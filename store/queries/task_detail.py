"""One task with all that helps to do it: why it is there, how its account fares, who is there, what was said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from engine.stakes import Stake, stake_of
from store.deployed import NothingDeployed, load_workspace
from store.people import Contact, contacts_of
from store.queries.names import playbook_title
from store.queries.runs import Reason, Stand, reasons_of, stands_of
from store.queries.scores import ScoreLine, main_card, score_lines
from store.queries.tasks import TaskRow, get_task
from store.schema import crossing, outbox, person, run, task, task_comment
from store.sight import Sight


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
    facts: Mapping[str, Any]
    """Revenue, renewal and CSM, where they are known."""
    stake: Stake
    contacts: tuple[Contact, ...]
    comments: tuple[Comment, ...]
    escalated_name: str | None
    held: bool
    """Whether the run has not been told of the answer yet, so that it may be taken back."""


_FACTS = ("account.arr", "account.renewal_date", "account.csm", "account.segment", "account.lifecycle")


def read_task(conn: sa.Connection, task_id: int, now: datetime, today: date) -> TaskDetail | None:
    found = get_task(conn, task_id, now)
    if found is None:
        return None
    more = conn.execute(
        sa.select(task.c.account_id, run.c.at_step, run.c.state, playbook_title(run.c.playbook, run.c.version))
        .join(run, run.c.id == task.c.run_id)
        .where(task.c.id == task_id)
    ).one()
    card = main_card(conn)
    line = score_lines(conn, [more.account_id], card, now).get(more.account_id) if card else None
    facts = _facts(conn, more.account_id, now)
    renewal = facts.get("account.renewal_date")
    return TaskDetail(
        task=found,
        account_id=more.account_id,
        playbook_title=more[3] or found.playbook,
        reasons=reasons_of_run(conn, found.run_id),
        stands=() if more.state == "ended" else stands_of(more.at_step),
        score=line,
        facts=facts,
        stake=stake_of(
            now,
            today,
            due_at=found.due_at,
            arr=facts.get("account.arr"),
            renewal=date.fromisoformat(renewal) if renewal else None,
            score=line.value if line else None,
        ),
        contacts=tuple(contacts_of(conn, more.account_id))[:6],
        comments=_comments(conn, task_id),
        escalated_name=_name(conn, found.escalated_to),
        held=_is_held(conn, found),
    )


def _facts(conn: sa.Connection, account_id: int, now: datetime) -> Mapping[str, Any]:
    try:
        sight = Sight(conn, load_workspace(conn), now)
    except NothingDeployed:
        return {}
    return {name: value for name, value in sight.values([account_id], _FACTS).get(account_id, {}).items() if value}


def reasons_of_run(conn: sa.Connection, run_id: int) -> tuple[Reason, ...]:
    """Why it started."""
    stored = sa.select(crossing.c.reasons).where(crossing.c.run_id == run_id).order_by(crossing.c.id)
    return tuple(reason for reasons in conn.execute(stored).scalars() for reason in reasons_of(reasons))


def _comments(conn: sa.Connection, task_id: int) -> tuple[Comment, ...]:
    said = (
        sa.select(task_comment, person.c.name)
        .outerjoin(person, person.c.key == task_comment.c.by)
        .where(task_comment.c.task_id == task_id)
        .order_by(task_comment.c.id)
    )
    return tuple(Comment(at=row.at, by=row.by, by_name=row.name or row.by, text=row.text) for row in conn.execute(said))


def _name(conn: sa.Connection, key: str | None) -> str | None:
    return conn.execute(sa.select(person.c.name).where(person.c.key == key)).scalar() or key


def _is_held(conn: sa.Connection, found: TaskRow) -> bool:
    if found.state != "done":
        return False
    held = (outbox.c.run_id == found.run_id, outbox.c.delivered_at.is_(None), outbox.c.held_until.is_not(None))
    return bool(conn.execute(sa.select(sa.exists().where(*held))).scalar())
