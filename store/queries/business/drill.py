"""From a figure to its accounts: each measure's groups, the accounts in a group, a page of them or all."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from store.postgres.pages import CursorError, Page, id_after, size
from store.queries.business.answers import CSAT, NPS, answering
from store.queries.business.at_risk import AT_RISK
from store.queries.business.book import Book, number
from store.queries.business.definition import Definition
from store.queries.business.goal_rates import GOALS, accounts_of_runs
from store.queries.business.health import HEALTH, MOVEMENT, moved
from store.queries.business.late_tasks import LATE_TASKS, accounts_with_late_tasks
from store.queries.business.lifetime_value import CLV
from store.queries.business.renewals import RENEWALS, WINDOWS, renewing
from store.queries.business.retention import GRR, LOGO_CHURN, NRR, cohort_accounts
from store.schema import account

ALL = "all"
_Accounts = Callable[[Book, str], sa.Select[Any]]


@dataclass(frozen=True, kw_only=True)
class AccountInBook:
    """One account with the facts that every list of them shows, and what its measure adds."""

    id: int
    key: str
    name: str
    csm: str | None
    lifecycle: str | None
    arr: float | None
    score: float | None
    band: str
    renewal_date: date | None
    more: Mapping[str, Any] = field(default_factory=dict)
    """By the measure's own columns."""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A measure with the way to its accounts. `columns`: what it adds, by the name people read."""

    definition: Definition
    accounts: _Accounts
    """Of a group: a query of account_id and the columns. An unknown group gives no account."""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class InGroup:
    """What a list of accounts comes to."""

    accounts: int
    arr: float


def list_accounts_of(
    book: Book, drill: Drill, group: str, *, after: str | None = None, limit: int = 50
) -> Page[AccountInBook]:
    """The largest ARR first."""
    query, limit = _accounts(book, drill, group), size(limit)
    found = query.subquery("found")
    arr = sa.func.coalesce(found.c.arr, -1.0)
    page = sa.select(found).order_by(arr.desc(), found.c.account_id)
    if after:
        last_arr, last_id = _place(after)
        page = page.where(sa.or_(arr < last_arr, sa.and_(arr == last_arr, found.c.account_id > last_id)))
    rows = [_row(row, drill) for row in book.conn.execute(page.limit(limit + 1))]
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(
        items=tuple(rows[:limit]),
        next=None if last is None else f"{-1.0 if last.arr is None else last.arr!r}_{last.id}",
    )


def all_accounts_of(book: Book, drill: Drill, group: str) -> Iterator[AccountInBook]:
    """The same without an end, row by row."""
    found = _accounts(book, drill, group).subquery("found")
    page = sa.select(found).order_by(sa.func.coalesce(found.c.arr, -1.0).desc(), found.c.account_id)
    for row in book.conn.execution_options(yield_per=1000).execute(page):
        yield _row(row, drill)


def count_accounts_of(book: Book, drill: Drill, group: str) -> InGroup:
    found = _accounts(book, drill, group).subquery("found")
    row = book.conn.execute(sa.select(sa.func.count(), sa.func.sum(found.c.arr))).one()
    return InGroup(accounts=row[0], arr=number(row[1]))


def _accounts(book: Book, drill: Drill, group: str) -> sa.Select[Any]:
    rows, mine = book.rows, drill.accounts(book, group).subquery("mine")
    return (
        sa.select(rows, account.c.key, *(mine.c[name].label(f"more_{name}") for name in drill.columns))
        .join_from(rows, mine, mine.c.account_id == rows.c.account_id)
        .join(account, account.c.id == rows.c.account_id)
    )


def _row(row: sa.Row[Any], drill: Drill) -> AccountInBook:
    return AccountInBook(
        id=row.account_id,
        key=row.key,
        name=row.name or row.key,
        csm=row.csm,
        lifecycle=row.lifecycle,
        arr=row.arr,
        score=row.score,
        band=row.band,
        renewal_date=row.renewal_date,
        more={name: getattr(row, f"more_{name}") for name in drill.columns},
    )


def _place(after: str) -> tuple[float, int]:
    arr, _, row_id = after.rpartition("_")
    try:
        return float(arr), id_after(row_id)
    except ValueError as error:
        raise CursorError from error


# --- the groups of each measure -------------------------------------------------------------------------------------


def _nobody(book: Book) -> sa.Select[Any]:
    return sa.select(book.rows.c.account_id).where(sa.false())


def _in_band(book: Book, group: str) -> sa.Select[Any]:
    query = sa.select(book.rows.c.account_id).where(book.is_customer)
    return query if group == ALL else query.where(book.rows.c.band == group)


def _at_risk(book: Book, _group: str) -> sa.Select[Any]:
    return _in_band(book, next(iter(book.bands), ""))


def _moved(book: Book, group: str) -> sa.Select[Any]:
    """`up`, `down`, `all`, or both bands with a full stop between: `green.red`."""
    both = moved(book).subquery("moved")
    query = sa.select(both.c.account_id, both.c.before)
    if group == ALL:
        return query
    if group in ("up", "down"):
        rank = {band: place for place, band in enumerate(book.bands)}
        pairs = [
            (before, after)
            for before in rank
            for after in rank
            if (rank[after] - rank[before]) * (1 if group == "up" else -1) > 0
        ]
        return query.where(sa.tuple_(both.c.before, both.c.band).in_(pairs))
    before, _, after = group.partition(".")
    return query.where(both.c.before == before, both.c.band == after)


def _renewing(book: Book, group: str) -> sa.Select[Any]:
    if group == ALL:
        return sa.union_all(*(renewing(book, within) for within in WINDOWS)).subquery().select()
    return renewing(book, int(group)) if group in map(str, WINDOWS) else _nobody(book)


def _of_playbook(book: Book, group: str) -> sa.Select[Any]:
    """A playbook's id, or with an outcome behind a full stop: `renewal.goal`, `renewal.other`, `renewal.held_out`."""
    playbook, _, outcome = group.partition(".")
    return accounts_of_runs(book, playbook, outcome or ALL)


def _lost(book: Book, group: str) -> sa.Select[Any]:
    return cohort_accounts(book, "lost" if group == ALL else group)


_THEN_AND_NOW = {"arr_then": "ARR then", "arr_now": "ARR now"}
_SCORE = {"score": "Answer"}
DRILLS: Mapping[str, Drill] = {
    drill.definition.id: drill
    for drill in (
        Drill(definition=HEALTH, accounts=_in_band),
        Drill(definition=MOVEMENT, accounts=_moved, columns={"before": "Band then"}),
        Drill(definition=AT_RISK, accounts=_at_risk),
        Drill(definition=RENEWALS, accounts=_renewing),
        Drill(definition=LATE_TASKS, accounts=accounts_with_late_tasks, columns={"late": "Late tasks"}),
        Drill(definition=GOALS, accounts=_of_playbook),
        Drill(definition=NRR, accounts=cohort_accounts, columns=_THEN_AND_NOW),
        Drill(definition=GRR, accounts=cohort_accounts, columns=_THEN_AND_NOW),
        Drill(definition=LOGO_CHURN, accounts=_lost, columns=_THEN_AND_NOW),
        Drill(definition=NPS, accounts=lambda book, group: answering(book, "nps", group), columns=_SCORE),
        Drill(definition=CSAT, accounts=lambda book, group: answering(book, "csat", group), columns=_SCORE),
        Drill(definition=CLV, accounts=_in_band),
    )
}
"""Every measure, by its address."""
DEFINITIONS: tuple[Definition, ...] = tuple(drill.definition for drill in DRILLS.values())
