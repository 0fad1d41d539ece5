"""For admins: keys of programs that call the JSON API, each shown once."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from store.access import audit, keys
from store.access.keys import KEY_SCOPES, KeyScope
from web.access import AdminViewer, wall_clock
from web.auditing import actor
from web.bodies import Line, RowId
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import not_found

pages = APIRouter(route_class=PageRoute, include_in_schema=False)

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year", "": "until it is revoked"}


@pages.get("/keys")
def page(deps: Deps, viewer: AdminViewer) -> Response:
    return _page(deps, viewer)


@pages.post("/keys")
def make(
    *,
    request: Request,
    deps: Deps,
    viewer: AdminViewer,
    name: Annotated[Line, Form()],
    scopes: Annotated[list[KeyScope], Form(min_length=1)],
    days: Annotated[str, Form(pattern="^(30|90|365|)$")] = "",
) -> Response:
    now = wall_clock()
    expires = now + timedelta(days=int(days)) if days else None
    with deps.engine.begin() as conn:
        row, key = keys.make_key(conn, name, scopes, viewer.person, now, expires_at=expires, person=viewer.person)
        by = actor(request, viewer.person)
        audit.record(conn, by, "key_made", now, what=f"key {row.id}", name=name, scopes=", ".join(row.scopes))
    return _page(deps, viewer, made=key, name=name)


@pages.post("/keys/{key_id}/revoke")
def revoke(request: Request, deps: Deps, viewer: AdminViewer, key_id: RowId) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        row = keys.revoke_key(conn, key_id, now)
        if row is None:
            raise not_found("key", key_id, "/keys")
        audit.record(conn, actor(request, viewer.person), "key_revoked", now, what=f"key {key_id}", name=row.name)
    return _page(deps, viewer, revoked=row.name)


def _page(deps: Deps, viewer: AdminViewer, *, made: str = "", name: str = "", revoked: str = "") -> Response:
    with deps.engine.connect() as conn:
        content = {
            "keys": keys.list_keys(conn),
            "scopes": KEY_SCOPES,
            "lifetimes": LIFETIMES,
            "now_is": wall_clock(),
            "made": made,
            "name": name,
            "revoked": revoked,
        }
        return render("keys.html", content, frame(conn, viewer))
