"""A person's tasks in the order of what is at stake, by when they want doing, with their accounts beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from engine.stakes import Stake, stake_of
from store.inbox import stakes
from store.postgres.statements import Given, Row, kept
from store.queries.current import CurrentFacts, containing
from store.queries.names import account_name, person_name, playbook_title
from store.queries.scores import ScoreLine, score_lines
from store.schema import account, run, task, task_comment
from store.schema.base import AT, TEXT

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


def read_inbox(conn: sa.Connection, asked: Asked, today: Today, card: str | None = "health") -> Inbox:
    """One page of it. Everybody's tasks come by due date: nobody ranks a million. `card`: what health is."""
    facts = CurrentFacts.of(conn, card)
    given = _given(asked, today)
    counted = _counted(conn, asked, facts, given)
    ranked = [
        row
        for piece in _pieces(asked, counted)
        for row in kept(_key("ranked", asked, facts, piece.group), partial(_ranked, asked, facts, piece.group)).read(
            conn, given | {"size": piece.size, "before": piece.before}
        )
    ]
    found = _lines(conn, [row.id for row in ranked[:PAGE]])
    accounts = [row.account_id for row in found.values()]
    lines = score_lines(conn, accounts, card, today.now) if card else {}
    items = tuple(
        _item(found[row.id], row, today, lines.get(found[row.id].account_id))
        for row in ranked[:PAGE]
        if row.id in found
    )
    return Inbox(items=items, more=len(ranked) > PAGE, counts=_counts(counted))


# What a kept statement is given, besides the piece of it.
_NOW, _ENDS, _TODAY = Given("now", AT), Given("ends", AT), Given("today", sa.Date())
_PEOPLE, _PATTERN, _PLAYBOOK = Given("people", ARRAY(TEXT)), Given("pattern", sa.Text()), Given("playbook", TEXT)


def _given(asked: Asked, today: Today) -> dict[str, Any]:
    return {
        "now": today.now,
        "ends": today.ends,
        "today": today.date,
        "people": list(asked.people or ()),
        "pattern": containing(asked.search),
        "playbook": asked.playbook,
    }


def _key(what: str, asked: Asked, facts: CurrentFacts, group: str = "") -> tuple[Any, ...]:
    """All that a statement is made of."""
    asks = (asked.view, asked.people is None, bool(asked.search), bool(asked.playbook))
    return ("inbox", what, facts.table, facts.card, *asks, group)


# As a word of the statement and not as a parameter: so a plan for any parameters reads the indexes of open tasks, too.
_OPEN = task.c.state == sa.literal_column("'open'")
_SETTLED = task.c.state != sa.literal_column("'open'")


def _looked_through(asked: Asked) -> sa.Subquery:
    """The tasks, open or settled, that the view is of, whatever they are called and wherever they stand."""
    columns = (task.c.id, task.c.account_id, task.c.due_at, task.c.snoozed_until)
    theirs = sa.any_(_PEOPLE)
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


def _beside(facts: CurrentFacts, account_id: sa.ColumnElement[int]) -> sa.FromClause:
    """What ranking reads of one account: looked up task by task, as a person's tasks are few among all accounts."""
    read = (facts.arr.label("arr"), facts.renewal.label("renewal"), facts.score.label("score"))
    mine = sa.select(*read).where(facts.table.c.account_id == account_id).correlate_except(facts.table)
    return mine.limit(1).lateral("beside")


def _searched(
    asked: Asked, facts: CurrentFacts, looked: sa.Subquery, beside: sa.FromClause | None = None
) -> sa.Select[Any]:
    """Those of them that the filters leave, with what is looked up beside them."""
    source: sa.FromClause = looked if beside is None else looked.outerjoin(beside, sa.true())
    found = sa.select().select_from(source)
    if asked.search or asked.playbook:
        found = found.join(task, task.c.id == looked.c.id).join(run, run.c.id == task.c.run_id)
    if asked.playbook:
        found = found.where(run.c.playbook == _PLAYBOOK)
    if asked.search:
        found = found.join(account, account.c.id == looked.c.account_id)
        found = found.outerjoin(facts.table, facts.table.c.account_id == looked.c.account_id)
        wanted = (task.c.title, account.c.key, facts.name)
        found = found.where(sa.or_(*(column.ilike(_PATTERN) for column in wanted)))
    return found


