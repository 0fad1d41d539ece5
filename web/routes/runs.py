"""Runs: the list, one with its trace, and starting one by hand."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from store.deciding import enrolment
from store.postgres.pages import Page
from store.queries.runs import RunDetail, RunRow, RunState, get_run, list_runs
from web.access import Administers, OpsViewer, Reads
from web.bodies import Filter, Line, RowId, StrictRoute
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import Refusal, not_found
from web.studio import SAID, step_names

api = APIRouter(route_class=StrictRoute, tags=["runs"])
pages = APIRouter(route_class=PageRoute, include_in_schema=False)


_STATUS = {"unknown_playbook": 404, "unknown_account": 404, "not_by_hand": 409}
_TITLE = {
    "unknown_playbook": "No such playbook",
    "unknown_account": "No such account",
    "not_by_hand": "Not by hand",
}


class Start(BaseModel):
    """Which playbook to start for which account, and who says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    playbook: Line
    account: Line
    by: Line


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What became of the start: the same rules hold as for every other crossing."""

    state: str
    """started | held_out | held | not_started | dropped"""
    why: str | None
    """The obstacle, where there is one."""
    run_id: int | None


@api.get("/runs")
def get_runs(
    *,
    deps: Deps,
    _: Reads,
    state: RunState | None = None,
    stuck: bool = False,
    playbook: Filter = "",
    account: Filter = "",
    after: Filter = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page[RunRow]:
    """Latest first. `stuck=true`: the runs that wait for a person because a step failed."""
    with deps.engine.connect() as conn:
        return list_runs(
            conn, state=state, stuck=stuck, playbook=playbook, account_key=account, after=after, limit=limit
        )


@api.post("/runs")
def start(deps: Deps, _: Administers, start: Start) -> Ruling:
    """Start a playbook by hand, where it has a manual trigger. `state` tells whether it did, is held, or why not."""
    with deps.engine.begin() as conn:
        ruled = enrolment.enrol(conn, start.playbook, start.account, start.by)
    if isinstance(ruled, enrolment.CannotEnrol):
        what_to_do = ruled.hint or "Send the account as a fact first, or look it up under /api/v1/accounts."
        raise Refusal(_STATUS[ruled.kind], _TITLE[ruled.kind], f"{ruled.message}.", what_to_do)
    return Ruling(state=ruled.ruling.state, why=ruled.ruling.why, run_id=ruled.run_id)


@api.get("/runs/{run_id}")
def get_one(deps: Deps, _: Reads, run_id: RowId) -> RunDetail:
    with deps.engine.connect() as conn:
        found = get_run(conn, run_id)
    if found is None:
        raise not_found("run", run_id, "/api/v1/runs")
    return found


@pages.get("/runs")
def page(
    *,
    deps: Deps,
    viewer: OpsViewer,
    state: Filter = "",
    playbook: Filter = "",
    account: Filter = "",
    after: Filter = "",
) -> Response:
    shown: RunState | None = "open" if state == "open" else "ended" if state == "ended" else None
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        found = list_runs(
            conn, state=shown, stuck=state == "stuck", playbook=playbook, account_key=account, after=after
        )
    content = {"page": found, "state": state, "playbook": playbook, "account": account}
    return render("runs.html", content, around)


@pages.get("/runs/{run_id}")
def page_of_one(deps: Deps, viewer: OpsViewer, run_id: RowId, said: Filter = "") -> Response:
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        found = get_run(conn, run_id)
        if found is None:
            raise not_found("run", run_id, "Runs")
        steps = step_names(conn, found.run.playbook, found.run.version)
    ui = deps.temporal_ui and f"{deps.temporal_ui}/namespaces/{deps.temporal_namespace}/workflows/"
    content = {"detail": found, "run": found.run, "temporal_ui": ui, "said": SAID.get(said), "steps": steps}
    return render("run.html", content, around)
