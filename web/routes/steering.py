"""The API for what operators do: playbooks listed and moved, runs ended, and got out of the error queue."""

from dataclasses import dataclass
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from store import clock
from store.access.keys import Caller
from store.deployed import NothingDeployed
from store.deploying.playbook_state import MOVES, Move, move_all
from store.explain.candidates import Candidates, candidates_of
from store.postgres.pages import Page, size
from store.queries.names import playbook_title
from store.queries.runs import RunDetail, get_run
from store.running.operating import Do, NotTold, Told, steer_run
from store.schema import playbook, run
from web.access import Administers, Reads
from web.auditing import record
from web.bodies import Filter, RowId, StrictRoute
from web.deps import Deps, WebDeps
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["playbooks"])


@dataclass(frozen=True, kw_only=True)
class PlaybookRow:
    """A playbook and how it stands."""

    id: str
    title: str
    state: str
    """active | paused | off"""
    version: int
    open_runs: int
    stuck_runs: int


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The state the playbook is in now. `moved` is false where it was so already, or cannot come there."""

    playbook: str
    state: str
    moved: bool
    runs_told: int


class MoveAll(BaseModel):
    """What all playbooks are to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Literal["pause", "resume"]


class Ending(BaseModel):
    """Why a run is ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Filter = ""


@api.get("/playbooks")
def get_playbooks(
    deps: Deps, _: Reads, after: Filter = "", limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> Page[PlaybookRow]:
    """By id."""
    open_runs = sa.select(sa.func.count()).where(run.c.playbook == playbook.c.id, run.c.state == "open")
    query = sa.select(
        playbook.c.id,
        playbook.c.state,
        playbook.c.version,
        sa.func.coalesce(playbook_title(playbook.c.id, playbook.c.version), playbook.c.id).label("title"),
        open_runs.scalar_subquery().label("open_runs"),
        open_runs.where(run.c.standing == "stuck").scalar_subquery().label("stuck_runs"),
    ).where(playbook.c.id > after)
    with deps.engine.connect() as conn:
        rows = conn.execute(query.order_by(playbook.c.id).limit(size(limit) + 1)).mappings().all()
    items = tuple(PlaybookRow(**row) for row in rows[:limit])
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


@api.post("/playbooks")
def move_every(request: Request, deps: Deps, _: Administers, move: MoveAll) -> tuple[Moved, ...]:
    """Pause every active playbook, or resume every paused one; those that moved."""
    state = "paused" if move.do == "pause" else "active"
    with deps.engine.begin() as conn:
        told = move_all(conn, move.do)
        for name, runs_told in told.items():
            record(conn, request, f"playbook.{move.do}", name, told=runs_told)
    return tuple(Moved(playbook=name, state=state, moved=True, runs_told=n) for name, n in told.items())


@api.get("/playbooks/{name}/candidates")
def get_candidates(
    deps: Deps, _: Reads, name: str, version: Annotated[int, Query(ge=1, le=2**31 - 1)] | None = None
) -> Candidates:
    """Who meets its triggers now, the largest by ARR, and whether each would start; nothing is started by looking."""
    with deps.engine.connect() as conn:
        try:
            return candidates_of(conn, name, version, clock.now(conn))
        except NothingDeployed as error:
            raise _no_playbook(error) from error


@api.post("/playbooks/{name}/{do}")
def move_one(request: Request, deps: Deps, _: Administers, name: str, do: Move) -> Moved:
    """Pause: no starts and no acts until it is resumed. Off: no starts, and its open runs end."""
    try:
        with deps.engine.begin() as conn:
            told = MOVES[do](conn, name)
            state = conn.execute(sa.select(playbook.c.state).where(playbook.c.id == name)).scalar_one()
            if told is not None:
                record(conn, request, f"playbook.{do}", name, told=told)
    except NothingDeployed as error:
        raise _no_playbook(error) from error
    return Moved(playbook=name, state=state, moved=told is not None, runs_told=told or 0)


@api.post("/runs/{run_id}/end", tags=["runs"])
def end_run(request: Request, deps: Deps, caller: Administers, run_id: RowId, ending: Ending) -> RunDetail:
    """Ask an open run to end; it does as soon as it hears of it. One that has ended stays as it is."""
    return _steered(request, deps, caller, run_id, "end", ending.reason)


@api.post("/runs/{run_id}/{do}", tags=["runs"])
def retry_run(
    request: Request, deps: Deps, caller: Administers, run_id: RowId, do: Literal["retry", "skip"]
) -> RunDetail:
    """Try the failed steps of a stuck run again, or go on without them; said twice, it is said once."""
    return _steered(request, deps, caller, run_id, do)


def _steered(request: Request, deps: WebDeps, caller: Caller, run_id: int, do: Do, reason: str = "") -> RunDetail:  # noqa: PLR0917 - a request's parts, then the order
    with deps.engine.begin() as conn:
        told = steer_run(conn, run_id, do, caller.who, clock.now(conn), reason=reason)
        if isinstance(told, Told) and not told.repeated:
            record(conn, request, f"run.{do}", str(run_id), steps=", ".join(told.steps))
    if isinstance(told, NotTold) and told.kind != "unknown" and (do, told.kind) != ("end", "ended"):
        what_to_do = "Look for stuck ones at /api/v1/runs?stuck=true."
        raise Refusal(409, "Not done", f"{told.message}.", what_to_do)
    with deps.engine.connect() as conn:
        found = get_run(conn, run_id)
    if found is None:
        raise not_found("run", run_id, "/api/v1/runs")
    return found


def _no_playbook(error: NothingDeployed) -> Refusal:
    return Refusal(404, "No such playbook", f"{error}.", "Look it up under /api/v1/playbooks.")
