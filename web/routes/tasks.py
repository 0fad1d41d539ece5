"""Tasks: the list, and saying how one went."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse, Response

from store import clock
from store.inbox import tasks
from store.postgres.pages import Page
from store.queries.names import people
from store.queries.tasks import TaskRow, TaskView, get_task, list_tasks
from web.access import OpsViewer, Reads, WritesTasks
from web.auditing import record
from web.bodies import Filter, Line, Note, RowId, StrictRoute, Text
from web.deps import Deps
from web.forms import PageRoute
from web.pages import frame, render
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["tasks"])
pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_STATUS = {"unknown_task": 404, "unknown_outcome": 422, "settled": 409, "bad_edit": 422}
_TITLE = {
    "unknown_task": "No such task",
    "unknown_outcome": "Unknown outcome",
    "settled": "Already settled",
    "bad_edit": "Not a mail",
}


class Completion(BaseModel):
    """How a task went, according to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Line
    by: Line
    note: Note = ""
    subject: Filter | None = None
    """Of a review: the subject as it shall leave; left out, as it is."""
    body: Text | None = None
    """Of a review: the body as it shall leave, in Markdown."""


@api.get("/tasks")
def get_tasks(
    *,
    deps: Deps,
    _: Reads,
    view: TaskView = "open",
    assignee: Filter = "",
    account: Filter = "",
    after: Filter = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page[TaskRow]:
    """Open tasks by due date, or settled ones latest first."""
    with deps.engine.connect() as conn:
        return list_tasks(
            conn, clock.now(conn), view=view, assignee=assignee, account_key=account, after=after, limit=limit
        )


@api.get("/tasks/{task_id}")
def get_one(deps: Deps, _: Reads, task_id: RowId) -> TaskRow:
    with deps.engine.connect() as conn:
        found = get_task(conn, task_id, clock.now(conn))
    if found is None:
        raise not_found("task", task_id, "/api/v1/tasks")
    return found


@api.post("/tasks/{task_id}/complete")
def complete(deps: Deps, request: Request, _: WritesTasks, task_id: RowId, completion: Completion) -> tasks.Completed:
    """Settle a task. The same answer by the same person again is fine; a different one is refused."""
    settled = _complete(deps, request, task_id, completion)
    if isinstance(settled, tasks.Refused):
        what_to_do = settled.hint or "Read the task again."
        raise Refusal(_STATUS[settled.kind], _TITLE[settled.kind], settled.message, what_to_do)
    return settled


@pages.get("/tasks")
def page(
    *,
    deps: Deps,
    viewer: OpsViewer,
    view: Filter = "open",
    assignee: Filter = "",
    after: Filter = "",
    done: Filter = "",
) -> Response:
    return _page(deps, viewer, view, assignee, after, done=done)


@pages.post("/tasks/{task_id}/complete")
def complete_by_form(
    deps: Deps, request: Request, viewer: OpsViewer, task_id: RowId, completion: Annotated[Completion, Form()]
) -> Response:
    settled = _complete(deps, request, task_id, completion)
    if isinstance(settled, tasks.Refused):
        return _page(deps, viewer, refused=settled, status=_STATUS[settled.kind])
    return RedirectResponse(f"/tasks?{urlencode({'done': settled.task_id})}", 303)


def _complete(deps: Deps, request: Request, task_id: int, completion: Completion) -> tasks.Completed | tasks.Refused:
    with deps.engine.begin() as conn:
        edited = None
        if completion.subject is not None or completion.body is not None:
            body = None if completion.body is None else completion.body.replace("\r\n", "\n")
            edited = tasks.Edit(subject=completion.subject, body=body)
        became = tasks.complete(
            conn, task_id, completion.outcome, completion.note, completion.by, clock.now(conn), edited=edited
        )
        if not isinstance(became, tasks.Refused):
            # A key tells of people: whose answer it is belongs to it.
            record(conn, request, "task.complete", str(task_id), outcome=completion.outcome, by=completion.by)
        return became


def _page(
    deps: Deps,
    viewer: OpsViewer,
    view: str = "open",
    assignee: str = "",
    after: str = "",
    *,
    done: str = "",
    refused: tasks.Refused | None = None,
    status: int = 200,
) -> Response:
    shown: TaskView = "overdue" if view == "overdue" else "settled" if view == "settled" else "open"
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        content = {
            "page": list_tasks(conn, around.now, view=shown, assignee=assignee, after=after),
            "people": people(conn),
            "view": shown,
            "assignee": assignee,
            "done": get_task(conn, int(done), around.now) if done.isdecimal() and len(done) < 19 else None,
            "refused": refused,
        }
    return render("tasks.html", content, around, status=status)
