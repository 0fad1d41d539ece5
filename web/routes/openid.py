"""Signing in through the organisation's identity provider: out to it, and back with its word."""

import logging

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from store.access import audit, openid
from store.access.openid import Identity
from store.access.secrets import equal
from web.access import Public, safe_next, wall_clock
from web.auditing import actor
from web.bodies import Typed
from web.deps import Deps, WebDeps
from web.openid import OpenId, ProviderFault
from web.problems import Refusal
from web.routes.sign_in import let_in

log = logging.getLogger(__name__)
pages = APIRouter(include_in_schema=False, dependencies=[Public])

_COOKIE = "tenure_openid"
_MINUTES = 10


@pages.get("/sign-in/openid")
def out(request: Request, deps: Deps, next: Typed = "") -> Response:  # noqa: A002 - the name in the address
    provider = _provider(deps)
    with deps.engine.begin() as conn:
        start = openid.begin(conn, safe_next(next), wall_clock())
    try:
        answer = RedirectResponse(provider.address(start, _back(request, deps)), 303)
    except ProviderFault as error:
        raise _away(error) from error
    secure = request.url.scheme == "https" or deps.https
    answer.set_cookie(_COOKIE, start.state, max_age=60 * _MINUTES, secure=secure, httponly=True, samesite="lax")
    return answer


@pages.get("/sign-in/openid/back")
def back(request: Request, deps: Deps, code: Typed = "", state: Typed = "", error: Typed = "") -> Response:
    now = wall_clock()
    # The state is the browser's own: an answer that was made for another browser signs nobody in here.
    if not state or not equal(request.cookies.get(_COOKIE, ""), state):
        raise _again("This answer of the identity provider was not asked for from this browser.")
    with deps.engine.begin() as conn:
        start = openid.finish(conn, state, now)
    if start is None:
        raise _again("This sign-in took too long, or was used before.")
    if error or not code:
        raise _again(f"The identity provider did not let you in{': ' + error[:100] if error else ''}.")
    try:
        identity = _provider(deps).identity(code, start, _back(request, deps))
    except ProviderFault as fault:
        raise _away(fault) from fault
    return _enter(request, deps, identity, start.next)


def _enter(request: Request, deps: WebDeps, identity: Identity, then: str) -> Response:
    with deps.engine.begin() as conn:
        person = openid.person_of(conn, identity)
        if person is not None:
            answer = let_in(conn, request, deps, person, how="openid", to=then)
            answer.delete_cookie(_COOKIE)
            return answer
        who = identity.email or identity.subject
        audit.record(conn, actor(request, who), "sign_in_failed", wall_clock(), what="no such user")
    what_to_do = "Ask an admin to add you with the address that the identity provider knows you by."
    raise Refusal(403, "Not a user", "The identity provider knows you, and Tenure does not.", what_to_do)


def _provider(deps: WebDeps) -> OpenId:
    if deps.openid is None:
        raise Refusal(404, "Not set up", "No identity provider is set up here.", "Sign in at /sign-in.")
    return deps.openid


def _back(request: Request, deps: WebDeps) -> str:
    return f"{deps.public_url or str(request.base_url).rstrip('/')}/sign-in/openid/back"


def _again(detail: str) -> Refusal:
    return Refusal(400, "Not signed in", detail, "Begin again at /sign-in.")


def _away(error: ProviderFault) -> Refusal:
    log.warning("signing in by OpenID Connect failed: %s", error)
    what_to_do = "Try again in a moment, or sign in with a password; the log of the web process tells more."
    return Refusal(502, "Not signed in", f"Signing in did not work: {error}.", what_to_do)
