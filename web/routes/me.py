"""What everybody who is signed in may do about that: leave."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from store.access import sessions
from web.access import CsmViewer, forget_session, wall_clock
from web.deps import Deps
from web.forms import PageRoute

pages = APIRouter(route_class=PageRoute, include_in_schema=False)


@pages.post("/sign-out")
def sign_out(request: Request, deps: Deps, viewer: CsmViewer) -> Response:
    with deps.engine.begin() as conn:
        sessions.end_session(conn, viewer.session_id, viewer.person, wall_clock())
    return forget_session(RedirectResponse("/sign-in", 303), request, deps)
