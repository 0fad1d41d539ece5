"""The first page: how many of everything, and what needs a person."""

from fastapi import APIRouter
from starlette.responses import Response

from store.queries.accounts import bands
from store.queries.overview import counts, last_sweep
from store.queries.runs import list_runs
from store.queries.tasks import list_tasks
from web.access import CsmViewer
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render

pages = APIRouter(route_class=PageRoute, include_in_schema=False)


@pages.get("/")
def page(deps: Deps, viewer: CsmViewer) -> Response:
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        content = {
            "counts": counts(conn, around.now),
            "bands": bands(conn),
            "swept": last_sweep(conn),
            "tasks": list_tasks(conn, around.now, limit=6).items,
            "stuck": list_runs(conn, stuck=True, limit=6).items,
            "runs": list_runs(conn, limit=8).items,
        }
    return render("overview.html", content, around)
