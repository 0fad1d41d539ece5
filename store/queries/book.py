"""The accounts somebody may see, with health, revenue and renewal, to look through and to search."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from store.access.scope import Scope
from store.columns import column_name
from store.queries.names import account_name, person_name
from store.queries.scores import ScoreLine, score_lines
from store.schema import account, run, task
from store.sight import account_now_columns

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
    table = account_now_columns(conn)

    def column(name: str, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
        found = table.c.get(column_name(name))
        return sa.cast(sa.null(), kind) if found is None else sa.type_coerce(found, kind)

    name, score = column("account.name", sa.Text()), column(f"{card}.score", sa.Double())
    by: dict[Order, sa.ColumnElement[Any]] = {
        "health": score.asc(),
        "arr": column("account.arr", sa.Double()).desc(),
        "renewal": column("account.renewal_date", sa.Date()).asc(),
        "name": name.asc(),
    }
    chosen = sa.select(account.c.id).outerjoin(table, table.c.account_id == account.c.id)
    if not scope.everything:
        chosen = chosen.where(scope.sees(account.c.id))
    if search:
        wanted = (account.c.key, name)
        chosen = chosen.where(sa.or_(*(one.icontains(search, autoescape=True) for one in wanted)))
    if band:
        chosen = chosen.where(column(f"{card}.band", sa.Text()) == band)
    chosen = chosen.order_by(by[order].nulls_last(), account.c.id).limit(PAGE + 1).offset(PAGE * (page - 1))
    ids = list(conn.execute(chosen).scalars())
    lines = score_lines(conn, ids[:PAGE], card, now) if card else {}
    open_runs = sa.select(sa.func.count()).where(run.c.account_id == account.c.id, run.c.state == "open")
    open_tasks = sa.select(sa.func.count()).where(task.c.account_id == account.c.id, task.c.state == "open")
    rows = conn.execute(
        sa.select(
            account.c.id,
            account.c.key,
            account_name(account.c.id).label("name"),
            column("account.segment", sa.Text()).label("segment"),
            column("account.lifecycle", sa.Text()).label("lifecycle"),
            column("account.arr", sa.Double()).label("arr"),
            column("account.renewal_date", sa.Date()).label("renewal"),
            person_name(column("account.csm", sa.Text())).label("csm"),
            score.label("value"),
            column(f"{card}.band", sa.Text()).label("band"),
            open_runs.scalar_subquery().label("runs"),
            open_tasks.scalar_subquery().label("tasks"),
        )
        .outerjoin(table, table.c.account_id == account.c.id)
        .where(account.c.id == sa.any_(sa.literal(ids[:PAGE], sa.ARRAY(sa.BigInteger))))
    )
    by_id = {row.id: row for row in rows}
    return BookPage(rows=tuple(_row(by_id[one], lines.get(one)) for one in ids[:PAGE]), more=len(ids) > PAGE)


def _row(row: sa.Row[Any], line: ScoreLine | None) -> BookRow:
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
