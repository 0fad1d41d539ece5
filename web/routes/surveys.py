"""The page behind a survey's link: shows the question, and takes the answer when it is sent. Nobody logs in here.

Opening a link changes nothing: mail scanners open links, too.
"""

from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from engine.phrases import phrases_for
from engine.surveys import SCALES
from store import clock
from store.deployed import load_workspace
from store.responses import surveys
from store.responses.links import own_key, survey_of
from store.responses.surveys import NotTaken, Survey
from web.access import Public
from web.bodies import Filter, Note
from web.deps import Deps, WebDeps
from web.languages import asked_for
from web.pages import frame, render

pages = APIRouter(include_in_schema=False, dependencies=[Public])

_LONGEST_TOKEN = 300
_STATUS = {"unknown": 404, "closed": 410, "answered": 409, "out_of_scale": 422}
_HEADERS = {"x-robots-tag": "noindex"}


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """What the page says: `ask`, `thanks`, `answered` before with another score, or `closed`."""

    state: str
    survey: Survey
    score: int | None = None
    missing: bool = False


@pages.get("/s/{token}")
def page(request: Request, deps: Deps, token: str, score: Filter = "") -> Response:
    with deps.engine.begin() as conn:
        survey = _find(conn, deps, token)
        if survey is None:
            content = {"say": phrases_for(asked_for(request))}
            return render("link_broken.html", content, frame(conn), status=404, headers=_HEADERS)
        if survey.score is not None:
            return _page(conn, _Shown(state="thanks", survey=survey, score=survey.score))
        if clock.now(conn) >= survey.closes_at:
            return _page(conn, _Shown(state="closed", survey=survey), 410)
        return _page(conn, _Shown(state="ask", survey=survey, score=_score(score)))


@pages.post("/s/{token}")
def answer(
    request: Request,
    deps: Deps,
    token: str,
    score: Annotated[Filter, Form()] = "",
    comment: Annotated[Note, Form()] = "",
) -> Response:
    # The token is the right to answer; whoever could forge the form would need it as well.
    with deps.engine.begin() as conn:
        survey = _find(conn, deps, token)
        if survey is None:
            content = {"say": phrases_for(asked_for(request))}
            return render("link_broken.html", content, frame(conn), status=404, headers=_HEADERS)
        given = _score(score)
        if given is None:
            return _page(conn, _Shown(state="ask", survey=survey, missing=True), 422)
        taken = surveys.answer(conn, survey.id, given, comment, load_workspace(conn), clock.now(conn))
        if not isinstance(taken, NotTaken):
            return _page(conn, _Shown(state="thanks", survey=survey, score=taken.score))
        if taken.why == "out_of_scale":
            return _page(conn, _Shown(state="ask", survey=survey, missing=True), 422)
        return _page(conn, _Shown(state=taken.why, survey=survey, score=taken.score), _STATUS[taken.why])


def _find(conn: sa.Connection, deps: WebDeps, token: str) -> Survey | None:
    if len(token) > _LONGEST_TOKEN:
        return None
    survey_id = survey_of(token, deps.signing_key or own_key(conn))
    return None if survey_id is None else surveys.find_survey(conn, survey_id)


def _score(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None


def _page(conn: sa.Connection, shown: _Shown, status: int = 200) -> Response:
    language, scale = shown.survey.language, SCALES[shown.survey.asks]
    content = {"shown": shown, "scale": scale, "ends": scale.ends(language), "say": phrases_for(language)}
    return render("survey.html", content, frame(conn), status=status, headers=_HEADERS)
