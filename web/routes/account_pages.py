"""The pages of accounts: the book to look through, and one account with what can be done about it."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse, Response

from store.access.viewer import Viewer
from store.current import overrides
from store.deciding import enrolment
from store.deployed import NothingDeployed
from store.inbox import accounts
from store.queries.book import ORDERS, Order, read_book
from web.access import CsmViewer
from web.account_page import account_page
from web.auditing import record
from web.bodies import Filter, Line, Note
from web.days import midnight_of
from web.deps import Deps, WebDeps
from web.forms import PageRoute
from web.pages import Frame, frame, render
from web.problems import Refusal, not_found

pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_MOST_PAGES = 2_500


class Noting(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Note = ""


class Starting(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    playbook: Line


class Stopping(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    run: int
    reason: Filter = ""


class Overriding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Line
    until: Line
    reason: Note = ""
    card: Filter = ""


class Ending(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    card: Line


@pages.get("/accounts")
def page(
    *, deps: Deps, viewer: CsmViewer, q: Filter = "", band: Filter = "", order: Filter = "health", page: Filter = "1"
) -> Response:
    by: dict[str, Order] = {one: one for one in ORDERS}
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 5 else 1
    number = max(1, min(number, _MOST_PAGES))
    with deps.reading() as conn:
        around = frame(conn, viewer)
        book = read_book(
            conn,
            viewer.scope,
            around.card,
            around.now,
            search=q,
            band=band,
            order=by.get(order, "health"),
            page=number,
        )
    kept = {"q": q, "band": band, "order": by.get(order, "health")}
    return render("accounts.html", {"book": book, "kept": kept, "page": number, "orders": ORDERS}, around)


# A key may hold slashes.
@pages.post("/accounts/{key:path}/notes")
def note(deps: Deps, viewer: CsmViewer, request: Request, key: str, sent: Annotated[Noting, Form()]) -> Response:
    if not sent.text:
        raise Refusal(422, "Nothing to note", "There is no text to keep.", "Write something and send it again.")
    with deps.engine.begin() as conn:
        accounts.add_note(conn, _seen(conn, viewer, key), sent.text, viewer.person, frame(conn).now)
        record(conn, request, "account.note", key)
    return _back(key, "noted")


@pages.post("/accounts/{key:path}/start")
def start(deps: Deps, viewer: CsmViewer, request: Request, key: str, sent: Annotated[Starting, Form()]) -> Response:
    with deps.engine.begin() as conn:
        _seen(conn, viewer, key)
        ruled = enrolment.enrol(conn, sent.playbook, key, viewer.person)
        if not isinstance(ruled, enrolment.CannotEnrol):
            record(conn, request, "account.start", key, playbook=sent.playbook, became=ruled.ruling.state)
    if isinstance(ruled, enrolment.CannotEnrol):
        raise Refusal(409, "Not started", f"{ruled.message}.", ruled.hint or "Go back and choose another.")
    state, why = ruled.ruling.state.replace("_", " "), f": {ruled.ruling.why}" if ruled.ruling.why else ""
    return _back(key, f"{sent.playbook} {state}{why}")


@pages.post("/accounts/{key:path}/stop")
def stop(deps: Deps, viewer: CsmViewer, request: Request, key: str, sent: Annotated[Stopping, Form()]) -> Response:
    with deps.engine.begin() as conn:
        account_id, now = _seen(conn, viewer, key), frame(conn).now
        stopped = accounts.stop_run(conn, account_id, sent.run, sent.reason, viewer.person, now)
        if stopped:
            record(conn, request, "account.stop", key, run=sent.run, reason=sent.reason)
    return _back(key, "the run is told to stop" if stopped else "that run is over already")


@pages.post("/accounts/{key:path}/override")
def override(
    request: Request, deps: Deps, viewer: CsmViewer, key: str, sent: Annotated[Overriding, Form()]
) -> Response:
    with deps.engine.begin() as conn:
        account_id, around = _seen(conn, viewer, key), frame(conn)
        value, until = _number(sent.value), midnight_of(sent.until, around.zone)
        if until is None:
            raise Refusal(422, "Not overridden", f"{sent.until} is no day.", "Choose a day in the calendar.")
        made = overrides.override(
            conn, account_id, value, sent.reason, until, viewer.person, around.now, card=sent.card or None
        )
        if isinstance(made, overrides.NotOverridden):
            raise Refusal(422, "Not overridden", f"{made.message}.", f"{made.hint[:1].upper()}{made.hint[1:]}.")
        record(conn, request, "score_overridden", f"account {key}", **made.audited())
    return _back(key, f"{made.card} is {made.value:g} from the next sweep on")


@pages.post("/accounts/{key:path}/override/end")
def end_override(
    request: Request, deps: Deps, viewer: CsmViewer, key: str, sent: Annotated[Ending, Form()]
) -> Response:
    with deps.engine.begin() as conn:
        account_id, now = _seen(conn, viewer, key), frame(conn).now
        ended = overrides.end_override(conn, account_id, viewer.person, now, card=sent.card)
        if isinstance(ended, overrides.NotOverridden):
            raise Refusal(422, "Not ended", f"{ended.message}.", f"{ended.hint[:1].upper()}{ended.hint[1:]}.")
        for one in ended:
            record(conn, request, "override_ended", f"account {key}", **one.audited())
    return _back(key, "the card's own score is back with the next sweep" if ended else "no override is in force")


@pages.get("/accounts/{key:path}")
def page_of_one(deps: Deps, viewer: CsmViewer, key: str, until: Filter = "", done: Filter = "") -> Response:
    return _page(deps, viewer, key, _moment(until), done)


def _page(deps: WebDeps, viewer: Viewer, key: str, until: datetime | None, done: str) -> Response:
    with deps.reading() as conn:
        around: Frame = frame(conn, viewer)
        account_id = _seen(conn, viewer, key)
        try:
            found = account_page(conn, key, account_id, around.card, around.now, until)
        except NothingDeployed as error:
            raise Refusal(404, "Not deployed", f"{error}.", "Ask whoever runs Tenure to deploy a workspace.") from error
    address = f"/accounts/{quote(key, safe='')}"
    return render("account.html", {"account": found, "address": address, "until": until, "done": done}, around)


def _seen(conn: sa.Connection, viewer: Viewer, key: str) -> int:
    """Accounts one does not see are not there."""
    account_id = viewer.scope.seen_account(conn, key)
    if account_id is None:
        raise not_found("account", key[:100], "Accounts")
    return account_id


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Refusal(422, "Not overridden", f"{text[:50]} is no number.", "Use a number from 0 to 100.") from None


def _back(key: str, done: str) -> Response:
    return RedirectResponse(f"/accounts/{quote(key, safe='')}?{urlencode({'done': done[:200]})}", 303)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
