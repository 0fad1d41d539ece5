"""For admins: programs that are told what happens, what became of messages, and the secrets that sign them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from store import endpoints
from store.access import audit
from store.endpoints import ALL, EVENTS
from web.access import AdminViewer, wall_clock
from web.auditing import actor
from web.bodies import Filter, RowId
from web.deps import Deps, WebDeps
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import not_found
from web.telling import STATES, callable_address

pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_Url = Annotated[str, Form(pattern=r"^https?://[!-~]+$", max_length=2000)]
_Events = Annotated[list[endpoints.Event | Literal["*"]], Form(min_length=1, max_length=20)]


@pages.get("/endpoints")
def page(deps: Deps, viewer: AdminViewer, after: Filter = "") -> Response:
    return _page(deps, viewer, after=after)


@pages.post("/endpoints")
def add(request: Request, deps: Deps, viewer: AdminViewer, url: _Url, events: _Events) -> Response:
    now, address = wall_clock(), callable_address(url, allow_private=deps.tell_private)
    with deps.engine.begin() as conn:
        made, secret = endpoints.add_endpoint(conn, address, events, viewer.person, now)
        by = actor(request, viewer.person)
        audit.record(conn, by, "endpoint_added", now, what=f"endpoint {made.id}", url=address)
    return _page(deps, viewer, said=f"{address} is told from now on.", secret=secret)


@pages.post("/endpoints/{endpoint_id}/rotate")
def rotate(request: Request, deps: Deps, viewer: AdminViewer, endpoint_id: RowId) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        rotated = endpoints.rotate_secret(conn, endpoint_id, now)
        if rotated is None:
            raise not_found("endpoint", endpoint_id, "/endpoints")
        found, secret = rotated
        audit.record(conn, actor(request, viewer.person), "endpoint_rotated", now, what=f"endpoint {endpoint_id}")
    said = f"Messages to {found.url} are signed with both secrets for a day, then with the new one alone."
    return _page(deps, viewer, said=said, secret=secret)


@pages.post("/endpoints/{endpoint_id}/{do}")
def change(
    request: Request, deps: Deps, viewer: AdminViewer, endpoint_id: RowId, do: Literal["pause", "resume", "remove"]
) -> Response:
    now, state = wall_clock(), STATES[do]
    with deps.engine.begin() as conn:
        found = endpoints.change_endpoint(conn, endpoint_id, state)
        if found is None:
            raise not_found("endpoint", endpoint_id, "/endpoints")
        audit.record(conn, actor(request, viewer.person), f"endpoint_{state}", now, what=f"endpoint {endpoint_id}")
    return _page(deps, viewer, said=f"{found.url} is {state}.")


def _page(deps: WebDeps, viewer: AdminViewer, *, after: str = "", said: str = "", secret: str = "") -> Response:
    with deps.engine.connect() as conn:
        found = endpoints.list_endpoints(conn)
        content = {
            "endpoints": found,
            "messages": endpoints.list_messages(conn, after=after),
            "urls": {one.id: one.url for one in found},
            "events": EVENTS,
            "all": ALL,
            "said": said,
            "secret": secret,
        }
        return render("endpoints.html", content, frame(conn, viewer))
