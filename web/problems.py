"""Every refusal in one shape: where, what, and what to do. JSON (RFC 9457) for programs, a page for people."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy import exc
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response

from engine.problems import did_you_mean
from store.postgres.outages import why_away
from store.postgres.pages import CursorError
from web.pages import render

log = logging.getLogger(__name__)
_SHOWN = 100


class Fault(BaseModel):
    """One thing that is wrong with what was sent."""

    at: str
    """Where in the body or address, such as [3].value."""
    message: str
    hint: str = ""


class Problem(BaseModel):
    """An answer to a request that was not carried out, as application/problem+json."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    what_to_do: str
    problems: list[Fault] = []


class Refusal(HTTPException):
    """Raised by routes; becomes a `Problem`."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        what_to_do: str,
    ) -> None:
        super().__init__(status, detail)
        self.problem = Problem(title=title, status=status, detail=detail, what_to_do=what_to_do)


def not_found(what: str, key: object, where: str) -> Refusal:
    return Refusal(404, f"No such {what}", f"There is no {what} {key}.", f"Look it up under {where}.")


def for_programs(path: str) -> bool:
    return path.startswith(("/api", "/hooks", "/healthz", "/readyz", "/metrics", "/static"))


def answer(path: str, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem in the form that whoever asked for this path can read."""
    if for_programs(path):
        return problem_response(problem, headers)
    return render("problem.html", {"problem": problem}, status=problem.status, headers=headers)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    content = problem.model_dump(exclude_defaults=True) | {"type": problem.type}
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")


# --- handlers, in the order of the table that web/app.py registers ---------------------------------------------------


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    problem = error.problem if isinstance(error, Refusal) else _of_status(error)
    return answer(request.url.path, problem, error.headers)


async def invalid(request: Request, error: Exception) -> Response:
    """What FastAPI and Pydantic found wrong with a request."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(fault["loc"][:1] == ("path",) for fault in found):
        return answer(request.url.path, not_found("page", request.url.path, "the list it belongs to").problem)
    if isinstance(error.body, bytes):
        what_to_do = "Send JSON with the header Content-Type: application/json."
        problem = Problem(title="Not JSON", status=415, detail="The body is not marked as JSON.", what_to_do=what_to_do)
        return answer(request.url.path, problem)
    faults = faults_of(found, error.body)
    problem = Problem(
        title="Refused",
        status=422,
        detail=f"This request has {len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was changed.",
        what_to_do="Correct what `problems` names and send it again.",
        problems=faults[:_SHOWN],
    )
    return answer(request.url.path, problem)


async def lost_page(request: Request, error: Exception) -> Response:
    problem = Problem(
        title="Refused",
        status=422,
        detail="The page to show could not be found.",
        what_to_do="Leave out `after` to start from the beginning.",
        problems=[Fault(at="query.after", message=str(error))],
    )
    return answer(request.url.path, problem)


async def at_once(request: Request, error: Exception) -> Response:
    """Two requests that exclude each other arrived for the same instant; the unique indexes let one through."""
    log.info("refused by an index: %s", error)
    problem = Problem(
        title="Already done",
        status=409,
        detail="The same was asked for at the same instant; that request counts, this one changed nothing.",
        what_to_do="Look at what the other request did before you ask again.",
    )
    return answer(request.url.path, problem)


async def database_away(request: Request, error: Exception) -> Response:
    log.warning("the database does not answer: %s", error)
    said = why_away(error)
    problem = Problem(
        title="Database away",
        status=503,
        detail=f"PostgreSQL {f'answers, but {said}' if said else 'does not answer'}; nothing was changed.",
        what_to_do="Try again in a moment; if it says the same again, tell whoever runs Tenure.",
    )
    return answer(request.url.path, problem, {"Retry-After": "5"})


AWAY = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
"""How SQLAlchemy says that PostgreSQL does not answer."""

HANDLERS = {
    StarletteHTTPException: refused,
    RequestValidationError: invalid,
    CursorError: lost_page,
    exc.IntegrityError: at_once,
    **dict.fromkeys(AWAY, database_away),
}


def unexpected(path: str) -> Response:
    """A fault of ours: the log has it, the answer does not."""
    return answer(
        path,
        Problem(
            title="Our fault",
            status=500,
            detail="Tenure could not finish this request; the reason is in its log.",
            what_to_do="Try again; if it fails again, tell whoever runs Tenure when and where it did.",
        ),
    )


def faults_of(found: Sequence[Any], body: object) -> list[Fault]:
    """Pydantic's errors by place in what was sent; several ways to be wrong at one place become one fault."""
    by_place: dict[str, list[Any]] = {}
    for fault in found:
        by_place.setdefault(_place(fault, body), []).append(fault)
    return [
        Fault(at=place, message="; or ".join(dict.fromkeys(_message(fault) for fault in faults)), hint=_hint(faults[0]))
        for place, faults in by_place.items()
    ]


def _place(fault: Any, body: object) -> str:
    source, *loc = fault["loc"]
    if source != "body":
        return ".".join(str(part) for part in fault["loc"])
    place, here = "", body
    for part in loc:
        if isinstance(here, Mapping) and part == here.get("kind") and part != loc[-1]:
            continue  # the kind of a fact, which Pydantic names before the field
        if isinstance(here, list) and isinstance(part, int) and part < len(here):
            place, here = f"{place}[{part}]", here[part]
        elif isinstance(here, Mapping) and part in here:
            place, here = f"{place}.{part}", here[part]
        elif fault["type"] == "missing" and part == loc[-1]:
            place = f"{place}.{part}"
        # Any other part is the name of a union's member: Pydantic's business, not the sender's.
    return place.lstrip(".") or "body"


def _message(fault: Any) -> str:
    message: str = fault["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _hint(fault: Any) -> str:
    context = fault.get("ctx") or {}
    if fault["type"] != "union_tag_invalid":
        return ""
    known = [tag.strip().strip("'") for tag in context["expected_tags"].split(",")]
    return did_you_mean(context["tag"], known)


def _of_status(error: StarletteHTTPException) -> Problem:
    title, detail, what_to_do = {
        400: ("Not understood", "The request could not be read.", "Check that it is whole and well formed."),
        404: ("Not found", "There is nothing at this address.", "Start from / or see /api/v1/openapi.json."),
        405: ("Not allowed", "This address does not take that method.", "See /api/v1/openapi.json for those it takes."),
        413: ("Too large", "The body is larger than this address takes.", "Send it in smaller pieces."),
    }.get(error.status_code, ("Refused", str(error.detail), "See /api/v1/openapi.json."))
    return Problem(title=title, status=error.status_code, detail=detail, what_to_do=what_to_do)
