"""The page behind a mail's unsubscribe link: what its reader wants to hear of. Nobody logs in here.

Opening a link changes nothing, since mail scanners open links, too. A POST is the reader's word: by the form here, or
by one click in the mailbox (RFC 8058), which knows no cookie and follows no redirect.
"""

from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form
from starlette.responses import Response

from store import clock
from store.consent import Preference, leave_all, preferences, save
from store.links import own_key, person_and_topic
from store.mails.bars import mail_policy
from web.access import Public
from web.bodies import Filter
from web.deps import Deps, WebDeps
from web.pages import frame, render

pages = APIRouter(include_in_schema=False, dependencies=[Public])

_LONGEST_TOKEN = 400
_HEADERS = {"x-robots-tag": "noindex"}
_CHOSEN, _ALL = "chosen", "all"
"""What the form's buttons say; a mailbox says neither."""


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Who holds the link, and the topic of the mail it came with."""

    key: str
    topic: str


@pages.get("/u/{token}")
def page(deps: Deps, token: str) -> Response:
    with deps.engine.begin() as conn:
        reader = _reader(conn, deps, token)
        return _unknown(conn) if reader is None else _page(conn, reader)


@pages.post("/u/{token}")
def change(
    deps: Deps,
    token: str,
    do: Annotated[Filter, Form()] = "",
    topic: Annotated[list[Filter] | None, Form()] = None,
) -> Response:
    # The token is the right to choose; whoever could forge the form would need it as well.
    with deps.engine.begin() as conn:
        reader = _reader(conn, deps, token)
        if reader is None:
            return _unknown(conn)
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


def _reader(conn: sa.Connection, deps: WebDeps, token: str) -> _Reader | None:
    told = person_and_topic(token, deps.signing_key or own_key(conn)) if len(token) <= _LONGEST_TOKEN else None
    return None if told is None else _Reader(key=told[0], topic=told[1])


def _topics(conn: sa.Connection, reader: _Reader) -> list[Preference]:
    return preferences(conn, reader.key, mail_policy(conn))


def _page(conn: sa.Connection, reader: _Reader, done: str = "") -> Response:
    topics = _topics(conn, reader)
    mine = next((one for one in topics if one.topic == reader.topic), None)
    content = {"topics": topics, "mine": mine, "done": done, "gets_none": not any(one.subscribed for one in topics)}
    return render("preferences.html", {"unknown": False, **content}, frame(conn), headers=_HEADERS)


def _unknown(conn: sa.Connection) -> Response:
    content = {"unknown": True, "topics": (), "mine": None, "done": "", "gets_none": False}
    return render("preferences.html", content, frame(conn), status=404, headers=_HEADERS)
