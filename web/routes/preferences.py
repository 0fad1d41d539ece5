"""The page behind a mail's unsubscribe link: what its reader wants to hear of. Nobody logs in here.

Opening a link changes nothing, since mail scanners open links, too. A POST is the reader's word: by the form here, or
by one click in the mailbox (RFC 8058), which knows no cookie and follows no redirect.
"""

from dataclasses import replace
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from engine.phrases import Phrases, phrases_for
from store import clock
from store.consent import Preference, leave_all, preferences, save
from store.mails.bars import mail_policy
from store.responses.links import Reader, own_key, reader_of
from web.access import Public
from web.bodies import Filter
from web.deps import Deps, WebDeps
from web.languages import asked_for
from web.pages import frame, render

pages = APIRouter(include_in_schema=False, dependencies=[Public])

_LONGEST_TOKEN = 400
_HEADERS = {"x-robots-tag": "noindex"}
_CHOSEN, _ALL = "chosen", "all"
"""What the form's buttons say; a mailbox says neither."""


@pages.get("/u/{token}")
def page(request: Request, deps: Deps, token: str) -> Response:
    with deps.engine.begin() as conn:
        reader = _reader(conn, deps, token)
        return _unknown(conn, request) if reader is None else _page(conn, reader)


@pages.post("/u/{token}")
def change(
    request: Request,
    deps: Deps,
    token: str,
    do: Annotated[Filter, Form()] = "",
    topic: Annotated[list[Filter] | None, Form()] = None,
) -> Response:
    # The token is the right to choose; whoever could forge the form would need it as well.
    with deps.engine.begin() as conn:
        reader = _reader(conn, deps, token)
        if reader is None:
            return _unknown(conn, request)
        now = clock.now(conn)
        if do == _ALL:
            leave_all(conn, reader.key, now, source="page")
            return _page(conn, reader, done="all")
        if do == _CHOSEN:
            known = [one.topic for one in _topics(conn, reader)]
            save(conn, reader.key, {name: name in (topic or ()) for name in known}, now, source="page")
            return _page(conn, reader, done="chosen")
        save(conn, reader.key, {reader.topic: False}, now, source="one_click")
        return _page(conn, reader, done="topic")


def _reader(conn: sa.Connection, deps: WebDeps, token: str) -> Reader | None:
    return reader_of(token, deps.signing_key or own_key(conn)) if len(token) <= _LONGEST_TOKEN else None


def _topics(conn: sa.Connection, reader: Reader) -> list[Preference]:
    policy, say = mail_policy(conn), phrases_for(reader.language)
    return [one if one.topic in policy.topics else _said(one, say) for one in preferences(conn, reader.key, policy)]


def _said(one: Preference, say: Phrases) -> Preference:
    """A topic that nobody has declared has our own words; those of authors stay as they wrote them."""
    if one.topic == "service":
        return replace(one, title=say.service_title, says=say.service_says)
    return replace(one, title=say.marketing_title, says=say.marketing_says)


def _page(conn: sa.Connection, reader: Reader, done: str = "") -> Response:
    topics = _topics(conn, reader)
    mine = next((one for one in topics if one.topic == reader.topic), None)
    content = {
        "topics": topics,
        "mine": mine,
        "done": done,
        "gets_none": not any(one.subscribed for one in topics),
        "say": phrases_for(reader.language),
    }
    return render("preferences.html", content, frame(conn), headers=_HEADERS)


def _unknown(conn: sa.Connection, request: Request) -> Response:
    content = {"say": phrases_for(asked_for(request))}
    return render("link_broken.html", content, frame(conn), status=404, headers=_HEADERS)
