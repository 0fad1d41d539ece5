"""Requests that runs sent to other programs and channels: the list, one of them, and saying what became of it."""

from typing import Annotated, Literal
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse, Response

from store import clock, errands
from store.postgres.pages import Page
from store.queries.errands import ErrandDetail, ErrandRow, get_errand, list_errands
from web.access import Administers, OpsViewer, Reads
from web.auditing import record
from web.bodies import Filter, RowId, StrictRoute
from web.deps import Deps
from web.forms import PageRoute
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["errands"])
pages = APIRouter(route_class=PageRoute, include_in_schema=False)

State = Literal["prepared", "handing_over", "delivered", "refused", "skipped", "unknown"]
Known = Literal["delivered", "refused"]


class Became(BaseModel):
    """What became of a request of which nobody knew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    became: Known


@api.get("/errands")
def get_errands(
    *,
    deps: Deps,
    _: Reads,
    state: State | None = None,
    kind: Literal["webhook", "chat"] | None = None,
    account: Filter = "",
    after: Filter = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page[ErrandRow]:
    """Latest first."""
    with deps.engine.connect() as conn:
        return list_errands(conn, state=state, kind=kind, account_key=account, after=after, limit=limit)


@api.get("/errands/{errand_id}")
def get_one(deps: Deps, _: Reads, errand_id: RowId) -> ErrandDetail:
    with deps.engine.connect() as conn:
        return _errand(conn, errand_id, "/api/v1/errands")


@api.post("/errands/{errand_id}/settle")
def settle(request: Request, deps: Deps, _: Administers, errand_id: RowId, said: Became) -> ErrandDetail:
    """Say what became of a request that may have arrived; its run has gone on."""
    with deps.engine.begin() as conn:
        found = _errand(conn, errand_id, "/api/v1/errands").errand
        if not _say(conn, request, errand_id, said.became):
            detail = f"Errand {errand_id} is {found.state}: only of one that may have arrived somebody has to say."
            raise Refusal(409, "Not done", detail, f"Look at it under /api/v1/errands/{errand_id}.")
        return _errand(conn, errand_id, "/api/v1/errands")


@pages.post("/errands/{errand_id}/settle")
def settle_by_form(
    request: Request, deps: Deps, _: OpsViewer, errand_id: RowId, became: Annotated[Known, Form()]
) -> Response:
    with deps.engine.begin() as conn:
        _errand(conn, errand_id, "the error queue")
        done = _say(conn, request, errand_id, became)
    return RedirectResponse(f"/errors?{urlencode({'said': f'errand_{became}' if done else 'nothing'})}", 303)


def _say(conn: sa.Connection, request: Request, errand_id: int, became: Known) -> bool:
    done = errands.say(conn, errand_id, became, request.state.who, clock.now(conn))
    if done:
        record(conn, request, f"errand.{became}", str(errand_id))
    return done


def _errand(conn: sa.Connection, errand_id: int, where: str) -> ErrandDetail:
    found = get_errand(conn, errand_id)
    if found is None:
        raise not_found("errand", errand_id, where)
    return found
