"""For admins: who may sign in, with which role, and links that set a password."""

from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from store.access import audit, links, logins
from store.access.leaving import shut_out
from store.access.logins import Unfit
from store.access.viewer import ROLES, Role
from store.queries.names import people
from web.access import AdminViewer, wall_clock
from web.auditing import actor
from web.bodies import Filter, Line
from web.deps import Deps, WebDeps
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import not_found

pages = APIRouter(route_class=PageRoute, include_in_schema=False)


class NewUser(BaseModel):
    """Who shall be able to sign in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Line
    role: Role = "csm"
    name: Filter = ""
    email: Filter = ""


@pages.get("/users")
def page(deps: Deps, viewer: AdminViewer) -> Response:
    return _page(deps, viewer)


@pages.post("/users")
def add(request: Request, deps: Deps, viewer: AdminViewer, new: Annotated[NewUser, Form()]) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        before = logins.get_login(conn, new.person)
        try:
            logins.keep_an_admin(conn, before, new.role)
            made = logins.add_login(conn, key=new.person, role=new.role, now=now, name=new.name, email=new.email)
        except Unfit as error:
            return _page(deps, viewer, wrong=str(error), status=422)
        audit.record(
            conn,
            actor(request, viewer.person),
            "user_added",
            now,
            what=f"login {new.person}",
            role=new.role,
            before=before.role if before else None,
        )
        link = None if made.has_password or made.issuer else _link(conn, request, deps, new.person)
    return _page(deps, viewer, said=f"{made.name} may sign in as {made.role}.", link=link)


@pages.post("/users/{person:path}/{do}")
def change(request: Request, deps: Deps, viewer: AdminViewer, person: str, do: Literal["disable", "link"]) -> Response:
    now = wall_clock()
    with deps.engine.begin() as conn:
        found = logins.get_login(conn, person)
        if found is None:
            raise not_found("user", person, "/users")
        by, what = actor(request, viewer.person), f"login {person}"
        if do == "link":
            audit.record(conn, by, "link_made", now, what=what)
            return _page(deps, viewer, said=f"For {found.name}, once:", link=_link(conn, request, deps, person))
        try:
            logins.keep_an_admin(conn, found, None)
        except Unfit as error:
            return _page(deps, viewer, wrong=str(error), status=422)
        ended = shut_out(conn, person, now)
        audit.record(conn, by, "user_disabled", now, what=what, **vars(ended))
    keys = f", and {ended.keys} of the person's API keys are revoked" if ended.keys else ""
    return _page(deps, viewer, said=f"{found.name} may not sign in any more{keys}.")


def _link(conn: sa.Connection, request: Request, deps: WebDeps, person: str) -> str:
    base = deps.public_url or str(request.base_url).rstrip("/")
    return f"{base}/enter/{links.make_link(conn, 'password', person, wall_clock())}"


def _page(
    deps: Deps, viewer: AdminViewer, *, said: str = "", link: str | None = None, wrong: str = "", status: int = 200
) -> Response:
    with deps.engine.connect() as conn:
        users = logins.list_logins(conn)
        known = {user.person for user in users if user.disabled_at is None}
        content = {
            "users": users,
            "people": [one for one in people(conn) if one.key not in known],
            "roles": ROLES,
            "said": said,
            "link": link,
            "wrong": wrong,
        }
        return render("users.html", content, frame(conn, viewer), status=status)
