"""What operators do by a form: playbooks paused, resumed, ended and rolled back; runs that need a word."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from store import clock
from store.deploying.deploy import DeployRefused, NothingDeployed, rollback
from store.deploying.playbook_state import MOVES, Move, move_all
from store.running import operating
from store.running.operating import Do
from web.access import OpsViewer
from web.auditing import record
from web.bodies import Filter, RowId
from web.deps import Deps
from web.forms import PageRoute
from web.problems import Refusal, not_found

pages = APIRouter(route_class=PageRoute, include_in_schema=False)
_STATUS = {"unknown": 404, "ended": 409, "not_stuck": 409}


@pages.post("/playbooks")
def move_every(request: Request, deps: Deps, _: OpsViewer, do: Annotated[Move, Form()]) -> Response:
    """Pause all that are active, or resume all that are paused."""
    if do == "off":
        what_to_do = "Open the playbook that is to end, and switch it off there."
        raise Refusal(422, "One by one", "Playbooks are switched off one by one.", what_to_do)
    with deps.engine.begin() as conn:
        moved = move_all(conn, do)
        for name, told in moved.items():
            record(conn, request, f"playbook.{do}", name, told=told)
    return _back("/playbooks", do if moved else "nothing")


@pages.post("/playbooks/{name}/state")
def move_one(request: Request, deps: Deps, _: OpsViewer, name: str, do: Annotated[Move, Form()]) -> Response:
    try:
        with deps.engine.begin() as conn:
            told = MOVES[do](conn, name)
            if told is not None:
                record(conn, request, f"playbook.{do}", name, told=told)
    except NothingDeployed as error:
        raise not_found("playbook", name, "Playbooks") from error
    return _back(f"/playbooks/{quote(name, safe='')}", "nothing" if told is None else do)


@pages.post("/playbooks/{name}/rollback")
def roll_back(
    request: Request, deps: Deps, _: OpsViewer, name: str, version: Annotated[int, Form(ge=1, le=2**31 - 1)]
) -> Response:
    try:
        with deps.engine.begin() as conn:
            report = rollback(conn, name, version, clock.now(conn))[1]
            changed = name in report.changed
            if changed:
                record(conn, request, "playbook.rollback", name, version=version)
    except NothingDeployed as error:
        raise Refusal(404, "No such version", f"{error}.", f"Look at the versions of {name}.") from error
    except DeployRefused as error:
        raise Refusal(409, "It cannot go back", "; ".join(error.reasons), "Deploy what it needs first.") from error
    return _back(f"/playbooks/{quote(name, safe='')}/versions", "rollback" if changed else "nothing")


@pages.post("/runs/{run_id}/steer")
def steer(
    *,
    request: Request,
    deps: Deps,
    viewer: OpsViewer,
    run_id: RowId,
    do: Annotated[Do, Form()],
    back: Annotated[Filter, Form()] = "",
) -> Response:
    """`back`: `errors` leads back to the error queue, anything else to the run."""
    with deps.engine.begin() as conn:
        told = operating.steer_run(conn, run_id, do, viewer.person, clock.now(conn))
        if isinstance(told, operating.Told) and not told.repeated:
            record(conn, request, f"run.{do}", str(run_id), steps=", ".join(told.steps))
    if isinstance(told, operating.NotTold):
        raise Refusal(_STATUS[told.kind], "Not done", f"{told.message}.", "Look at the run again.")
    return _back("/errors" if back == "errors" else f"/runs/{run_id}", "repeated" if told.repeated else do)


def _back(path: str, said: str) -> Response:
    return RedirectResponse(f"{path}?{urlencode({'said': said})}", 303)
