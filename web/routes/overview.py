"""The book of business: its measures on one page, and the accounts behind each figure, as a list or as CSV."""

import csv
import io
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from store import clock
from store.access.scope import EVERYTHING, Scope
from store.access.viewer import Viewer
from store.deployed import NothingDeployed, load_workspace
from store.leaps import doubt
from store.queries.business.book import Book
from store.queries.business.drill import (
    DRILLS,
    AccountInBook,
    Drill,
    all_accounts_of,
    count_accounts_of,
    list_accounts_of,
)
from store.queries.business.past_values import NotKept
from store.queries.business.renewals import Renewing
from store.queries.overview import counts, last_sweep
from web.access import CsmViewer, Reads
from web.bodies import Filter, StrictRoute
from web.deps import Deps
from web.drawing.stacked_bar import Part, stacked_bar
from web.drawing.tones import tone_of
from web.figures import PERIODS, Figures, KeptFigures, figures
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["measures"])
pages = APIRouter(route_class=PageRoute, include_in_schema=False)
_DEFINED = {name: drill.definition for name, drill in DRILLS.items()}
_YEAR = 365
Days = Annotated[int, Query()]
Period = Annotated[int, Query(json_schema_extra={"enum": list(PERIODS)})]


@api.get("/measures")
def get_measures(request: Request, deps: Deps, _: Reads, days: Period = _YEAR) -> Figures:
    """The whole book of business, each figure as docs/measures.md defines it; `days`: how far back rates look."""
    if days not in PERIODS:
        known = ", ".join(str(one) for one in PERIODS)
        raise Refusal(422, "No such period", f"There are no measures of {days} days.", f"Ask for one of {known}.")
    with deps.engine.connect() as conn:
        found = _figures(request, conn, EVERYTHING, clock.is_virtual(conn), days)
    if found is None:
        raise Refusal(404, "Nothing deployed", "No workspace is deployed yet.", "Deploy one: tenure deploy.")
    return found


@pages.get("/")
def page(request: Request, deps: Deps, viewer: CsmViewer, days: Days = _YEAR) -> Response:
    days = days if days in PERIODS else _YEAR
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        content: dict[str, Any] = {
            "figures": _figures(request, conn, viewer.scope, around.virtual, days),
            "days": days,
            "periods": PERIODS,
            "all": viewer.scope.everything,
            "defined": _DEFINED,
            "counts": counts(conn, around.now) if viewer.may("ops") else None,
            "swept": last_sweep(conn) if viewer.may("ops") else None,
            "clock_doubt": doubt(conn) if viewer.may("ops") else None,
            "health_bar": _health_bar,
            "renewal_bar": _renewal_bar,
        }
    return render("overview.html", content, around)


@pages.get("/overview/{measure}.csv")
def as_csv(deps: Deps, viewer: CsmViewer, measure: str, group: Filter = "all", days: Days = _YEAR) -> Response:
    """Every account of a group, made as a whole, so that a reader who leaves half way leaves nothing open."""
    drill = _drill(measure)
    days = days if days in PERIODS else _YEAR
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow([*_COLUMNS, *drill.columns])
    with deps.engine.connect() as conn:
        book = _asked_for(conn, viewer, drill, group, days)
        for one in all_accounts_of(book, drill, group):
            lines.writerow([_harmless(cell) for cell in _cells(one)])
    headers = {"content-disposition": f'attachment; filename="{measure}.csv"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@pages.get("/overview/{measure}")
def page_of_accounts(
    *, deps: Deps, viewer: CsmViewer, measure: str, group: Filter = "all", days: Days = _YEAR, after: Filter = ""
) -> Response:
    drill = _drill(measure)
    days = days if days in PERIODS else _YEAR
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        book = _asked_for(conn, viewer, drill, group, days)
        content = {
            "definition": drill.definition,
            "group": group,
            "group_says": _says(group),
            "days": days,
            "columns": drill.columns,
            "bands": book.bands,
            "found": count_accounts_of(book, drill, group),
            "page": list_accounts_of(book, drill, group, after=after),
        }
    return render("book.html", content, around)


# --- whose book -----------------------------------------------------------------------------------------------------


def _book(conn: sa.Connection, scope: Scope, days: int) -> Book:
    return Book(conn=conn, workspace=load_workspace(conn), now=clock.now(conn), sees=scope.sees, days=days)


def _figures(request: Request, conn: sa.Connection, scope: Scope, virtual: bool, days: int) -> Figures | None:  # noqa: FBT001 - read beside its name
    """None before anything was deployed."""
    try:
        book = _book(conn, scope, days)
    except NothingDeployed:
        return None
    kept: KeptFigures = request.app.state.figures
    return kept.get((scope, days, book.now if virtual else None), lambda: figures(book))


def _drill(measure: str) -> Drill:
    if measure not in DRILLS:
        raise not_found("measure", measure, "the overview")
    return DRILLS[measure]


def _asked_for(conn: sa.Connection, viewer: Viewer, drill: Drill, group: str, days: int) -> Book:
    """The book, or a refusal where the accounts cannot be told."""
    try:
        book = _book(conn, viewer.scope, days)
        drill.accounts(book, group)
    except NothingDeployed as error:
        raise Refusal(404, "Nothing deployed", "No workspace is deployed yet.", "Deploy one: tenure deploy.") from error
    except NotKept as error:
        detail = f"The past of account.arr cannot be told, since it leans on {error}."
        raise Refusal(404, "Not known", detail, "See docs/measures.md for what can be told.") from error
    return book


def _says(group: str) -> str:
    before, _, after = group.partition(".")
    return (f"{before} → {after}" if after else before or "nobody").replace("_", " ")


# --- CSV ------------------------------------------------------------------------------------------------------------

_COLUMNS = ("account", "name", "csm", "lifecycle", "arr", "score", "band", "renewal_date")


def _cells(one: AccountInBook) -> list[Any]:
    return [
        *(one.key, one.name, one.csm, one.lifecycle, one.arr, one.score, one.band, one.renewal_date),
        *one.more.values(),
    ]


def _harmless(cell: Any) -> Any:
    """Spreadsheets carry out what begins like a formula; an apostrophe makes it text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


# --- bars -----------------------------------------------------------------------------------------------------------


def _health_bar(figures: Figures, by: Literal["accounts", "arr"]) -> Any:
    found = {band: one.accounts if by == "accounts" else one.arr for band, one in figures.health.items()}
    says = {band: f"{band} {value:,.0f}" for band, value in found.items() if value}
    parts = [Part(value=found[band], tone=tone_of(band, figures.bands), says=text) for band, text in says.items()]
    return stacked_bar(parts, f"{'Customers' if by == 'accounts' else 'ARR'} by band: {', '.join(says.values())}")


def _renewal_bar(one: Renewing, most: float) -> Any:
    safe = Part(value=one.arr - one.arr_at_risk, tone="live", says="not at risk")
    risky = Part(value=one.arr_at_risk, tone="red", says="at risk")
    return stacked_bar([risky, safe], f"{one.arr_at_risk:,.0f} of {one.arr:,.0f} ARR at risk", whole=most or 1.0)
