"""A person's tasks in the order of what is at stake, by when they want doing, with their accounts beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    counted = _counted(conn, asked, today, facts)
    pieces = _pieces(asked, counted)
    ranked = [row for piece in pieces for row in conn.execute(_ranked(asked, today, facts, piece))]
    found = _lines(conn, [row.id for row in ranked[:PAGE]])
    accounts = [row.account_id for row in found.values()]
    lines = score_lines(conn, accounts, facts.card, today.now) if facts.card else {}
    items = tuple(
        _item(found[row.id], row, today, lines.get(found[row.id].account_id))
        for row in ranked[:PAGE]
        if row.id in found
    )
    return Inbox(items=items, more=len(ranked) > PAGE, counts=_counts(counted))


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

    def beside(self, account_id: sa.ColumnElement[int]) -> sa.FromClause:
        """What ranking reads of one account: looked up task by task, as a person's tasks are few among all accounts."""
        return (
            sa.select(
                self.column("account.arr", sa.Double()).label("arr"),
                self.column("account.renewal_date", sa.Date()).label("renewal"),
                self.column(f"{self.card}.score", sa.Double()).label("score"),
            )
            .where(self.table.c.account_id == account_id)
            .correlate_except(self.table)
            .limit(1)
            .lateral("beside")
        )


# As a word of the statement and not as a parameter: so a plan for any parameters reads the indexes of open tasks, too.
_OPEN = task.c.state == sa.literal_column("'open'")
_SETTLED = task.c.state != sa.literal_column("'open'")


def _looked_through(asked: Asked) -> sa.Subquery:
    """The tasks, open or settled, that the view is of, whatever they are called and wherever they stand."""
    columns = (task.c.id, task.c.account_id, task.c.due_at, task.c.snoozed_until)
    theirs = sa.any_(sa.literal(list(asked.people or ()), ARRAY(TEXT)))
    if asked.view == "done":
        settled = sa.select(*columns, task.c.settled_at).where(_SETTLED)
        if asked.people is not None:
            given = sa.and_(task.c.settled_by.is_(None), task.c.assignee == theirs)
            settled = settled.where(sa.or_(task.c.settled_by == theirs, given))
        return settled.subquery("looked")
    wanted = sa.select(*columns).where(_OPEN)
    if asked.people is None:
        return wanted.subquery("looked")
    # Two parts rather than one "or": each reads nothing but its index.
    escalated = wanted.where(task.c.escalated_to == theirs, sa.not_(sa.func.coalesce(task.c.assignee == theirs, False)))
    return sa.union_all(wanted.where(task.c.assignee == theirs), escalated).subquery("looked")


def _searched(asked: Asked, facts: _Facts, looked: sa.Subquery, beside: sa.FromClause | None = None) -> sa.Select[Any]:
    """Those of them that the filters leave, with what is looked up beside them."""
    source: sa.FromClause = looked if beside is None else looked.outerjoin(beside, sa.true())
    found = sa.select().select_from(source)
    if asked.search or asked.playbook:
        found = found.join(task, task.c.id == looked.c.id).join(run, run.c.id == task.c.run_id)
    if asked.playbook:
        found = found.where(run.c.playbook == asked.playbook)
    if asked.search:
        found = found.join(account, account.c.id == looked.c.account_id)
        found = found.outerjoin(facts.table, facts.table.c.account_id == looked.c.account_id)
        wanted = (task.c.title, account.c.key, facts.column("account.name", sa.Text()))
        found = found.where(sa.or_(*(column.icontains(asked.search, autoescape=True) for column in wanted)))
    return found


