"""For admins: who did what, when and from where; to read and to take away."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from store.access.audit import AuditRow, all_audit, list_audit
from web.access import AdminViewer
from web.bodies import Filter
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render

pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_COLUMNS = ("id", "at", "who", "address", "did", "what", "detail")


@pages.get("/audit")
def page(deps: Deps, viewer: AdminViewer, who: Filter = "", did: Filter = "", after: Filter = "") -> Response:
    with deps.engine.connect() as conn:
        found = list_audit(conn, who=who, did=did, after=after)
        return render("audit.html", {"page": found, "who": who, "did": did}, frame(conn, viewer))


@pages.get("/audit.{form}")
def export(deps: Deps, _: AdminViewer, form: Literal["csv", "jsonl"]) -> Response:
    """Everything, earliest first: CSV for spreadsheets, JSON Lines for programs."""
    lines, kind = (_csv, "text/csv") if form == "csv" else (_json_lines, "application/jsonl")
    headers = {"content-disposition": f'attachment; filename="audit.{form}"'}
    return StreamingResponse(_streamed(deps.engine, lines), media_type=f"{kind}; charset=utf-8", headers=headers)


def _streamed(engine: sa.Engine, lines: Callable[[Iterator[AuditRow]], Iterator[str]]) -> Iterator[str]:
    with engine.connect() as conn:
        yield from lines(all_audit(conn))


def _csv(rows: Iterator[AuditRow]) -> Iterator[str]:
    yield _csv_line(_COLUMNS)
    for row in rows:
        values = [getattr(row, name) for name in _COLUMNS[:-1]]
        yield _csv_line([_harmless(str(value)) for value in values] + [json.dumps(row.detail, ensure_ascii=False)])


def _csv_line(values: object) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)  # type: ignore[arg-type]  # any row of cells
    return out.getvalue()


def _harmless(cell: str) -> str:
    """Spreadsheets take what begins like a formula for one."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _json_lines(rows: Iterator[AuditRow]) -> Iterator[str]:
    for row in rows:
        content = {name: getattr(row, name) for name in _COLUMNS} | {"at": row.at.isoformat()}
        yield json.dumps(content, ensure_ascii=False) + "\n"
