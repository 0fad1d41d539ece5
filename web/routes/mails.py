"""Mails: the list, one of them, and its HTML body by itself for the sandbox that shows it."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from store.postgres.pages import Page
from store.queries.mails import MailDetail, MailRow, MailState, get_mail, list_mails
from web.access import OpsViewer, Reads
from web.bodies import Filter, RowId, StrictRoute
from web.deps import Deps
from web.forms import PageRoute
from web.guards import MAIL_POLICY
from web.pages import frame, render
from web.problems import not_found
from web.studio import SAID

api = APIRouter(route_class=StrictRoute, tags=["mails"])
pages = APIRouter(route_class=PageRoute, include_in_schema=False)

_STATES: dict[str, MailState] = {
    state: state for state in ("prepared", "handing_over", "sent", "refused", "skipped", "unknown")
}


@api.get("/mails")
def get_mails(
    deps: Deps,
    _: Reads,
    state: MailState | None = None,
    account: Filter = "",
    after: Filter = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page[MailRow]:
    """Latest first."""
    with deps.engine.connect() as conn:
        return list_mails(conn, state=state, account_key=account, after=after, limit=limit)


@api.get("/mails/{mail_id}")
def get_one(deps: Deps, _: Reads, mail_id: RowId) -> MailDetail:
    return _mail(deps, mail_id, "/api/v1/mails")


@pages.get("/mails")
def page(deps: Deps, viewer: OpsViewer, state: Filter = "", account: Filter = "", after: Filter = "") -> Response:
    with deps.engine.connect() as conn:
        around = frame(conn, viewer)
        found = list_mails(conn, state=_STATES.get(state), account_key=account, after=after)
    content = {"page": found, "state": state, "states": tuple(_STATES), "account": account}
    return render("mails.html", content, around)


@pages.get("/mails/{mail_id}")
def page_of_one(deps: Deps, viewer: OpsViewer, mail_id: RowId, said: Filter = "") -> Response:
    found = _mail(deps, mail_id, "Mails")
    with deps.engine.connect() as conn:
        content = {"detail": found, "mail": found.mail, "said": SAID.get(said)}
        return render("mail.html", content, frame(conn, viewer))


@pages.get("/mails/{mail_id}/body")
def body(deps: Deps, _: OpsViewer, mail_id: RowId) -> Response:
    """The body as the reader gets it, under a policy that lets nothing run, load or lead away."""
    headers = {"content-security-policy": MAIL_POLICY, "x-frame-options": "SAMEORIGIN"}
    return HTMLResponse(_mail(deps, mail_id, "Mails").html, headers=headers)


def _mail(deps: Deps, mail_id: int, where: str) -> MailDetail:
    with deps.engine.connect() as conn:
        found = get_mail(conn, mail_id)
    if found is None:
        raise not_found("mail", mail_id, where)
    return found
