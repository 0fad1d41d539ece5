"""The page of what is held until a person decides: starts that a breaker holds back, and facts in the quarantine."""

from typing import Annotated, Literal
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from store import clock
from store.deciding import breaker
from store.deployed import NothingDeployed, load_workspace
from store.intake import quarantine
from store.intake.quarantine import Release
from store.postgres.pages import Page
from web.access import OpsViewer
from web.auditing import record
from web.bodies import Filter, RowId
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import Refusal
from web.studio import SAID

pages = APIRouter(route_class=PageRoute, include_in_schema=False)
SHOWN, SHOWN_OF_ONE = 8, 500
"""Accounts named of each breaker, and at once of one that was asked for."""
AT_ONCE = 500
"""Facts of a source that one click tries again: each is taken in by itself."""
FIRST_SHARE = 10.0


@pages.get("/held")
def page(
    *,
    deps: Deps,
    viewer: OpsViewer,
    breaker_id: Annotated[int | None, Query(alias="breaker", ge=1, le=2**63 - 1)] = None,
    more: Filter = "",
    source: Filter = "",
    after: Filter = "",
    said: Filter = "",
) -> Response:
    """`more`: where to go on among the accounts of that breaker; `after`: among facts."""
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        incidents = breaker.list_incidents(conn)
        content = {
            "incidents": [(one, _starts(conn, one.id, breaker_id, more)) for one in incidents],
            "in_full": breaker_id,
            "page": quarantine.list_held(conn, source=source or None, after=after or None),
            "sources": quarantine.count_held(conn),
            "source": source,
            "said": SAID.get(said),
            "first_share": FIRST_SHARE,
            "at_once": AT_ONCE,
        }
    return render("held.html", content, around)


def _starts(conn: sa.Connection, number: int, asked_for: int | None, more: str) -> Page[breaker.HeldStart]:
    if number != asked_for:
        return breaker.held_starts(conn, number, limit=SHOWN)
    return breaker.held_starts(conn, number, after=more, limit=SHOWN_OF_ONE)


@pages.post("/held/breakers/{number}")
def settle_breaker(
    request: Request, deps: Deps, _: OpsViewer, number: RowId, do: Annotated[Literal["some", "all", "none"], Form()]
) -> Response:
    """Let all that wait start, a tenth of them first, or none. One that is settled already stays so."""
    try:
        with deps.engine.begin() as conn:
            by, now = request.state.who, clock.now(conn)
            if do == "none":
                told, did = breaker.drop(conn, number, by=by, now=now), "breaker.drop"
            else:
                share = FIRST_SHARE if do == "some" else 100.0
                told, did = breaker.release(conn, number, by=by, now=now, share=share), "breaker.release"
            # Who clicks twice for the first few lets nobody go by the second click.
            if told or do != "some":
                record(conn, request, did, str(number), accounts=told)
    except breaker.NoIncident:
        return _back("nothing")
    return _back(f"starts_{do}" if told or do != "some" else "nothing")


@pages.post("/held/facts")
def settle_facts(
    *,
    request: Request,
    deps: Deps,
    _: OpsViewer,
    do: Annotated[Literal["release", "drop"], Form()],
    number: Annotated[int | None, Form(ge=1, le=2**63 - 1)] = None,
    source: Annotated[Filter, Form()] = "",
) -> Response:
    """Try one again, or the oldest of a source; or leave it out for good."""
    with deps.engine.begin() as conn:
        ids = [number] if number else quarantine.held_ids(conn, source)[:AT_ONCE] if source else []
        found = _settle(conn, request, do, ids)
        if found.released:
            what = str(number) if number else source
            record(conn, request, f"quarantine.{do}", what, count=len(found.released))
    stays = any(why != quarantine.NOT_HELD for why in found.stays.values())
    return _back("stays" if stays else f"facts_{do}" if found.released else "nothing")


def _settle(conn: sa.Connection, request: Request, do: Literal["release", "drop"], ids: list[int]) -> Release:
    by, now = request.state.who, clock.now(conn)
    if do == "drop":
        return quarantine.drop(conn, ids, by=by, now=now)
    try:
        return quarantine.release(conn, ids, load_workspace(conn), by=by, now=now)
    except NothingDeployed as error:
        raise Refusal(409, "Nothing deployed", f"{error}.", "Deploy a workspace first.") from error


def _back(said: str) -> Response:
    return RedirectResponse(f"/held?{urlencode({'said': said})}", 303)
