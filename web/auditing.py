"""What people and programs change goes into the audit log: by the routes that know best, and for all others here."""

import logging

import sqlalchemy as sa
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from store.access import audit
from store.access.audit import Actor
from web.access import wall_clock
from web.deps import WebDeps

log = logging.getLogger(__name__)


def actor(request: Request, who: str) -> Actor:
    """Who does it, from where. A route that records what it does itself asks for this, and is not recorded again."""
    request.state.recorded = True
    return Actor(who=who, address=address(request))


def record(conn: sa.Connection, request: Request, did: str, what: str, **detail: str | int | bool) -> None:
    """What the caller or viewer of this request does, in the transaction of doing it."""
    audit.record(conn, actor(request, request.state.who), did, wall_clock(), what=what, **detail)


def address(request: Request) -> str:
    """Where a request comes from, as the server knows it; behind a proxy, as a trusted proxy says."""
    return request.client.host if request.client else ""


async def note_change(request: Request, response: Response) -> None:
    """A write that nobody recorded in its own transaction: which route, on which address, with which answer."""
    if request.method in ("GET", "HEAD") or response.status_code >= 400 or getattr(request.state, "recorded", False):
        return
    if who := getattr(request.state, "who", ""):
        await run_in_threadpool(_record, request, who, response.status_code)


def _record(request: Request, who: str, status: int) -> None:
    deps: WebDeps = request.app.state.deps
    did = request.scope["endpoint"].__name__
    try:
        with deps.engine.begin() as conn:
            what = f"{request.method} {request.url.path}"
            audit.record(conn, Actor(who=who, address=address(request)), did, wall_clock(), what=what, status=status)
    except Exception:
        # What was asked for is done and committed; to say now that it failed would be a lie.
        log.exception("not in the audit log: %s did %s", who, did)
