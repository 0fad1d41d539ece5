"""Where mail providers tell what became of mails. Who may tell is shown by the signature; nobody logs in here."""

import logging
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from connectors.email.sendgrid_events import SIGNATURE, TIMESTAMP, Malformed, NotSendGrids, Post, read_post, verify
from connectors.errors import Misconfigured
from store import clock
from store.responses import mail_events
from store.responses.mail_events import Taken
from web.access import Public
from web.deps import Deps, WebDeps
from web.metrics import Metrics
from web.problems import Refusal

log = logging.getLogger(__name__)
hooks = APIRouter(include_in_schema=False, dependencies=[Public])


@hooks.post("/hooks/sendgrid")
async def sendgrid(request: Request, deps: Deps) -> Taken:
    """The events of SendGrid's webhook. What is answered otherwise than by 200 comes again, for a day."""
    body = await request.body()
    signature, timestamp = request.headers.get(SIGNATURE), request.headers.get(TIMESTAMP)
    metrics: Metrics = request.app.state.metrics
    return await run_in_threadpool(_take, deps, metrics, body, signature, timestamp)


def _take(deps: WebDeps, metrics: Metrics, body: bytes, signature: str | None, timestamp: str | None) -> Taken:
    try:
        post = _read(deps, body, signature, timestamp)
    except Refusal as refusal:
        metrics.refused("/hooks/sendgrid", _WHY.get(refusal.status_code, "not_expected"))
        raise
    with deps.engine.begin() as conn:
        taken = mail_events.take_in(conn, post.seen, clock.now(conn))
    counts = {"new": taken.new, "repeats": taken.repeats, "strangers": taken.strangers, "settled": taken.settled}
    for became, count in (counts | {"ignored": post.ignored}).items():
        metrics.mail_events.labels("sendgrid", became).inc(count)
    return taken


_WHY = {400: "malformed", 403: "not_signed", 503: "not_set_up"}


def _read(deps: WebDeps, body: bytes, signature: str | None, timestamp: str | None) -> Post:
    try:
        key = deps.sendgrid_key()
        if key is None:
            what_to_do = "Set events_key_env at the email connector of tenure.yaml, and the variable that it names."
            raise Refusal(404, "No events expected", "No verification key of SendGrid's events is set.", what_to_do)
        # The signature's time is the world's, whatever clock Tenure runs on.
        age = verify(key, body, signature, timestamp, datetime.now(UTC))
    except Misconfigured as error:
        log.error("SendGrid's events cannot be verified: %s", error)  # noqa: TRY400 - a setting, not a fault
        raise Refusal(503, "Not set up", "The events cannot be verified.", "See the log of the web process.") from error
    except NotSendGrids as error:
        what_to_do = "Compare the verification key with that of the account's event webhook, and the clocks."
        raise Refusal(403, "Not signed by SendGrid", f"This was not taken: {error}.", what_to_do) from error
    log.info("events of SendGrid, signed %.0f seconds ago", age.total_seconds())
    try:
        return read_post(body)
    except Malformed as error:
        what_to_do = "Send what SendGrid's event webhook sends: a JSON array of objects."
        raise Refusal(400, "Not events", f"This was not taken: {error}.", what_to_do) from error
