"""The accounts somebody may see, with health, revenue and renewal, to look through and to search."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from store.access.scope import Scope
from store.postgres.statements import Given, Row, kept
from store.queries.current import CurrentFacts, containing
from store.queries.names import account_name, person_name
from store.queries.scores import ScoreLine, score_lines
from store.schema import account, run, task

PAGE = 40
Order = Literal["health", "arr", "renewal", "name"]
ORDERS: tuple[Order, ...] = ("health", "arr", "renewal", "name")


@dataclass(frozen=True, kw_only=True)
class BookRow:
    key: str
    name: str
    segment: str | None
    lifecycle: str | None
    arr: float | None
    renewal: date | None
    csm: str | None
    value: float | None
    band: str | None
    line: ScoreLine | None
    runs: int
    tasks: int


@dataclass(frozen=True, kw_only=True)
class BookPage:
    rows: tuple[BookRow, ...]
    more: bool


def read_book(
    conn: sa.Connection,
    scope: Scope,
    card: str | None,
    now: datetime,
    *,
    search: str,
    band: str,
    order: Order,
    page: int,
) -> BookPage:
    """One page; unknown values come last, whatever the order. `card`: what health is."""
    facts = CurrentFacts.of(conn, card)
    which = (scope.everything, scope.fields, bool(search), bool(band), order)
    given = {
        "people": list(scope.people),
        "pattern": containing(search),
        "band": band,
        "size": PAGE + 1,
        "before": PAGE * (page - 1),
    }
    chosen = kept(("book", facts, *which), lambda: _chosen(facts, scope, order, search=search, band=band))
    ids = [row.id for row in chosen.read(conn, given)]
    lines = score_lines(conn, ids[:PAGE], card, now) if card else {}
    rows = kept(("book rows", facts), lambda: _rows(facts)).read(conn, {"ids": ids[:PAGE]})
    by_id = {row.id: row for row in rows}
    return BookPage(rows=tuple(_row(by_id[one], lines.get(one)) for one in ids[:PAGE]), more=len(ids) > PAGE)


def _chosen(facts: CurrentFacts, scope: Scope, order: Order, *, search: str, band: str) -> sa.Select[Any]:
    by: dict[Order, sa.ColumnElement[Any]] = {
        "health": facts.score.asc(),
        "arr": facts.arr.desc(),
        "renewal": facts.renewal.asc(),
        "name": facts.name.asc(),
    }
    chosen = sa.select(account.c.id).outerjoin(facts.table, facts.table.c.account_id == account.c.id)
    if not scope.everything:
        chosen = chosen.where(scope.among(account.c.id))
    if search:
        chosen = chosen.where(sa.or_(*(one.ilike(Given("pattern", sa.Text())) for one in (account.c.key, facts.name))))
    if band:
        chosen = chosen.where(facts.band == Given("band", sa.Text()))
    chosen = chosen.order_by(by[order].nulls_last(), account.c.id)
    return chosen.limit(Given("size", sa.BigInteger())).offset(Given("before", sa.BigInteger()))


def _rows(facts: CurrentFacts) -> sa.Select[Any]:
    open_runs = sa.select(sa.func.count()).where(run.c.account_id == account.c.id, run.c.state == "open")
    open_tasks = sa.select(sa.func.count()).where(task.c.account_id == account.c.id, task.c.state == "open")
    return (
        sa.select(
            account.c.id,
            account.c.key,
            account_name(account.c.id).label("name"),
            facts.column("account.segment", sa.Text()).label("segment"),
            facts.column("account.lifecycle", sa.Text()).label("lifecycle"),
            facts.arr.label("arr"),
            facts.renewal.label("renewal"),
            person_name(facts.column("account.csm", sa.Text())).label("csm"),
            facts.score.label("value"),
            facts.band.label("band"),
            open_runs.scalar_subquery().label("runs"),
            open_tasks.scalar_subquery().label("tasks"),
        )
        .outerjoin(facts.table, facts.table.c.account_id == account.c.id)
        .where(account.c.id == sa.any_(Given("ids", ARRAY(sa.BigInteger))))
    )


def _row(row: Row, line: ScoreLine | None) -> BookRow:
    return BookRow(
        key=row.key,
        name=row.name or row.key,
        segment=row.segment,
        lifecycle=row.lifecycle,
        arr=row.arr,
        renewal=row.renewal,
        csm=row.csm,
        value=row.value,
        band=row.band,
        line=line,
        runs=row.runs,
        tasks=row.tasks,
    )
