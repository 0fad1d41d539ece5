"""Whose tasks are late, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.queries.business.book import Book
from store.queries.business.definition import Definition
from store.queries.names import person_name
from store.schema import task

LATE_TASKS = Definition(
    id="late_tasks",
    title="Late tasks",
    says="Open tasks whose due date has passed, by whom they are assigned to, with how many that person has open in all"
    " and since when the oldest is late. A task without a due date is never late. Tasks of every account count, also of"
    " those that have left.",
)
_NOBODY = ""


@dataclass(frozen=True, kw_only=True)
class Late:
    assignee: str
    """A person's key; empty: nobody's."""
    name: str
    open: int
    late: int
    oldest: datetime
    """The earliest due date among the late ones."""


def late_tasks(book: Book) -> Sequence[Late]:
    """Those with late tasks, the most first."""
    late = task.c.due_at < book.now
    counted = (
        sa.select(
            task.c.assignee,
            sa.func.count().label("open"),
            sa.func.count().filter(late).label("late"),
            sa.func.min(task.c.due_at).label("oldest"),
        )
        .where(task.c.state == "open", book.sees(task.c.account_id))
        .group_by(task.c.assignee)
        .having(sa.func.count().filter(late) > 0)
        .subquery("counted")
    )
    query = sa.select(counted, person_name(counted.c.assignee).label("name"))
    rows = book.conn.execute(query.order_by(counted.c.late.desc(), counted.c.assignee.nulls_last()))
    return [_late(row) for row in rows]


def accounts_with_late_tasks(book: Book, assignee: str) -> sa.Select[tuple[int, int]]:
    """account_id and how many; `assignee` as in `Late`, or `all`."""
    query = (
        sa.select(task.c.account_id, sa.func.count().label("late"))
        .where(task.c.state == "open", task.c.due_at < book.now, book.sees(task.c.account_id))
        .group_by(task.c.account_id)
    )
    if assignee == "all":
        return query
    return query.where(task.c.assignee.is_(None) if assignee == _NOBODY else task.c.assignee == assignee)


def _late(row: sa.Row[Any]) -> Late:
    return Late(
        assignee=row.assignee or _NOBODY,
        name=row.name or row.assignee or "nobody",
        open=row.open,
        late=row.late,
        oldest=row.oldest,
    )