def _snoozed(looked: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(looked.c.snoozed_until.is_not(None), looked.c.snoozed_until > _NOW)


def _group(asked: Asked, looked: sa.Subquery) -> sa.ColumnElement[str]:
    if asked.view == "done":
        return sa.literal("done", sa.Text())
    return sa.case(
        (_snoozed(looked), "snoozed"),
        (looked.c.due_at < _NOW, "overdue"),
        (looked.c.due_at < _ENDS, "today"),
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


def _within(group: Group | Literal["open"], looked: sa.Subquery) -> sa.ColumnElement[bool]:
    due, snoozed = looked.c.due_at, _snoozed(looked)
    match group:
        case "done":
            return sa.true()
        case "snoozed":
            return snoozed
        case "overdue":
            return sa.and_(due < _NOW, sa.not_(snoozed))
        case "today":
            return sa.and_(due >= _NOW, due < _ENDS, sa.not_(snoozed))
        case "upcoming":
            return sa.and_(sa.or_(due >= _ENDS, due.is_(None)), sa.not_(snoozed))
        case "open":
            return sa.not_(snoozed)


def _ranked(asked: Asked, facts: CurrentFacts, group: Group | Literal["open"]) -> sa.Select[Any]:
    """The tasks of a piece by id, with what put them there; names and counts are looked up for those alone."""
    looked = _looked_through(asked)
    beside = _beside(facts, looked.c.account_id)
    points = stakes.points(
        _NOW,
        _TODAY,
        due_at=looked.c.due_at,
        arr=beside.c.arr,
        renewal=beside.c.renewal,
        score=beside.c.score,
    )
    return (
        _searched(asked, facts, looked, beside)
        .add_columns(looked.c.id, _group(asked, looked).label("group"), *beside.c)
        .where(_within(group, looked))
        .order_by(*_order(asked, looked, points))
        .limit(Given("size", sa.BigInteger()))
        .offset(Given("before", sa.BigInteger()))
    )


def _order(asked: Asked, looked: sa.Subquery, points: sa.ColumnElement[float]) -> list[Any]:
    if asked.view == "done":
        return [looked.c.settled_at.desc(), looked.c.id.desc()]
    if asked.view == "snoozed":
        return [looked.c.snoozed_until, looked.c.id]
    if asked.people is None:
        return [looked.c.due_at, looked.c.id]
    return [points.desc(), looked.c.due_at, looked.c.id]


def _lines(conn: sa.Connection, ids: Sequence[int]) -> Mapping[int, Row]:
    return {row.id: row for row in kept(("inbox", "lines"), _named).read(conn, {"ids": list(ids)})}


def _named() -> sa.Select[Any]:
    said = sa.select(sa.func.count()).where(task_comment.c.task_id == task.c.id).scalar_subquery()
    return (
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
        .where(task.c.id == sa.any_(Given("ids", ARRAY(sa.BigInteger))))
    )


def _counted(conn: sa.Connection, asked: Asked, facts: CurrentFacts, given: Mapping[str, Any]) -> dict[str, int]:
    """How many open tasks there are in each group; nobody counts everybody's."""
    if asked.people is None:
        return {}
    of_open = replace(asked, view="open")

    def make() -> sa.Select[Any]:
        looked = _looked_through(of_open)
        group = _group(of_open, looked).label("group")
        groups = _searched(of_open, facts, looked).add_columns(group).subquery()
        return sa.select(groups.c.group, sa.func.count().label("n")).group_by(groups.c.group)

    return {row.group: row.n for row in kept(_key("counted", of_open, facts), make).read(conn, given)}


def _counts(counted: Mapping[str, int]) -> dict[str, int]:
    """By view, as the page says it."""
    if not counted:
        return {}
    counts = {name: min(n, COUNTED) for name, n in counted.items()}
    return counts | {"open": min(sum(n for name, n in counted.items() if name != "snoozed"), COUNTED)}


def _item(row: Row, place: Row, today: Today, line: ScoreLine | None) -> InboxItem:
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
