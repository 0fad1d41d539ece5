"""The API for what admins look after: users, keys, the audit log, and programs that are told what happens."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from store import endpoints
from store.access import audit, keys, links, logins
from store.access.audit import AuditRow
from store.access.keys import KeyRow, KeyScope
from store.access.leaving import shut_out
from store.access.logins import Login, Unfit
from store.access.viewer import Role
from store.endpoints import Endpoint, MessageRow
from store.postgres.pages import Page
from web.access import Administers, wall_clock
from web.auditing import actor
from web.bodies import Filter, Line, RowId, StrictRoute
from web.deps import Deps
from web.problems import Refusal, not_found
from web.telling import STATES, callable_address

api = APIRouter(route_class=StrictRoute, tags=["administration"])
_Limit = Annotated[int, Query(ge=1, le=500)]


class NewUser(BaseModel):
    """Who shall be able to sign in; name and address as the book has them where they are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Line
    role: Role = "csm"
    name: Filter = ""
    email: Filter = ""


class NewKey(BaseModel):
    """What a key is for, what it may, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line
    scopes: Annotated[list[KeyScope], Field(min_length=1, max_length=10)]
    expires_at: AwareDatetime | None = None


class NewEndpoint(BaseModel):
    """Where to, and which events; `*` means all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=2000)]
    events: Annotated[list[endpoints.Event | Literal["*"]], Field(min_length=1, max_length=20)]


