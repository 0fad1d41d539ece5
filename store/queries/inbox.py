"""A person's tasks in the order of what is at stake, by when they want doing, with their accounts beside them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from engine.stakes import Stake, stake_of
from store import stakes
from store.columns import column_name
from store.queries.names import account_name, person_name, playbook_title
from store.queries.scores import ScoreLine, main_card, score_lines
from store.schema import absence, account, run, task, task_comment
from store.schema.base import TEXT
from store.sight import account_now_columns

InboxView = Literal["open", "overdue", "today", "upcoming", "snoozed", "done"]
VIEWS: tuple[InboxView, ...] = get_args(InboxView)
Group = Literal["overdue", "today", "upcoming", "snoozed", "done"]

PAGE = 40
COUNTED = 1_000
"""More than that are not counted."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which tasks to show. `people` None: everybody's."""

    view: InboxView = "open"
    people: tuple[str, ...] | None = None
    search: str = ""
    playbook: str = ""
    page: int = 1


@dataclass(frozen=True, kw_only=True)
class Today:
    """The instant, and the reader's day around it."""

    now: datetime
    date: date
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class InboxItem:
    """One task as a line."""

    id: int
    title: str
    group: Group
    account: str
    account_name: str
    playbook: str
    playbook_title: str
    assignee: str | None
    assignee_name: str | None
    escalated_to: str | None
    due_at: datetime | None
    snoozed_until: datetime | None
    settled_at: datetime | None
    outcome: str | None
    version: int
    ticked: int
    items: int
    outcomes: int
    """How many answers there are."""
    comments: int
    stake: Stake
    score: ScoreLine | None


@dataclass(frozen=True, kw_only=True)
class Inbox:
    items: tuple[InboxItem, ...]
    more: bool
    counts: dict[str, int] = field(default_factory=dict)
    """By view; `COUNTED` stands for that or more."""


def read_inbox(conn: sa.Connection, asked: Asked, today: Today) -> Inbox:
    """One page of it. Everybody's tasks come by due date: nobody ranks a million."""
    facts = _Facts(conn)
    rows = conn.execute(_page(asked, today, facts)).all()
    lines = score_lines(conn, [row.account_id for row in rows], facts.card, today.now) if facts.card else {}
    items = tuple(_item(row, today, lines.get(row.account_id)) for row in rows[:PAGE])
    return Inbox(items=items, more=len(rows) > PAGE, counts=_counts(conn, asked, today, facts))


def covered_by(conn: sa.Connection, person_key: str, now: datetime) -> tuple[str, ...]:
    """Whom this person stands in for at the moment, by key."""
    away = (absence.c.covered_by == person_key, absence.c.since <= now, absence.c.until > now)
    return tuple(conn.execute(sa.select(absence.c.person).where(*away).distinct().order_by(absence.c.person)).scalars())


