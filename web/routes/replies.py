"""Where replies are posted to: SendGrid's Inbound Parse. Who may post is shown by the secret in the address."""

import hmac
import logging
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from connectors.errors import Misconfigured
from connectors.replies.posted import Malformed, mail_in
from connectors.replies.reading import read_mail
from store import clock
from store.responses import replies
from web.access import Public
from web.deps import Deps, WebDeps
from web.metrics import Metrics
from web.problems import Refusal

log = logging.getLogger(__name__)
hooks = APIRouter(include_in_schema=False, dependencies=[Public])


@hooks.post("/hooks/replies/{secret}")
async def posted(request: Request, deps: Deps, secret: str) -> dict[str, str]:
    """One mail that came in. What is answered by 5xx comes again."""
    metrics: Metrics = request.app.state.metrics
    try:
        # Before the body is read: a stranger's thirty megabytes are not worth it.
        await run_in_threadpool(_let_in, deps, secret)
        body, content_type = await request.body(), request.headers.get("content-type", "")
        became = await run_in_threadpool(_take, deps, content_type, body)
    except Refusal as refusal:
        metrics.refused("/hooks/replies", _WHY.get(refusal.status_code, "not_expected"))
        raise
    metrics.mail_events.labels("replies", became).inc()
    return {"became": became}


_WHY = {400: "malformed", 403: "not_signed", 413: "too_large", 503: "not_set_up"}


def _let_in(deps: WebDeps, presented: str) -> None:
    try:
        secret = deps.replies_secret()
    except Misconfigured as error:
        log.error("replies cannot be taken: %s", error)  # noqa: TRY400 - a setting, not a fault
        raise Refusal(503, "Not set up", "Replies cannot be taken.", "See the log of the web process.") from error
    if secret is None:
        what_to_do = "Declare connectors.replies with the provider sendgrid in tenure.yaml."
        raise Refusal(404, "No replies expected", "No replies are posted here.", what_to_do)
    if not hmac.compare_digest(presented.encode(), secret.encode()):
        raise Refusal(403, "Not ours", "The address has another secret.", "Compare it with the variable of secret_env.")


def _take(deps: WebDeps, content_type: str, body: bytes) -> str:
    try:
        incoming = read_mail(mail_in(content_type, body), datetime.now(UTC))
    except Malformed as error:
        what_to_do = "Send what SendGrid's Inbound Parse sends: a multipart form with the raw mail, or its parts."
        raise Refusal(400, "Not a mail", f"This was not taken: {error}.", what_to_do) from error
    with deps.engine.begin() as conn:
        became = replies.take_in(conn, incoming, clock.now(conn))
    log.info("a mail came in: %s", became)
    return became
