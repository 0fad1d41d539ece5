"""Facts come in by POST; they are kept whether or not Temporal is up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Body

from engine.facts import IncomingFact
from store import clock, intake
from web.access import WritesFacts
from web.bodies import StrictRoute
from web.deps import Deps
from web.problems import Fault

MOST_FACTS = 10_000

api = APIRouter(route_class=StrictRoute, tags=["facts"])


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of the facts. Those under `problems` were not taken in; all others were."""

    counts: Mapping[str, int]
    """New facts by kind, corrections included."""
    corrections: int
    repeats: int
    outdated: int
    problems: tuple[Fault, ...]


@api.post("/facts")
def post_facts(deps: Deps, _: WritesFacts, facts: Annotated[list[IncomingFact], Body(max_length=MOST_FACTS)]) -> Taken:
    """Tell Tenure facts, in one transaction. Telling them again changes nothing."""
    with deps.engine.begin() as conn:
        report = intake.take_in(conn, facts, known_at=clock.now(conn))
    return Taken(
        counts=report.counts,
        corrections=report.corrections,
        repeats=report.repeats,
        outdated=report.outdated,
        problems=tuple(Fault(at=f"[{problem.n}]", message=problem.message) for problem in report.problems),
    )
