"""Puts the web together: routes, guards, and how refusals look. Everything it needs is handed in."""

from functools import cache

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from store.access.keys import Caller, bootstrap, caller_of
from store.access.secrets import equal
from web.access import OldForm, SignInNeeded, old_form, sign_in_needed, wall_clock
from web.bodies import EVENTS_BODY, LARGE_BODY, REPLY_BODY, SMALL_BODY
from web.call_rate import CallRate
from web.deps import WebDeps
from web.figures import KeptFigures
from web.guards import BodyLimit, Keys, LastNet, Readable, SecurityHeaders
from web.live import Live
from web.metrics import Measured, Metrics
from web.problems import HANDLERS, Problem
from web.routes import (
    account_pages,
    accounts,
    administration,
    api_keys,
    audit,
    described,
    endpoints,
    errands,
    facts,
    followed,
    health,
    held,
    holding,
    hooks,
    inbox,
    mail_doings,
    mails,
    me,
    openid,
    overrides,
    overview,
    preferences,
    replies,
    runs,
    sign_in,
    steering,
    studio,
    studio_forms,
    survey_report,
    surveys,
    task_doings,
    tasks,
    users,
)
from web.static_files import KeptFiles

_SUBJECTS = (
    facts,
    runs,
    tasks,
    task_doings,
    mails,
    mail_doings,
    errands,
    accounts,
    overrides,
    overview,
    steering,
    holding,
    administration,
)
# Routes are tried in this order: what people open all day comes first.
_PAGES = (
    inbox,
    account_pages,
    overview,
    sign_in,
    openid,
    me,
    users,
    api_keys,
    endpoints,
    audit,
    tasks,
    runs,
    mails,
    survey_report,
    surveys,
    preferences,
    followed,
)
_STUDIO = (studio, studio_forms, mail_doings, errands, held)

_LARGER = {"/api/v1/facts": LARGE_BODY, "/hooks/sendgrid": EVENTS_BODY, "/hooks/replies/": REPLY_BODY}
"""Addresses that take larger bodies than all others."""


def create_app(deps: WebDeps) -> FastAPI:
    """The ASGI application. It opens nothing before the first request."""
    app = FastAPI(
        title="Tenure",
        description="Facts in; runs, tasks and mails out. Refusals are application/problem+json (RFC 9457).",
        version="1",
        openapi_url=None,  # its route declares a rule, as every route does
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=[*_routes()],
    )
    app.mount("/static", KeptFiles())
    app.state.deps = deps
    app.state.metrics = Metrics(deps.engine)
    app.state.live = Live(deps.engine)
    app.state.figures = KeptFigures()
    _guards(app, deps)
    for kind, handler in (HANDLERS | {SignInNeeded: sign_in_needed, OldForm: old_form}).items():
        app.add_exception_handler(kind, handler)
    return app


class _Api(APIRouter):
    """Its hundred routes are tried for its own addresses alone, and not for every page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if scope["path"].startswith(self.prefix) else (Match.NONE, {})


@cache
def _routes() -> list[BaseRoute]:
    """Read once per process: FastAPI takes a third of a second to read them off the handlers' signatures, and they are
    the same in every application."""
    root = APIRouter()
    api = _Api(prefix="/api/v1", responses={"4XX": {"model": Problem, "content": {"application/problem+json": {}}}})
    for subject in _SUBJECTS:
        api.include_router(subject.api)
    for router in (api, described.router, health.probes, hooks.hooks, replies.hooks):
        root.include_router(router)
    for subject in (*_PAGES, *_STUDIO):
        root.include_router(subject.pages)
    return root.routes


def _caller(deps: WebDeps, presented: str) -> Caller | None:
    """Whose key this is: the environment's, or one of the database."""
    if deps.api_token and equal(presented, deps.api_token):
        return bootstrap()
    with deps.engine.begin() as conn:
        return caller_of(conn, presented, wall_clock())


def _guards(app: FastAPI, deps: WebDeps) -> None:
    # The last one added is the outermost.
    app.add_middleware(
        BodyLimit,
        most=SMALL_BODY,
        more_for=_LARGER,
        streamed={"/api/v1/facts": facts.LINES},
        refused=app.state.metrics.refused,
    )
    app.add_middleware(Keys, open_key=lambda presented: _caller(deps, presented), rate=CallRate(deps.calls_per_second))
    app.add_middleware(Readable)
    app.add_middleware(LastNet)
    app.add_middleware(Measured, metrics=app.state.metrics)
    app.add_middleware(SecurityHeaders)
