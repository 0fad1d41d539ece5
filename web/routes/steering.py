"""The API for what operators do: pausing playbooks, ending runs, and getting them out of the error queue."""

from dataclasses import dataclass
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from store import clock, playbook_state
from store.deployed import NothingDeployed
from store.queries.names import playbook_title
from store.queries.pages import Page, size
from store.queries.runs import RunDetail, get_run
from store.schema import playbook, run
from store.telling import tell
from web.access import Administers, Reads
from web.bodies import Filter, Line, RowId, StrictRoute
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
class Told:
    """The state the playbook is in now, asked for or not possible from where it was; so many open runs were told."""

    playbook: str
    state: str
    runs_told: int


class Ending(BaseModel):
    """Why a run is ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Line = "ended by an operator"


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


@api.post("/playbooks/{name}/{do}")
def steer(deps: Deps, _: Administers, name: str, do: Literal["pause", "resume", "off"]) -> Told:
    """Pause: no starts and no acts until it is resumed. Off: no starts, and its open runs end."""
    call = {"pause": playbook_state.pause, "resume": playbook_state.resume, "off": playbook_state.switch_off}[do]
    try:
        with deps.engine.begin() as conn:
            told = call(conn, name)
            state = conn.execute(sa.select(playbook.c.state).where(playbook.c.id == name)).scalar_one()
    except NothingDeployed as error:
        raise Refusal(404, "No such playbook", f"{error}.", "Look it up under /api/v1/playbooks.") from error
    return Told(playbook=name, state=state, runs_told=told or 0)


@api.post("/runs/{run_id}/end", tags=["runs"])
def end_run(deps: Deps, _: Administers, run_id: RowId, ending: Ending) -> RunDetail:
    """Ask an open run to end; it does as soon as it hears of it. One that has ended stays as it is."""
    with deps.engine.begin() as conn:
        if _run(conn, run_id).state == "open":
            tell(conn, run_id, "end", of="stop", values={"reason": ending.reason}, at=clock.now(conn))
    return _shown(deps, run_id)


@api.post("/runs/{run_id}/{do}", tags=["runs"])
def retry_run(deps: Deps, _: Administers, run_id: RowId, do: Literal["retry", "skip"]) -> RunDetail:
    """Try the failed steps of a stuck run again, or go on without them."""
    with deps.engine.begin() as conn:
        row = _run(conn, run_id)
        if row.state != "open" or row.standing != "stuck":
            what_to_do = "Look for stuck ones at /api/v1/runs?stuck=true."
            raise Refusal(409, "Not stuck", f"Run {run_id} does not stand in the error queue.", what_to_do)
        failed = [stand["step"] for stand in row.at_step if stand["says"].startswith("failed:")]
        for step in failed:
            tell(conn, run_id, "retry", of=step, values={"do": do}, at=clock.now(conn))
    return _shown(deps, run_id)


def _run(conn: sa.Connection, run_id: int) -> sa.Row[*tuple[object, ...]]:
    columns = (run.c.state, run.c.standing, run.c.at_step)
    row = conn.execute(sa.select(*columns).where(run.c.id == run_id).with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise not_found("run", run_id, "/api/v1/runs")
    return row


def _shown(deps: WebDeps, run_id: int) -> RunDetail:
    with deps.engine.connect() as conn:
        found = get_run(conn, run_id)
    if found is None:
        raise not_found("run", run_id, "/api/v1/runs")
    return found
