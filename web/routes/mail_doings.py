"""What people and programs do to one mail: stop it before it leaves, send it again, or say what became of it."""

from typing import Annotated, Literal
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse, Response

from store import clock, mails
from store.queries.mails import MailDetail, get_mail
from web.access import Administers, OpsViewer
from web.auditing import record
from web.bodies import Filter, RowId, StrictRoute
from web.deps import Deps
from web.forms import PageRoute
from web.problems import Refusal, not_found

api = APIRouter(route_class=StrictRoute, tags=["mails"])
pages = APIRouter(route_class=PageRoute, include_in_schema=False)

Do = Literal["cancel", "resend", "sent", "refused"]
"""The last two: what became of it, as somebody found out."""
_TOO_LATE = {
    "cancel": "only what has not left can be stopped",
    "resend": "only a mail that may or may not have left is sent again",
    "sent": "only of a mail that may or may not have left somebody has to say what became of it",
    "refused": "only of a mail that may or may not have left somebody has to say what became of it",
}


class Became(BaseModel):
    """What became of a mail of which nobody knew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    became: Literal["sent", "refused"]


@api.post("/mails/{mail_id}/settle")
def settle(request: Request, deps: Deps, _: Administers, mail_id: RowId, said: Became) -> MailDetail:
    """Say what became of a mail that may have left; its run has gone on."""
    return _done(request, deps, mail_id, said.became)


@api.post("/mails/{mail_id}/{do}")
def cancel_or_resend(
    request: Request, deps: Deps, _: Administers, mail_id: RowId, do: Literal["cancel", "resend"]
) -> MailDetail:
    """Stop a mail that has not left, or send one that may have left once more, with the same message id."""
    return _done(request, deps, mail_id, do)


@pages.post("/mails/{mail_id}/do")
def do_by_form(
    *,
    request: Request,
    deps: Deps,
    _: OpsViewer,
    mail_id: RowId,
    do: Annotated[Do, Form()],
    back: Annotated[Filter, Form()] = "",
) -> Response:
    """`back`: `errors` leads back to the error queue, anything else to the mail."""
    with deps.engine.begin() as conn:
        if mails.find_mail(conn, mail_id) is None:
            raise not_found("mail", mail_id, "Mails")
        done = _do(conn, request, mail_id, do)
    said = urlencode({"said": f"mail_{do}" if done else "nothing"})
    return RedirectResponse(f"{'/errors' if back == 'errors' else f'/mails/{mail_id}'}?{said}", 303)


def _done(request: Request, deps: Deps, mail_id: int, do: Do) -> MailDetail:
    with deps.engine.begin() as conn:
        done = _do(conn, request, mail_id, do)
        found = get_mail(conn, mail_id)
    if found is None:
        raise not_found("mail", mail_id, "/api/v1/mails")
    if not done:
        detail = f"Mail {mail_id} is {found.mail.state}: {_TOO_LATE[do]}."
        raise Refusal(409, "Not done", detail, f"Look at it under /api/v1/mails/{mail_id}.")
    return found


def _do(conn: sa.Connection, request: Request, mail_id: int, do: Do) -> bool:
    by, now = request.state.who, clock.now(conn)
    if do == "cancel":
        done = mails.cancel(conn, mail_id, by, now)
    elif do == "resend":
        done = mails.resend(conn, mail_id, by, now)
    else:
        done = mails.say(conn, mail_id, do, by, now)
    if done:
        record(conn, request, f"mail.{do}", str(mail_id))
    return done
