"""What surveys come to: how many answered and what they said, by playbook and by period, on a page and as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import sqlalchemy as sa
from fastapi import APIRouter, Query
from starlette.responses import Response

from engine.survey_scores import Estimate
from store.queries.business.definition import Definition
from store.queries.surveys import Period, SurveyRow, survey_report
from web.access import OpsViewer
from web.bodies import Filter
from web.deps import Deps
from web.forms import PageRoute
from web.pages import Frame, frame, render

pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_PERIODS: tuple[Period, ...] = get_args(Period)
_USUAL: Period = "quarter"
_COLUMNS = ("asks", "playbook", "since", "asked", "answered", "open", "rate", "rate_low", "rate_high", "score")
_MORE_COLUMNS = ("score_low", "score_high", "mean", "above", "between", "below")
RATE = Definition(
    id="response-rate",
    title="Response rate",
    says="The share of those asked in the period that answered, whenever they did. A question whose mail did not leave"
    " was not asked. Those who may answer yet count as asked, so a period that is still open reads too low.",
)
SCORE = Definition(
    id="score",
    title="Score",
    says="NPS: the share of 9 and 10 less the share of 0 to 6, from -100 to 100. CSAT: the share of 4 and 5 of 5. Every"
    " answer counts, also of a person who was asked twice: the overview takes each person's last one. Beside it stands"
    " the interval in which it lies with 95 % confidence: where intervals overlap, a difference may be chance.",
)
By = Annotated[str, Query(max_length=20)]


@pages.get("/answers")
def page(deps: Deps, viewer: OpsViewer, by: By = _USUAL, each: Filter = "yes") -> Response:
    with deps.reading() as conn:
        around = frame(conn, viewer)
        rows = _report(conn, around, by, each)
    content = {
        "rows": rows,
        "by": _period(by) or "",
        "each": each != "no",
        "periods": _PERIODS,
        "rate": RATE,
        "score": SCORE,
        "still_open": sum(row.answers.open for row in rows),
    }
    return render("answers.html", content, around)


@pages.get("/answers.csv")
def as_csv(deps: Deps, viewer: OpsViewer, by: By = _USUAL, each: Filter = "yes") -> Response:
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow([*_COLUMNS, *_MORE_COLUMNS])
    with deps.reading() as conn:
        for row in _report(conn, frame(conn, viewer), by, each):
            lines.writerow(list(_cells(row)))
    headers = {"content-disposition": 'attachment; filename="answers.csv"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _report(conn: sa.Connection, around: Frame, by: str, each: str) -> tuple[SurveyRow, ...]:
    return survey_report(conn, around.now, zone=around.zone, by_playbook=each != "no", period=_period(by))


def _period(by: str) -> Period | None:
    """All the time for a word that is none of the periods."""
    return next((one for one in _PERIODS if one == by), None)


def _cells(row: SurveyRow) -> Iterator[Any]:
    of = row.answers
    yield from (of.asks, row.playbook or "", row.since or "", of.asked, of.answered, of.open)
    yield from (*_estimate(of.rate), *_estimate(of.score))
    yield from ("" if of.mean is None else of.mean, of.above, of.between, of.below)


def _estimate(found: Estimate | None) -> tuple[Any, ...]:
    return ("", "", "") if found is None else (found.value, found.low, found.high)
