"""Where the links of tracked mails lead first: notes the click, and sends the reader on to exactly where the link led.

Nobody can be sent elsewhere than where a mail of ours led: the target is in the signed token.
"""

import logging

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from engine.phrases import phrases_for
from store import clock
from store.responses import clicks
from store.responses.links import click_of, own_key
from web.access import Public
from web.deps import Deps, WebDeps
from web.languages import asked_for
from web.pages import frame, render

log = logging.getLogger(__name__)
pages = APIRouter(include_in_schema=False, dependencies=[Public])

_PREFETCHING = ("prefetch", "preview", "prerender")
"""What mailboxes and browsers say that fetch what nobody has asked for yet."""
_HEADERS = {"x-robots-tag": "noindex", "referrer-policy": "no-referrer", "cache-control": "no-store"}


@pages.api_route("/l/{token}", methods=["GET", "HEAD"])
def follow(request: Request, deps: Deps, token: str) -> Response:
    target = None
    try:
        with deps.engine.begin() as conn:
            click = click_of(token, deps.signing_key or own_key(conn))
            if click is None:
                content = {"say": phrases_for(asked_for(request))}
                return render("link_broken.html", content, frame(conn), status=404, headers=_HEADERS)
            target = click.target
            # Only looking whether the page is there, as HEAD does, is following nothing.
            if request.method == "GET":
                clicks.note(conn, click, clock.now(conn), machine=_is_prefetched(request))
    except sa.exc.SQLAlchemyError:
        target = target or _without_database(deps, token)
        if target is None:
            raise
        # A reader is never held up by what we want to know.
        log.exception("a click was not noted")
    # Starlette's own redirect would write some characters of the address anew.
    return Response(status_code=302, headers=_HEADERS | {"location": target})


def _without_database(deps: WebDeps, token: str) -> str | None:
    click = click_of(token, deps.signing_key) if deps.signing_key else None
    return click.target if click else None


def _is_prefetched(request: Request) -> bool:
    said = " ".join(request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz", "x-purpose")).lower()
    return any(word in said for word in _PREFETCHING)
