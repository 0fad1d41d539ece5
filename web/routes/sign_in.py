"""Signing in: by password, or by a one-time link that an admin or the command line made."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse, Response

from store.access import audit, links, logins, sessions, sign_in_rate
from store.access.links import Link
from store.access.logins import Login, NotSignedIn, Unfit
from store.access.sessions import Device
from web.access import Public, keep_session, presented, safe_next, wall_clock
from web.auditing import actor, address
from web.bodies import Filter, Typed
from web.deps import Deps, WebDeps
from web.guards import same_origin
from web.pages import frame, render

pages = APIRouter(include_in_schema=False)
_OPEN = [Public, Depends(same_origin)]


class Credentials(BaseModel):
    """What is typed to sign in."""

    model_config = ConfigDict(frozen=True)

    name: Filter = ""
    password: Typed = ""
    next: Typed = ""


class Welcome(BaseModel):
    """What is typed on the page of a one-time link: a new password, and for the first admin who that is."""

    model_config = ConfigDict(frozen=True)

    name: Filter = ""
    email: Filter = ""
    password: Typed = ""


@pages.get("/sign-in", dependencies=[Public])
def page(deps: Deps, next: Typed = "") -> Response:  # noqa: A002 - the name in the address
    return _page(deps, next=safe_next(next))


@pages.post("/sign-in", dependencies=_OPEN)
def sign_in(request: Request, deps: Deps, typed: Annotated[Credentials, Form()]) -> Response:
    now, then = wall_clock(), safe_next(typed.next)
    with deps.engine.begin() as conn:
        may_try = sign_in_rate.may_try(conn, address(request), now)
    if not may_try:
        return _page(deps, name=typed.name, next=then, refused="rate", status=429)
    found = logins.check_password(deps.engine.begin, typed.name, typed.password, now)
    with deps.engine.begin() as conn:
        if isinstance(found, NotSignedIn):
            audit.record(conn, actor(request, typed.name), "sign_in_failed", now, locked=bool(found.until))
        else:
            return let_in(conn, request, deps, found.person, how="password", to=then)
    return _page(deps, name=typed.name, next=then, refused="wrong", status=401)


@pages.get("/enter/{secret}", dependencies=[Public])
def link_page(deps: Deps, secret: str) -> Response:
    with deps.engine.connect() as conn:
        link = links.find_link(conn, secret, wall_clock())
        return _link_page(conn, link)


@pages.post("/enter/{secret}", dependencies=_OPEN)
def enter(request: Request, deps: Deps, secret: str, typed: Annotated[Welcome, Form()]) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        link = links.find_link(conn, secret, now)
        if link is None:
            return _link_page(conn, None)
        try:
            with conn.begin_nested():
                person = _welcome(conn, link, typed)
                links.use_link(conn, secret, now)
        except Unfit as error:
            return _link_page(conn, link, typed, str(error))
        return let_in(conn, request, deps, person, how="link", to="/")


def _welcome(conn: sa.Connection, link: Link, typed: Welcome) -> str:
    """Do what the link is for; the person who is let in."""
    person = link.person
    if link.purpose == "first":
        if logins.admins(conn):
            raise Unfit("there is an admin by now; ask that person for a link")
        key = typed.email.partition("@")[0].lower() or typed.name.lower().replace(" ", ".")
        if not key or not typed.name:
            raise Unfit("a name and an address are needed")
        person = logins.add_login(
            conn, key=key, role="admin", now=wall_clock(), name=typed.name, email=typed.email
        ).person
    assert person is not None
    if link.purpose != "enter":
        logins.set_password(conn, person, typed.password)
        sessions.end_sessions(conn, person, wall_clock())
    return person


def let_in(conn: sa.Connection, request: Request, deps: WebDeps, person: str, *, how: str, to: str) -> Response:
    """A new session for the person; the one this browser had before is over."""
    now = wall_clock()
    if before := presented(request):
        sessions.end_presented(conn, before, now)
    device = Device(address=address(request), agent=request.headers.get("user-agent", ""))
    secret = sessions.open_session(conn, person, how, now, device)
    sign_in_rate.forget_old(conn, now)
    audit.record(conn, actor(request, person), "signed_in", now, how=how)
    return keep_session(RedirectResponse(to, 303), request, deps, secret)


def _page(
    deps: Deps,
    *,
    name: str = "",
    next: str = "/",  # noqa: A002 - the name in the address
    refused: str = "",
    status: int = 200,
) -> Response:
    with deps.engine.connect() as conn:
        content = {"name": name, "next": next, "refused": refused, "lonely": not logins.admins(conn)}
        content["openid"] = deps.openid is not None
        return render("sign_in.html", content, frame(conn), status=status)


def _link_page(conn: sa.Connection, link: Link | None, typed: Welcome = Welcome(), wrong: str = "") -> Response:  # noqa: B008 - frozen
    person: Login | None = logins.get_login(conn, link.person) if link and link.person else None
    if person is not None and person.disabled_at is not None:
        link = None
    status = 404 if link is None else 422 if wrong else 200
    content = {"link": link, "person": person, "typed": typed, "wrong": wrong, "shortest": logins.SHORTEST_PASSWORD}
    return render("enter.html", content, frame(conn), status=status, headers={"x-robots-tag": "noindex"})