@dataclass(frozen=True, kw_only=True)
class LetIn:
    """The user, and a path that sets the password once; null where there is one already."""

    user: Login
    link: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class MadeKey:
    """The key's row, and the key itself, which is shown this once."""

    row: KeyRow
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class MadeEndpoint:
    """The endpoint, and the secret its messages are signed with, which is shown this once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


@api.get("/users")
def get_users(deps: Deps, _: Administers) -> Page[Login]:
    """Who may sign in, by name."""
    with deps.engine.connect() as conn:
        return Page(items=logins.list_logins(conn))


@api.post("/users")
def add_user(request: Request, deps: Deps, caller: Administers, new: NewUser) -> LetIn:
    """Let a person sign in, or change the role."""
    now = wall_clock()
    with deps.engine.begin() as conn:
        before = logins.get_login(conn, new.person)
        try:
            logins.keep_an_admin(conn, before, new.role)
            made = logins.add_login(conn, key=new.person, role=new.role, now=now, name=new.name, email=new.email)
        except Unfit as error:
            raise _unfit(error) from error
        audit.record(conn, _by(request, caller), "user_added", now, what=f"login {new.person}", role=new.role)
        link = None if made.has_password or made.issuer else links.make_link(conn, "password", new.person, now)
    return LetIn(user=made, link=link and f"/enter/{link}")


@api.post("/users/{person:path}/disable")
def disable_user(request: Request, deps: Deps, caller: Administers, person: str) -> Login:
    """The person may not sign in any more, is signed out everywhere, and the keys the person answers for end."""
    now = wall_clock()
    with deps.engine.begin() as conn:
        found = logins.get_login(conn, person)
        if found is None:
            raise not_found("user", person, "/api/v1/users")
        try:
            logins.keep_an_admin(conn, found, None)
        except Unfit as error:
            raise _unfit(error) from error
        ended = shut_out(conn, person, now)
        audit.record(conn, _by(request, caller), "user_disabled", now, what=f"login {person}", **vars(ended))
        return logins.get_login(conn, person) or found


@api.get("/keys")
def get_keys(deps: Deps, _: Administers) -> Page[KeyRow]:
    """API keys, the newest first, without the keys themselves."""
    with deps.engine.connect() as conn:
        return Page(items=keys.list_keys(conn))


@api.post("/keys")
def make_key(request: Request, deps: Deps, caller: Administers, new: NewKey) -> MadeKey:
    """Make a key; the answer alone holds it."""
    now = wall_clock()
    with deps.engine.begin() as conn:
        row, key = keys.make_key(
            conn, new.name, new.scopes, caller.who, now, expires_at=new.expires_at, person=caller.person
        )
        audit.record(conn, _by(request, caller), "key_made", now, what=f"key {row.id}", name=new.name)
    return MadeKey(row=row, key=key)


@api.delete("/keys/{key_id}")
def revoke_key(request: Request, deps: Deps, caller: Administers, key_id: RowId) -> KeyRow:
    """It opens nothing any more."""
    now = wall_clock()
    with deps.engine.begin() as conn:
        row = keys.revoke_key(conn, key_id, now)
        if row is None:
            raise not_found("key", key_id, "/api/v1/keys")
        audit.record(conn, _by(request, caller), "key_revoked", now, what=f"key {key_id}", name=row.name)
    return row


@api.get("/audit")
def get_audit(
    *, deps: Deps, _: Administers, who: Filter = "", did: Filter = "", after: Filter = "", limit: _Limit = 50
) -> Page[AuditRow]:
    """Who did what, latest first."""
    with deps.engine.connect() as conn:
        return audit.list_audit(conn, who=who, did=did, after=after, limit=limit)


@api.get("/endpoints")
def get_endpoints(deps: Deps, _: Administers) -> Page[Endpoint]:
    """Programs that are told what happens, the newest first."""
    with deps.engine.connect() as conn:
        return Page(items=endpoints.list_endpoints(conn))


@api.post("/endpoints")
def add_endpoint(request: Request, deps: Deps, caller: Administers, new: NewEndpoint) -> MadeEndpoint:
    """Have a program told; messages are signed by Standard Webhooks and arrive at least once, with a stable id."""
    now, url = wall_clock(), callable_address(new.url, allow_private=deps.tell_private)
    with deps.engine.begin() as conn:
        made, secret = endpoints.add_endpoint(conn, url, new.events, caller.who, now)
        audit.record(conn, _by(request, caller), "endpoint_added", now, what=f"endpoint {made.id}", url=url)
    return MadeEndpoint(endpoint=made, secret=secret)


@api.post("/endpoints/{endpoint_id}/rotate")
def rotate_secret(request: Request, deps: Deps, caller: Administers, endpoint_id: RowId) -> MadeEndpoint:
    """Another secret: for a day messages are signed with both."""
    now = wall_clock()
    with deps.engine.begin() as conn:
        rotated = endpoints.rotate_secret(conn, endpoint_id, now)
        if rotated is None:
            raise not_found("endpoint", endpoint_id, "/api/v1/endpoints")
        audit.record(conn, _by(request, caller), "endpoint_rotated", now, what=f"endpoint {endpoint_id}")
    return MadeEndpoint(endpoint=rotated[0], secret=rotated[1])


@api.post("/endpoints/{endpoint_id}/{do}")
def change_endpoint(
    request: Request, deps: Deps, caller: Administers, endpoint_id: RowId, do: Literal["pause", "resume", "remove"]
) -> Endpoint:
    """Pause it, go on with what waited, or remove it."""
    now, state = wall_clock(), STATES[do]
    with deps.engine.begin() as conn:
        found = endpoints.change_endpoint(conn, endpoint_id, state)
        if found is None:
            raise not_found("endpoint", endpoint_id, "/api/v1/endpoints")
        audit.record(conn, _by(request, caller), f"endpoint_{state}", now, what=f"endpoint {endpoint_id}")
    return found


@api.get("/endpoints/messages")
def get_messages(
    *,
    deps: Deps,
    _: Administers,
    endpoint: Annotated[int, Query(ge=1, le=2**63 - 1)] | None = None,
    after: Filter = "",
    limit: _Limit = 50,
) -> Page[MessageRow]:
    """What became of messages, latest first."""
    with deps.engine.connect() as conn:
        return endpoints.list_messages(conn, endpoint_id=endpoint, after=after, limit=limit)


def _by(request: Request, caller: keys.Caller) -> audit.Actor:
    return actor(request, caller.who)


def _unfit(error: Unfit) -> Refusal:
    return Refusal(422, "Not possible", f"{error}.", "Nothing was changed.")
