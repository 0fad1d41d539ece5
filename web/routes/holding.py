"""The API for what is held until a person decides: facts in the quarantine, and starts that a breaker holds back."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from store import clock
from store.consent import Reason, Suppressed, page_of_suppressed
from store.deciding import breaker
from store.deciding.breaker import HeldStart, Incident, NoIncident
from store.deployed import NothingDeployed, load_workspace
from store.intake import quarantine
from store.intake.quarantine import Held, Release, State
from store.postgres.pages import Page
from web.access import Administers, Reads
from web.auditing import record
from web.bodies import Filter, RowId, StrictRoute
from web.deps import Deps
from web.problems import Refusal

api = APIRouter(route_class=StrictRoute, tags=["held"])
_Limit = Annotated[int, Query(ge=1, le=500)]


class Chosen(BaseModel):
    """Numbers of what is held in the quarantine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(min_length=1, max_length=500)]


class LettingGo(BaseModel):
    """How much of what waits may start: percent of the accounts, by a stable lot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: Annotated[float, Field(gt=0, le=100)] = 100


@api.get("/quarantine")
def get_quarantine(
    *, deps: Deps, _: Reads, state: State = "held", source: Filter = "", after: Filter = "", limit: _Limit = 50
) -> Page[Held]:
    """What was told and not taken in, the oldest first."""
    with deps.engine.connect() as conn:
        return quarantine.list_held(conn, state=state, source=source or None, after=after or None, limit=limit)


@api.post("/quarantine/release")
def release(request: Request, deps: Deps, _: Administers, chosen: Chosen) -> Release:
    """Try them again, one by one; `stays` names those that still cannot come in, and why."""
    with deps.engine.begin() as conn:
        try:
            workspace = load_workspace(conn)
        except NothingDeployed as error:
            raise Refusal(409, "Nothing deployed", f"{error}.", "Deploy a workspace first.") from error
        by = request.state.who
        found = quarantine.release(conn, _once(chosen.ids), workspace, by=by, now=clock.now(conn))
        if found.released:
            record(conn, request, "quarantine.release", _numbers(found), count=len(found.released))
    return found


@api.post("/quarantine/drop")
def drop(request: Request, deps: Deps, _: Administers, chosen: Chosen) -> Release:
    """Never take them in; `released` names those that are dropped now."""
    with deps.engine.begin() as conn:
        found = quarantine.drop(conn, _once(chosen.ids), by=request.state.who, now=clock.now(conn))
        if found.released:
            record(conn, request, "quarantine.drop", _numbers(found), count=len(found.released))
    return found


@api.get("/breakers")
def get_breakers(
    *, deps: Deps, _: Reads, every: bool = False, after: Filter = "", limit: _Limit = 50
) -> Page[Incident]:
    """Starts that were held back because too much happened at once; `every`: also what is settled. Latest first."""
    with deps.engine.connect() as conn:
        return breaker.page_of_incidents(conn, every=every, after=after, limit=limit)


@api.get("/breakers/{number}/starts")
def get_starts(deps: Deps, _: Reads, number: RowId, after: Filter = "", limit: _Limit = 50) -> Page[HeldStart]:
    """The accounts that wait, by key."""
    with deps.engine.connect() as conn:
        try:
            return breaker.held_starts(conn, number, after=after, limit=limit)
        except NoIncident as error:
            raise _gone(error) from error


@api.post("/breakers/{number}/release")
def let_go(request: Request, deps: Deps, _: Administers, number: RowId, letting: LettingGo) -> Incident:
    """Let them, or a share of them first, start at the next sweep if their conditions still hold."""
    with deps.engine.begin() as conn:
        try:
            told = breaker.release(conn, number, by=request.state.who, now=clock.now(conn), share=letting.share)
        except NoIncident as error:
            raise _gone(error) from error
        record(conn, request, "breaker.release", str(number), accounts=told, share=str(letting.share))
        return _incident(conn, number)


@api.post("/breakers/{number}/drop")
def let_none(request: Request, deps: Deps, _: Administers, number: RowId) -> Incident:
    """Let none of those that wait start; they do when their trigger fires anew."""
    with deps.engine.begin() as conn:
        try:
            told = breaker.drop(conn, number, by=request.state.who, now=clock.now(conn))
        except NoIncident as error:
            raise _gone(error) from error
        record(conn, request, "breaker.drop", str(number), accounts=told)
        return _incident(conn, number)


@api.get("/suppressions", tags=["mails"])
def get_suppressions(
    *,
    deps: Deps,
    _: Reads,
    address: Filter = "",
    reason: Reason | None = None,
    after: Filter = "",
    limit: _Limit = 100,
) -> Page[Suppressed]:
    """Addresses that are not written to, whatever the playbook, or all that is known of one; the latest first."""
    with deps.engine.connect() as conn:
        return page_of_suppressed(conn, address=address or None, reason=reason, after=after, limit=limit)


def _incident(conn: sa.Connection, number: int) -> Incident:
    found = breaker.get_incident(conn, number)
    assert found is not None  # it was there a statement ago, and none is ever removed
    return found


def _gone(error: NoIncident) -> Refusal:
    return Refusal(404, "No such open breaker", f"{error}.", "Look it up under /api/v1/breakers.")


def _once(ids: list[int]) -> list[int]:
    return list(dict.fromkeys(ids))


def _numbers(found: Release) -> str:
    """A few of them: the rows themselves name who settled them."""
    shown = ", ".join(str(one) for one in found.released[:10])
    return f"{shown}, …" if len(found.released) > 10 else shown
