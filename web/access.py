"""Who may call a route. Every route declares exactly one of these rules; a test walks the routes and asks for it.

Pages: `CsmViewer`, `OpsViewer` or `AdminViewer` as a parameter. The API: `Reads`, `WritesFacts`, `WritesTasks` or
`Administers`. What asks for nothing: `Public` among the router's or the route's dependencies.
Those that only compare are coroutines: as plain functions each would wait for a thread.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal, TypedDict
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from store.access import sessions
from store.access.keys import Caller, KeyScope
from store.access.secrets import equal
from store.access.viewer import Role, Viewer
from web.deps import Deps, WebDeps
from web.problems import Problem, Refusal, answer, problem_response

SESSION_COOKIE = "tenure_session"


class SignInNeeded(Exception):
    """Nobody is signed in, or not any more."""


class OldForm(Exception):
    """The form was shown to another session than the one that sends it."""


def wall_clock() -> datetime:
    """Sessions, locks and the audit log go by the real clock, whatever clock the book of business runs on."""
    return datetime.now(UTC)


def presented(request: Request) -> str:
    """The session's secret as the browser presents it; empty when it presents none."""
    return request.cookies.get(SESSION_COOKIE, "")


def keep_session(shown: Response, request: Request, deps: WebDeps, secret: str) -> Response:
    """Have the browser present it from now on."""
    longest = int(sessions.LONGEST.total_seconds())
    shown.set_cookie(SESSION_COOKIE, secret, max_age=longest, **_cookie(request, deps))
    return shown


def forget_session(shown: Response, request: Request, deps: WebDeps) -> Response:
    """Have the browser present nothing any more."""
    shown.delete_cookie(SESSION_COOKIE, **_cookie(request, deps))
    return shown


class _Cookie(TypedDict):
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["lax"]


def _cookie(request: Request, deps: WebDeps) -> _Cookie:
    secure = request.url.scheme == "https" or deps.https
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "lax"}


def signed_in(request: Request, deps: Deps) -> Viewer:
    """Who looks, whatever the role: what the three rules of pages build on, and no rule itself."""
    secret = presented(request)
    viewer = None
    if secret:
        with deps.reading() as conn:
            viewer = sessions.viewer_of(conn, secret, wall_clock())
    if viewer is None:
        raise SignInNeeded
    if request.method not in ("GET", "HEAD") and not equal(getattr(request.state, "form_token", ""), viewer.csrf):
        raise OldForm
    request.state.who = viewer.person
    return viewer


SignedIn = Annotated[Viewer, Depends(signed_in)]


def _at_least(viewer: Viewer, role: Role) -> Viewer:
    if not viewer.may(role):
        detail = f"This page is for {role}, and you are signed in as {viewer.role}."
        raise Refusal(403, "Not for your role", detail, "Ask an admin for another role, or go back.")
    return viewer


async def csm(viewer: SignedIn) -> Viewer:
    """Every role."""
    return _at_least(viewer, "csm")


async def ops(viewer: SignedIn) -> Viewer:
    """CS operations and admins."""
    return _at_least(viewer, "ops")


async def admin(viewer: SignedIn) -> Viewer:
    """Admins."""
    return _at_least(viewer, "admin")


async def public() -> None:
    """Anybody: probes, signing in, what customers reach by links of their mails, and hooks, which prove themselves."""


# --- the API ----------------------------------------------------------------------------------------------------------


async def _caller(request: Request) -> Caller:
    # `web.guards.Keys` lets nobody through to the API without one.
    caller: Caller = request.state.caller
    request.state.who = caller.who
    return caller


def _with(caller: Caller, scope: KeyScope) -> Caller:
    if not caller.may(scope):
        detail = f"The key {caller.name} may not do this: it lacks the scope {scope}."
        raise Refusal(403, "Not with this key", detail, "Ask an admin for a key with that scope.")
    return caller


_Caller = Annotated[Caller, Depends(_caller)]


async def reads(caller: _Caller) -> Caller:
    """A key that may read."""
    return _with(caller, "read")


async def writes_facts(caller: _Caller) -> Caller:
    """A key that may tell facts."""
    return _with(caller, "facts:write")


async def writes_tasks(caller: _Caller) -> Caller:
    """A key that may settle and change tasks."""
    return _with(caller, "tasks:write")


async def administers(caller: _Caller) -> Caller:
    """A key that may start and steer what runs."""
    return _with(caller, "admin")


# --- the rules as routes declare them ---------------------------------------------------------------------------------

CsmViewer = Annotated[Viewer, Depends(csm)]
OpsViewer = Annotated[Viewer, Depends(ops)]
AdminViewer = Annotated[Viewer, Depends(admin)]
Public = Depends(public)

Reads = Annotated[Caller, Depends(reads)]
WritesFacts = Annotated[Caller, Depends(writes_facts)]
WritesTasks = Annotated[Caller, Depends(writes_tasks)]
Administers = Annotated[Caller, Depends(administers)]

RULES = (csm, ops, admin, public, reads, writes_facts, writes_tasks, administers)


def safe_next(address: str) -> str:
    """Where to go after signing in: an address of ours, and never another site's."""
    if not address.isprintable() or "\\" in address or not address.startswith("/") or address.startswith("//"):
        return "/"
    return "/" if address.startswith(("/sign-", "/enter/")) else address


def to_sign_in(then: str) -> Response:
    """To the page for signing in, and on from there."""
    return RedirectResponse(f"/sign-in?next={quote(then, safe='')}" if then != "/" else "/sign-in", 303)


def for_script(request: Request) -> bool:
    """Whether a script of ours asked, which tells its page itself what became of it."""
    return request.headers.get("sec-fetch-dest") == "empty"


async def sign_in_needed(request: Request, _: Exception) -> Response:
    """Nobody is signed in: to the page for that, and back; a script is told so instead."""
    if for_script(request):
        what_to_do = "Sign in again at /sign-in."
        return problem_response(
            Problem(title="Signed out", status=401, detail="Nobody is signed in.", what_to_do=what_to_do)
        )
    query = f"?{request.url.query}" if request.url.query else ""
    return to_sign_in(request.url.path + query if request.method in ("GET", "HEAD") else "/")


async def old_form(request: Request, _: Exception) -> Response:
    """A form of another session: nothing was changed."""
    what_to_do = "Go back, load the page again, and send it from there."
    detail = "This form was shown to another session than yours."
    problem = Problem(title="An old page", status=403, detail=detail, what_to_do=what_to_do)
    return problem_response(problem) if for_script(request) else answer(request.url.path, problem)
