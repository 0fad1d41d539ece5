"""The inbox: a person's tasks by what is at stake, one of them open beside the list, and what can be done with it."""

from datetime import timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse, Response, StreamingResponse

from store.access.viewer import Viewer
from store.inbox import desk, tasks
from store.queries.tasks import get_task
from web.access import CsmViewer, wall_clock
from web.auditing import record
from web.bodies import Filter, Note, RowId, Text
from web.choosing import Asked, ask_how, ask_to_whom, shared_outcomes
from web.days import snooze_until
from web.deps import Deps, WebDeps
from web.forms import PageRoute
from web.inbox_page import STATUS, UNDO_SECONDS, Shown, filters_of, inbox_page, read_filters, sees_task
from web.live import Live
from web.pages import Frame, frame
from web.problems import Refusal, not_found

pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_UNDO = timedelta(seconds=UNDO_SECONDS)
_MOST_AT_ONCE = 100


class Sent(BaseModel):
    """What every form of a task carries: the filters to go back to, and the task as it was shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    back: Filter = ""
    version: int | None = None


class Answer(Sent):
    outcome: Filter = ""
    note: Note = ""
    subject: Filter | None = None
    body: Text | None = None


class Ticking(Sent):
    item: int
    done: bool = False


class Snoozing(Sent):
    until: Filter = ""
    day: Filter = ""


class HandingOn(Sent):
    to: Filter = ""
    """Empty: it is still to be asked."""


class Saying(Sent):
    text: Note = ""


class AtOnce(Sent):
    act: Filter
    tasks: list[int] = []
    until: Filter = ""
    day: Filter = ""
    to: Filter = ""
    outcome: Filter = ""
    note: Note = ""


@pages.get("/inbox")
def page(*, deps: Deps, viewer: CsmViewer, request: Request, done: Filter = "", did: Filter = "") -> Response:
    filters = read_filters(dict(request.query_params))
    return inbox_page(deps, viewer, filters, None, Shown(done=done, did=_number(did)))


@pages.get("/inbox/changes")
async def changes(viewer: CsmViewer, request: Request) -> Response:
    """Server-sent events: a sign whenever tasks of the people one may look at have changed."""
    if "text/event-stream" not in request.headers.get("accept", ""):
        what_to_do = "Ask with the header `Accept: text/event-stream`, as pages do."
        raise Refusal(406, "A stream of events", "This address gives nothing but events as they come.", what_to_do)
    live: Live = request.app.state.live
    whose = None if viewer.scope.everything else frozenset((viewer.person, *viewer.scope.people))
    return StreamingResponse(live.changes(whose), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@pages.get("/inbox/{task_id}")
def page_of_one(
    *, deps: Deps, viewer: CsmViewer, request: Request, task_id: RowId, done: Filter = "", did: Filter = ""
) -> Response:
    return inbox_page(
        deps, viewer, read_filters(dict(request.query_params)), task_id, Shown(done=done, did=_number(did))
    )


@pages.post("/inbox/at-once")
def at_once(deps: Deps, viewer: CsmViewer, request: Request, sent: Annotated[AtOnce, Form()]) -> Response:
    """The same for several tasks; those for which it cannot be are left and counted. What it lacks is asked."""
    filters, did, left = filters_of(sent.back), 0, 0
    with deps.engine.begin() as conn:
        around = frame(conn, viewer)
        chosen = sorted(set(sent.tasks))[:_MOST_AT_ONCE]
        found = [task for one in chosen if sees_task(conn, viewer, one) and (task := get_task(conn, one, around.now))]
        open_ones = [task for task in found if task.state == "open"]
        carried = [("act", sent.act), *(("tasks", task.id) for task in open_ones)]
        asked = Asked(action="/inbox/at-once", carried=carried, back=sent.back, tasks=open_ones)
        if sent.act == "hand-on" and open_ones and not sent.to:
            return ask_to_whom(conn, around, asked)
        if sent.act == "complete" and open_ones and not sent.outcome:
            shared = shared_outcomes(open_ones)
            if len(shared) > 1:
                return ask_how(around, asked, shared)
            if not shared:
                return inbox_page(deps, viewer, filters, None, _refusal(_NOTHING_SHARED, {}))
            sent = sent.model_copy(update={"outcome": shared[0]})
        for task_id in chosen:
            became = _one_of_several(conn, viewer, around, task_id, sent)
            if became:
                outcome = {"outcome": sent.outcome} if sent.act == "complete" else {}
                record(conn, request, f"task.{sent.act}", str(task_id), **outcome)
            did, left = (did + 1, left) if became else (did, left + 1)
    said = f"{did} {'task' if did == 1 else 'tasks'} {_DONE.get(sent.act, 'changed')}"
    said += f", {left} left as they were" if left else ""
    return RedirectResponse(filters.address(done=said), 303)


@pages.post("/inbox/{task_id}/complete")
def complete(
    deps: Deps, viewer: CsmViewer, request: Request, task_id: RowId, sent: Annotated[Answer, Form()]
) -> Response:
    filters, typed = filters_of(sent.back), sent.model_dump(exclude={"back", "version"})
    with deps.engine.begin() as conn:
        around = frame(conn, viewer)
        _may(conn, viewer, task_id)
        edited = None
        if sent.subject is not None or sent.body is not None:
            edited = tasks.Edit(
                subject=sent.subject, body=None if sent.body is None else sent.body.replace("\r\n", "\n")
            )
        if not sent.outcome:
            became: tasks.Completed | tasks.Refused = tasks.Refused(
                kind="unknown_outcome", message="no outcome was chosen", hint="choose how it went"
            )
        else:
            became = tasks.complete(
                conn,
                task_id,
                sent.outcome,
                sent.note,
                viewer.person,
                around.now,
                edited=edited,
                version=sent.version,
                held_until=None if around.virtual else wall_clock() + _UNDO,
            )
        _note(conn, request, task_id, became, "complete", outcome=sent.outcome, edited=edited is not None)
    if isinstance(became, tasks.Refused):
        return inbox_page(deps, viewer, filters, task_id, _refusal(became, typed))
    return RedirectResponse(filters.address(done="completed", did=task_id), 303)


@pages.post("/inbox/{task_id}/reopen")
def reopen(deps: Deps, viewer: CsmViewer, request: Request, task_id: RowId, sent: Annotated[Sent, Form()]) -> Response:
    with deps.engine.begin() as conn:
        _may(conn, viewer, task_id)
        became = desk.reopen(conn, task_id, viewer.person)
        _note(conn, request, task_id, became, "reopen")
    return _after(deps, viewer, task_id, sent, became, "taken back")


@pages.post("/inbox/{task_id}/tick")
def tick(deps: Deps, viewer: CsmViewer, request: Request, task_id: RowId, sent: Annotated[Ticking, Form()]) -> Response:
    with deps.engine.begin() as conn:
        _may(conn, viewer, task_id)
        became = desk.tick(conn, task_id, sent.item, done=sent.done, by=viewer.person)
        _note(conn, request, task_id, became, "tick", item=sent.item, done=sent.done)
    return _after(deps, viewer, task_id, sent, became, "")


@pages.post("/inbox/{task_id}/snooze")
def snooze(
    deps: Deps, viewer: CsmViewer, request: Request, task_id: RowId, sent: Annotated[Snoozing, Form()]
) -> Response:
    with deps.engine.begin() as conn:
        around = frame(conn, viewer)
        _may(conn, viewer, task_id)
        if sent.until == "now":
            became = desk.snooze(conn, task_id, around.now, viewer.person, around.now, version=sent.version)
        else:
            until = snooze_until(sent.until, sent.day, around.now, around.zone)
            became = _NO_DAY
            if until is not None:
                became = desk.snooze(conn, task_id, until, viewer.person, around.now, version=sent.version)
        _note(conn, request, task_id, became, "wake" if sent.until == "now" else "snooze")
    return _after(deps, viewer, task_id, sent, became, "woken" if sent.until == "now" else "snoozed")


@pages.post("/inbox/{task_id}/hand-on")
def hand_on(
    deps: Deps, viewer: CsmViewer, request: Request, task_id: RowId, sent: Annotated[HandingOn, Form()]
) -> Response:
    with deps.engine.begin() as conn:
        around = frame(conn, viewer)
        _may(conn, viewer, task_id)
        task = get_task(conn, task_id, around.now)
        if task and task.state == "open" and not sent.to:
            carried = [] if sent.version is None else [("version", sent.version)]
            asked = Asked(action=f"/inbox/{task_id}/hand-on", carried=carried, back=sent.back, tasks=[task])
            return ask_to_whom(conn, around, asked)
        became = desk.reassign(conn, task_id, sent.to, viewer.person, around.now, version=sent.version)
        _note(conn, request, task_id, became, "hand-on", to=sent.to)
    filters = filters_of(sent.back)
    if isinstance(became, tasks.Refused):
        return inbox_page(deps, viewer, filters, task_id, _refusal(became, {}))
    # It may be out of sight for who handed it on.
    return RedirectResponse(filters.address(done="handed on", did=task_id), 303)


@pages.post("/inbox/{task_id}/comment")
def comment(
    deps: Deps, viewer: CsmViewer, request: Request, task_id: RowId, sent: Annotated[Saying, Form()]
) -> Response:
    with deps.engine.begin() as conn:
        around = frame(conn, viewer)
        _may(conn, viewer, task_id)
        became: desk.Changed | tasks.Refused = tasks.Refused(kind="bad_edit", message="there is no text to add")
        if sent.text:
            became = desk.comment(conn, task_id, sent.text, viewer.person, around.now)
        _note(conn, request, task_id, became, "comment")
    return _after(deps, viewer, task_id, sent, became, "commented")


# --- doing it ---

_NO_DAY = tasks.Refused(kind="bad_edit", message="that is no day to wake up on", hint="choose a day after today")
_NOTHING_SHARED = tasks.Refused(
    kind="unknown_outcome", message="these tasks share no outcome", hint="complete them one by one"
)
_DONE = {"snooze": "snoozed", "hand-on": "handed on", "complete": "completed"}


def _one_of_several(conn: sa.Connection, viewer: Viewer, around: Frame, task_id: int, sent: AtOnce) -> bool:
    if not sees_task(conn, viewer, task_id):
        return False
    became: object = None
    if sent.act == "snooze":
        until = snooze_until(sent.until, sent.day, around.now, around.zone)
        became = until and desk.snooze(conn, task_id, until, viewer.person, around.now)
    elif sent.act == "hand-on":
        became = desk.reassign(conn, task_id, sent.to, viewer.person, around.now)
    elif sent.act == "complete":
        became = tasks.complete(conn, task_id, sent.outcome, sent.note or None, viewer.person, around.now)
    return isinstance(became, desk.Changed | tasks.Completed)


def _note(
    conn: sa.Connection, request: Request, task_id: int, became: object, did: str, **detail: str | int | bool
) -> None:
    """What was refused changed nothing, and is no line of the audit log."""
    if not isinstance(became, tasks.Refused):
        record(conn, request, f"task.{did}", str(task_id), **detail)


def _may(conn: sa.Connection, viewer: Viewer, task_id: int) -> None:
    """Tasks of accounts one does not see are not there."""
    if not sees_task(conn, viewer, task_id):
        raise not_found("task", task_id, "Inbox")


def _after(  # noqa: PLR0917 - read aloud: here, for whom, this task as sent, became that, in a word
    deps: WebDeps, viewer: Viewer, task_id: int, sent: Sent, became: desk.Changed | tasks.Refused, done: str
) -> Response:
    filters = filters_of(sent.back)
    if isinstance(became, tasks.Refused):
        return inbox_page(
            deps, viewer, filters, task_id, _refusal(became, sent.model_dump(exclude={"back", "version"}))
        )
    more = {"done": done, "did": task_id} if done else {}
    return RedirectResponse(filters.address(task_id, **more), 303)


def _refusal(refused: tasks.Refused, typed: dict[str, Any]) -> Shown:
    return Shown(refused=refused, typed=typed, status=STATUS[refused.kind])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