class _Facts:
    """The columns of current facts that ranking and searching read; NULL where the workspace has none."""

    def __init__(self, conn: sa.Connection) -> None:
        self.table = account_now_columns(conn)
        self.card = main_card(conn)

    def column(self, name: str, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
        found = self.table.c.get(column_name(name))
        return sa.cast(sa.null(), kind) if found is None else sa.type_coerce(found, kind)

    @property
    def score(self) -> sa.ColumnElement[Any]:
        return self.column(f"{self.card}.score", sa.Double())


def _mine(asked: Asked) -> list[sa.ColumnElement[bool]]:
    if asked.people is None:
        return []
    theirs = sa.any_(sa.literal(list(asked.people), ARRAY(TEXT)))
    if asked.view == "done":
        return [sa.or_(task.c.settled_by == theirs, sa.and_(task.c.settled_by.is_(None), task.c.assignee == theirs))]
    return [sa.or_(task.c.assignee == theirs, task.c.escalated_to == theirs)]


def _snoozed(today: Today) -> sa.ColumnElement[bool]:
    return sa.and_(task.c.snoozed_until.is_not(None), task.c.snoozed_until > today.now)


def _group(today: Today) -> sa.ColumnElement[str]:
    return sa.case(
        (task.c.state != "open", "done"),
        (_snoozed(today), "snoozed"),
        (task.c.due_at < today.now, "overdue"),
        (task.c.due_at < today.ends, "today"),
        else_="upcoming",
    )


def _which(asked: Asked, today: Today, facts: _Facts) -> list[sa.ColumnElement[bool]]:
    found = [*_mine(asked), *_searched(asked, facts)]
    match asked.view:
        case "done":
            return [*found, task.c.state != "open"]
        case "snoozed":
            return [*found, task.c.state == "open", _snoozed(today)]
        case "overdue":
            found += [task.c.due_at < today.now]
        case "today":
            found += [task.c.due_at >= today.now, task.c.due_at < today.ends]
        case "upcoming":
            found += [sa.or_(task.c.due_at >= today.ends, task.c.due_at.is_(None))]
    return [*found, task.c.state == "open", sa.not_(_snoozed(today))]


def _searched(asked: Asked, facts: _Facts) -> list[sa.ColumnElement[bool]]:
    found = [run.c.playbook == asked.playbook] if asked.playbook else []
    if asked.search:
        wanted = (task.c.title, account.c.key, facts.column("account.name", sa.Text()))
        found.append(sa.or_(*(column.icontains(asked.search, autoescape=True) for column in wanted)))
    return found


def _from(asked: Asked, facts: _Facts) -> sa.FromClause:
    found = task.outerjoin(facts.table, facts.table.c.account_id == task.c.account_id)
    if asked.search or asked.playbook:
        found = found.join(account, account.c.id == task.c.account_id).join(run, run.c.id == task.c.run_id)
    return found


def _page(asked: Asked, today: Today, facts: _Facts) -> sa.Select[Any]:
    """The ids of the page first: names and counts are looked up for those alone."""
    points = stakes.points(
        today.now,
        today.date,
        due_at=task.c.due_at,
        arr=facts.column("account.arr", sa.Double()),
        renewal=facts.column("account.renewal_date", sa.Date()),
        score=facts.score,
    )
    group = _group(today)
    chosen = (
        sa.select(
            task.c.id,
            group.label("group"),
            facts.column("account.arr", sa.Double()).label("arr"),
            facts.column("account.renewal_date", sa.Date()).label("renewal"),
            facts.score.label("score"),
            sa.func.row_number().over(order_by=_order(asked, today, points)).label("place"),
        )
        .select_from(_from(asked, facts))
        .where(*_which(asked, today, facts))
        .order_by(*_order(asked, today, points))
        .limit(PAGE + 1)
        .offset(PAGE * (asked.page - 1))
        .cte("chosen")
    )
    said = sa.select(sa.func.count()).where(task_comment.c.task_id == task.c.id).scalar_subquery()
    return (
        sa.select(
            task,
            chosen.c.group,
            chosen.c.arr,
            chosen.c.renewal,
            chosen.c.score,
            account.c.key.label("account"),
            account_name(task.c.account_id).label("account_name"),
            person_name(task.c.assignee).label("assignee_name"),
            run.c.playbook,
            playbook_title(run.c.playbook, run.c.version).label("playbook_title"),
            said.label("comments"),
        )
        .join(chosen, chosen.c.id == task.c.id)
        .join(account, account.c.id == task.c.account_id)
        .join(run, run.c.id == task.c.run_id)
        .order_by(chosen.c.place)
    )


def _order(asked: Asked, today: Today, points: sa.ColumnElement[float]) -> list[Any]:
    if asked.view == "done":
        return [task.c.settled_at.desc(), task.c.id.desc()]
    if asked.view == "snoozed":
        return [task.c.snoozed_until, task.c.id]
    if asked.people is None:
        return [task.c.due_at, task.c.id]
    late = sa.case((task.c.due_at < today.now, 0), (task.c.due_at < today.ends, 1), else_=2)
    return [late, points.desc(), task.c.due_at, task.c.id]


def _counts(conn: sa.Connection, asked: Asked, today: Today, facts: _Facts) -> dict[str, int]:
    if asked.people is None:
        return {}
    group = _group(today).label("group")
    which = [*_mine(Asked(people=asked.people)), *_searched(asked, facts), task.c.state == "open"]
    mine = sa.select(group).select_from(_from(asked, facts)).where(*which).subquery()
    rows = conn.execute(sa.select(mine.c.group, sa.func.count()).group_by(mine.c.group)).all()
    counts = {name: min(n, COUNTED) for name, n in rows}
    return counts | {"open": min(sum(n for name, n in counts.items() if name != "snoozed"), COUNTED)}


def _item(row: sa.Row[Any], today: Today, line: ScoreLine | None) -> InboxItem:
    return InboxItem(
        id=row.id,
        title=row.title,
        group=row.group,
        account=row.account,
        account_name=row.account_name or row.account,
        playbook=row.playbook,
        playbook_title=row.playbook_title or row.playbook,
        assignee=row.assignee,
        assignee_name=row.assignee_name or row.assignee,
        escalated_to=row.escalated_to,
        due_at=row.due_at,
        snoozed_until=row.snoozed_until,
        settled_at=row.settled_at,
        outcome=row.outcome,
        version=row.version,
        ticked=sum(bool(item.get("done")) for item in row.checklist),
        items=len(row.checklist),
        outcomes=len(row.outcomes),
        comments=row.comments,
        stake=stake_of(today.now, today.date, due_at=row.due_at, arr=row.arr, renewal=row.renewal, score=row.score),
        score=line,
    )
