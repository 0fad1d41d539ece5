"""The API for what people do about tasks besides answering them: hand on, snooze, comment, tick, take back."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from store import clock
from store.inbox import desk, tasks
from store.inbox.desk import Changed
from web.access import WritesTasks
from web.auditing import record
from web.bodies import Line, Note, RowId, StrictRoute
from web.deps import Deps
from web.problems import Refusal

api = APIRouter(route_class=StrictRoute, tags=["tasks"])

_STATUS = {"unknown_task": 404, "unknown_person": 422, "settled": 409, "changed": 409}


class Doing(BaseModel):
    """Who does it, and the version of the task that person has seen; without one, any will do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Line
    version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class Handover(Doing):
    """To whom."""

    to: Line


class Snooze(Doing):
    """Until when; an instant that is not ahead wakes it."""

    until: AwareDatetime


class Comment(BaseModel):
    """What there is to say, and who says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Line
    text: Annotated[Note, Field(min_length=1)]


class Tick(BaseModel):
    """Which item of the checklist, from 0 on, and whether it is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Line
    item: Annotated[int, Field(ge=0, le=1_000)]
    done: bool = True


@api.post("/tasks/{task_id}/reassign")
def reassign(deps: Deps, _: WritesTasks, request: Request, task_id: RowId, handover: Handover) -> Changed:
    """Make it somebody else's."""
    with deps.engine.begin() as conn:
        now = clock.now(conn)
        return _done(
            conn,
            request,
            task_id,
            desk.reassign(conn, task_id, handover.to, handover.by, now, version=handover.version),
            "hand-on",
        )


@api.post("/tasks/{task_id}/snooze")
def snooze(deps: Deps, _: WritesTasks, request: Request, task_id: RowId, wanted: Snooze) -> Changed:
    """Put it out of sight; what waits for it is put off by as long."""
    with deps.engine.begin() as conn:
        now, until = clock.now(conn), _within_reach(wanted.until)
        return _done(
            conn, request, task_id, desk.snooze(conn, task_id, until, wanted.by, now, version=wanted.version), "snooze"
        )


@api.post("/tasks/{task_id}/comment")
def comment(deps: Deps, _: WritesTasks, request: Request, task_id: RowId, said: Comment) -> Changed:
    """Say something about it."""
    with deps.engine.begin() as conn:
        return _done(
            conn, request, task_id, desk.comment(conn, task_id, said.text, said.by, clock.now(conn)), "comment"
        )


@api.post("/tasks/{task_id}/tick")
def tick(deps: Deps, _: WritesTasks, request: Request, task_id: RowId, ticked: Tick) -> Changed:
    """Tick an item of the checklist, or take the tick away."""
    with deps.engine.begin() as conn:
        return _done(
            conn, request, task_id, desk.tick(conn, task_id, ticked.item, done=ticked.done, by=ticked.by), "tick"
        )


@api.post("/tasks/{task_id}/reopen")
def reopen(deps: Deps, _: WritesTasks, request: Request, task_id: RowId, doing: Doing) -> Changed:
    """Take an own answer back, as long as the run has not gone on with it."""
    with deps.engine.begin() as conn:
        return _done(conn, request, task_id, desk.reopen(conn, task_id, doing.by), "reopen")


def _within_reach(until: datetime) -> datetime:
    if not 1970 <= until.year <= 2200:
        raise Refusal(422, "Out of reach", "That is too far away.", "Use a year from 1970 to 2200.")
    return until


def _done(conn: sa.Connection, request: Request, task_id: int, answer: Changed | tasks.Refused, did: str) -> Changed:
    if isinstance(answer, tasks.Refused):
        status = _STATUS.get(answer.kind, 422)
        raise Refusal(status, "Not done", f"{answer.message}.", answer.hint or "Read the task again.")
    record(conn, request, f"task.{did}", str(task_id))
    return answer