def _snoozed(today: Today, looked: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(looked.c.snoozed_until.is_not(None), looked.c.snoozed_until > today.now)


def _group(asked: Asked, today: Today, looked: sa.Subquery) -> sa.ColumnElement[str]:
    if asked.view == "done":
        return sa.literal("done", sa.Text())
    return sa.case(
        (_snoozed(today, looked), "snoozed"),
        (looked.c.due_at < today.now, "overdue"),
        (looked.c.due_at < today.ends, "today"),
        else_="upcoming",
    )


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A part of the page that is ranked by itself: of one group, or of all open ones where they come by due date."""

    group: Group | Literal["open"]
    before: int
    """How many of the group's tasks come before it."""
    size: int


_BY_DUE: tuple[Group, ...] = ("overdue", "today", "upcoming")


def _pieces(asked: Asked, counted: Mapping[str, int]) -> Iterator[_Piece]:
    """A page of the open tasks touches one group or two as a rule: the others are not ranked."""
    before, wanted = PAGE * (asked.page - 1), PAGE + 1
    if asked.view != "open" or asked.people is None:
        yield _Piece(group=asked.view, before=before, size=wanted)
        return
    for group in _BY_DUE:
        there = counted.get(group, 0)
        size = min(max(there - before, 0), wanted)
        if size:
            yield _Piece(group=group, before=before, size=size)
        before, wanted = max(before - there, 0), wanted - size


def _within(group: Group | Literal["open"], today: Today, looked: sa.Subquery) -> sa.ColumnElement[bool]:
    due, snoozed = looked.c.due_at, _snoozed(today, looked)
    match group:
        case "done":
            return sa.true()
        case "snoozed":
            return snoozed
        case "overdue":
            return sa.and_(due < today.now, sa.not_(snoozed))
        case "today":
            return sa.and_(due >= today.now, due < today.ends, sa.not_(snoozed))
        case "upcoming":
            return sa.and_(sa.or_(due >= today.ends, due.is_(None)), sa.not_(snoozed))
        case "open":
            return sa.not_(snoozed)


def _ranked(asked: Asked, today: Today, facts: _Facts, piece: _Piece) -> sa.Select[Any]:
    """The tasks of a piece by id, with what put them there; names and counts are looked up for those alone."""
    looked = _looked_through(asked)
    beside = facts.beside(looked.c.account_id)
    points = stakes.points(
        today.now,
        today.date,
        due_at=looked.c.due_at,
        arr=beside.c.arr,
        renewal=beside.c.renewal,
        score=beside.c.score,
    )
    group = _group(asked, today, looked).label("group")
    return (
        _searched(asked, facts, looked, beside)
        .add_columns(looked.c.id, group, *beside.c)
        .where(_within(piece.group, today, looked))
        .order_by(*_order(asked, looked, points))
        .limit(piece.size)
        .offset(piece.before)
    )


def _order(asked: Asked, looked: sa.Subquery, points: sa.ColumnElement[float]) -> list[Any]:
    if asked.view == "done":
        return [looked.c.settled_at.desc(), looked.c.id.desc()]
    if asked.view == "snoozed":
        return [looked.c.snoozed_until, looked.c.id]
    if asked.people is None:
        return [looked.c.due_at, looked.c.id]
    return [points.desc(), looked.c.due_at, looked.c.id]


def _lines(conn: sa.Connection, ids: Sequence[int]) -> Mapping[int, sa.Row[Any]]:
    said = sa.select(sa.func.count()).where(task_comment.c.task_id == task.c.id).scalar_subquery()
    query = (
        sa.select(
            task,
            account.c.key.label("account"),
            account_name(task.c.account_id).label("account_name"),
            person_name(task.c.assignee).label("assignee_name"),
            run.c.playbook,
            playbook_title(run.c.playbook, run.c.version).label("playbook_title"),
            said.label("comments"),
        )
        .join(account, account.c.id == task.c.account_id)
        .join(run, run.c.id == task.c.run_id)
        .where(task.c.id == sa.any_(sa.literal(list(ids), ARRAY(sa.BigInteger))))
    )
    return {row.id: row for row in conn.execute(query)}


def _counted(conn: sa.Connection, asked: Asked, today: Today, facts: _Facts) -> dict[str, int]:
    """How many open tasks there are in each group; nobody counts everybody's."""
    if asked.people is None:
        return {}
    looked = _looked_through(replace(asked, view="open"))
    mine = _searched(asked, facts, looked).add_columns(
        _group(replace(asked, view="open"), today, looked).label("group")
    )
    groups = mine.subquery()
    rows = conn.execute(sa.select(groups.c.group, sa.func.count()).group_by(groups.c.group))
    return {row[0]: row[1] for row in rows}


def _counts(counted: Mapping[str, int]) -> dict[str, int]:
    """By view, as the page says it."""
    if not counted:
        return {}
    counts = {name: min(n, COUNTED) for name, n in counted.items()}
    return counts | {"open": min(sum(n for name, n in counted.items() if name != "snoozed"), COUNTED)}


def _item(row: sa.Row[Any], place: sa.Row[Any], today: Today, line: ScoreLine | None) -> InboxItem:
    return InboxItem(
        id=row.id,
        title=row.title,
        group=place.group,
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
        stake=stake_of(
            today.now, today.date, due_at=row.due_at, arr=place.arr, renewal=place.renewal, score=place.score
        ),
        score=line,
    )
