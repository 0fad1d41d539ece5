"""Facts come in by POST; they are kept whether or not Temporal is up."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.routing import Match
from starlette.types import Scope

from engine.facts import FACT, IncomingFact
from store import clock
from store.intake.quarantine import Aside, put_aside
from store.intake.report import IntakeReport
from store.intake.screened import take_in_screened
from web.access import WritesFacts
from web.bodies import StrictRoute
from web.deps import Deps
from web.guards import media_type
from web.problems import Fault, Refusal

MOST_FACTS = 10_000
LINES_AT_ONCE = 5_000
LONGEST_LINE = 256 * 1024
LINES = "application/x-ndjson"
_MOST_PROBLEMS = 1_000

api = APIRouter(route_class=StrictRoute, tags=["facts"])


@dataclass(kw_only=True)
class Taken:
    """What became of the facts. Those under `problems` were not taken in; all others were."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """New facts by kind, corrections included."""
    corrections: int = 0
    repeats: int = 0
    outdated: int = 0
    problems: list[Fault] = field(default_factory=list)
    """Of lines, the first thousand."""

    def add(self, report: IntakeReport, name: Callable[[int], str]) -> None:
        """`name`: how the fact at a place of the report's list is called."""
        self.counts = dict(sorted((Counter(self.counts) + Counter(report.counts)).items()))
        self.corrections += report.corrections
        self.repeats += report.repeats
        self.outdated += report.outdated
        self.problems += [Fault(at=name(problem.n), message=problem.message) for problem in report.problems]


class LinesRoute(APIRoute):
    """Takes what says that it is lines, and leaves all else to the routes behind it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if media_type(scope) == LINES else (Match.NONE, {})


async def post_lines(request: Request, deps: Deps, _: WritesFacts) -> Taken:
    """Take lines in while they arrive, some thousand by one transaction; broken ones are put aside."""
    taken, first = Taken(), 1
    async for lines in _lines(request):
        await run_in_threadpool(_take, deps.engine, lines, first, taken)
        first += len(lines)
    return taken


api.add_api_route("/facts", post_lines, methods=["POST"], include_in_schema=False, route_class_override=LinesRoute)


@api.post(
    "/facts",
    openapi_extra={
        "requestBody": {
            "content": {LINES: {"schema": {"type": "string", "description": "one fact a line, and any number of them"}}}
        }
    },
)
def post_facts(deps: Deps, _: WritesFacts, facts: Annotated[list[IncomingFact], Body(max_length=MOST_FACTS)]) -> Taken:
    """Tell Tenure facts, in one transaction. Telling them again changes nothing."""
    taken = Taken()
    with deps.engine.begin() as conn:
        taken.add(take_in_screened(conn, facts, source="api"), lambda n: f"[{n}]")
    return taken


async def _lines(request: Request) -> AsyncIterator[list[bytes]]:
    """The body's lines, so many at a time; what has been read is let go."""
    ready: list[bytes] = []
    rest = b""
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            detail = f"A line takes {LONGEST_LINE:,} bytes at most."
            raise Refusal(413, "Too large", detail, "Send one fact a line; the lines before this one were taken.")
        ready += whole
        while len(ready) >= LINES_AT_ONCE:
            yield ready[:LINES_AT_ONCE]
            del ready[:LINES_AT_ONCE]
    ready.append(rest)
    yield ready


def _take(engine: sa.Engine, lines: Sequence[bytes], first: int, taken: Taken) -> None:
    facts: list[IncomingFact] = []
    places: list[int] = []
    broken: list[Aside] = []
    for place, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        try:
            facts.append(FACT.validate_json(line))
            places.append(place)
        except ValidationError as error:
            broken.append(_aside(line, place, error))
    with engine.begin() as conn:
        taken.add(take_in_screened(conn, facts, source="api"), lambda n: f"line {places[n]}")
        put_aside(conn, broken, clock.now(conn))
    taken.problems += [Fault(at=f"line {one.line}", message=one.reason) for one in broken]
    del taken.problems[_MOST_PROBLEMS:]


def _aside(line: bytes, place: int, error: ValidationError) -> Aside:
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, fault["loc"][1:]))
    what = fault["msg"].removeprefix("Value error, ")
    reason = f"{where}: {what}" if where else what
    return Aside(source="api", code="PB521", reason=reason, line=place, cells={"line": line.decode("utf-8", "replace")})
