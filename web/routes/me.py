"""What everybody who is signed in may do about that: see and end the own sessions, change the password, leave."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from store.access import audit, logins, sessions
from store.access.kept_forms import kept
from store.access.logins import Unfit
from web.access import CsmViewer, forget_session, wall_clock
from web.auditing import actor
from web.bodies import Filter, RowId, Typed
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render

pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_CHOSEN = ("outcome", "by", "assignee", "role", "visit", "id")
"""Fields of our forms that are chosen, not written."""


@pages.get("/me")
def page(deps: Deps, viewer: CsmViewer, done: Filter = "") -> Response:
    return _page(deps, viewer, done=done)


@pages.post("/me/sessions/{session_id}/end")
def end_session(request: Request, deps: Deps, viewer: CsmViewer, session_id: RowId) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        if sessions.end_session(conn, session_id, viewer.person, now):
            audit.record(conn, actor(request, viewer.person), "session_ended", now, what=f"session {session_id}")
    return RedirectResponse("/me?done=ended", 303)


@pages.post("/me/sessions/end-others")
def end_others(request: Request, deps: Deps, viewer: CsmViewer) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        count = sessions.end_sessions(conn, viewer.person, now, but=viewer.session_id)
        audit.record(conn, actor(request, viewer.person), "sessions_ended", now, sessions=count)
    return RedirectResponse("/me?done=ended", 303)


@pages.post("/me/password")
def change_password(
    request: Request,
    deps: Deps,
    viewer: CsmViewer,
    new: Annotated[Typed, Form()] = "",
    old: Annotated[Typed, Form()] = "",
) -> Response:
    now = wall_clock()
    with deps.engine.connect() as conn:
        own = logins.get_login(conn, viewer.person)
    if own and own.has_password:
        checked = logins.check_password(deps.engine.begin, viewer.person, old, now)
        if isinstance(checked, logins.NotSignedIn):
            return _page(deps, viewer, wrong="the present password is another one", status=422)
    with deps.engine.begin() as conn:
        try:
            logins.set_password(conn, viewer.person, new)
        except Unfit as error:
            return _page(deps, viewer, wrong=str(error), status=422)
        ended = sessions.end_sessions(conn, viewer.person, now, but=viewer.session_id)
        audit.record(conn, actor(request, viewer.person), "password_changed", now, sessions_ended=ended)
    return RedirectResponse("/me?done=password", 303)


@pages.post("/sign-out")
def sign_out(request: Request, deps: Deps, viewer: CsmViewer) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        sessions.end_session(conn, viewer.session_id, viewer.person, now)
        audit.record(conn, actor(request, viewer.person), "signed_out", now)
    return forget_session(RedirectResponse("/sign-in", 303), request, deps)


@pages.get("/kept/{secret}")
def kept_form(deps: Deps, viewer: CsmViewer, secret: str) -> Response:
    """A form that was sent when its session was over, as it was filled in."""
    with deps.engine.connect() as conn:
        found = kept(conn, secret, viewer.person, wall_clock())
        return render(
            "kept.html", {"kept": found, "chosen": _CHOSEN}, frame(conn, viewer), status=200 if found else 404
        )


def _page(deps: Deps, viewer: CsmViewer, *, done: str = "", wrong: str = "", status: int = 200) -> Response:
    with deps.engine.connect() as conn:
        content = {
            "sessions": sessions.sessions_of(conn, viewer.person, wall_clock()),
            "login": logins.get_login(conn, viewer.person),
            "shortest": logins.SHORTEST_PASSWORD,
            "done": done,
            "wrong": wrong,
        }
        return render("me.html", content, frame(conn, viewer), status=status)
