"""Delivers through SendGrid's v3 API: the SDK says where to and with which words, our own HTTP when it left.

The SDK's HTTP client has no time-out of its own, follows redirects with the key and logs it, so it carries nothing.
SendGrid knows no idempotency key: what was handed over and not answered stays unknown until an event tells.
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.headerregistry import Address
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from connectors.email.message import parts_of
from connectors.email.port import Accepted, OutgoingMail, Refused
from connectors.email.sendgrid_events import MAIL_ARG
from connectors.errors import ConnectorError, Misconfigured, RateLimited, Rejected, Unavailable, UnknownOutcome
from connectors.http import Answer, Limits, exchange, retry_after, where_of
from connectors.pace import Pace
from engine.values import Value

if TYPE_CHECKING:
    from sendgrid import SendGridAPIClient

_HERE = ("localhost", "127.0.0.1", "::1")
_LONGEST_WAIT = timedelta(hours=1)
_USUAL_WAIT = timedelta(seconds=15)
_NOT_TAKEN_IN_TIME = (408, 425, 503)
"""The request did not arrive in time, or, in SendGrid's own words, the API is not available."""


class SendGridSettings(Value):
    """Which account to use. Secrets are named, not written: `…_env` is an environment variable."""

    api_key_env: str = Field(min_length=1, description="the environment variable that holds the API key")
    region: Literal["global", "eu"] = Field("global", description="where the account lives")
    sandbox: bool = Field(False, description="SendGrid checks each mail and sends none; no event follows")
    track_clicks: bool = Field(False, description="SendGrid rewrites links to see who follows them")
    track_opens: bool = Field(False, description="SendGrid puts an invisible picture into each mail")
    events_key_env: str | None = Field(
        None, description="the environment variable that holds the event webhook's verification key"
    )
    per_second: float = Field(50, gt=0, le=10_000, description="no more requests a second than this, for each worker")
    timeout_seconds: float = Field(30, gt=0, le=300, description="how long a request may take")
    url: str | None = Field(None, description="another address that speaks the same API, such as one inside")

    @model_validator(mode="after")
    def _keeps_the_key_safe(self) -> Self:
        if self.url is None:
            return self
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
            raise ValueError("the API key does not travel in plain text; url begins with https://")
        if self.region != "global":
            raise ValueError("region belongs to SendGrid's own address; leave it out beside url")
        return self


class SendGridTransport:
    """One account. Nothing stays open between mails, and the key is read for each, so that it may change."""

    at_once = 16
    """A request takes some four journeys there and back: one after the other, none would come near the rate."""

    def __init__(self, settings: SendGridSettings, secret: Callable[[str], str | None]) -> None:
        self._settings = settings
        self._secret = secret
        self._pace = Pace(settings.per_second)

    def deliver(self, mail: OutgoingMail, hand_over: Callable[[], None]) -> Accepted:
        body = json.dumps(request_body(mail, self._settings), ensure_ascii=False).encode()
        client = self._client()
        url = f"{client.client.host}/v3/mail/send"
        self._pace.take()
        answer = exchange(
            url,
            body,
            client.client.request_headers,
            hand_over,
            # Whoever names another address means it.
            allow_private=self._settings.url is not None,
            limits=Limits(total_seconds=self._settings.timeout_seconds),
        )
        if answer.status == 202:
            return Accepted(provider_id=answer.headers.get("x-message-id", "")[:200] or None)
        if answer.status == 200 and self._settings.sandbox:
            return Accepted(provider_id="sandbox")
        raise self._refusal(answer, where_of(url), client.api_key)

    def look_up(self, message_id: str) -> Accepted | Refused | None:  # noqa: ARG002  # the port's word
        """What SendGrid knows of a mail is an extra to be bought, and comes late; its events tell the same."""
        return None

    def close(self) -> None:
        """Nothing is open."""

    def _client(self) -> "SendGridAPIClient":
        from sendgrid import SendGridAPIClient

        name = self._settings.api_key_env
        key = self._secret(name)
        if key is None:
            raise Misconfigured(f"the environment variable {name} is not set; it holds SendGrid's API key")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise Misconfigured(f"the environment variable {name} holds no API key: a character is none of a key")
        if self._settings.url is not None:
            return SendGridAPIClient(key, host=self._settings.url.rstrip("/"))
        client = SendGridAPIClient(key)
        client.set_sendgrid_data_residency(self._settings.region)
        return client

    def _refusal(self, answer: Answer, where: str, key: str) -> ConnectorError:
        """The class of everything that is not taken, from its status alone."""
        status = answer.status
        says = f"{where} answered {status}{_reasons(answer)}".replace(key, "…")[:400]
        if status == 429:
            told = retry_after(answer)
            wait = _until_reset(answer) if told is None else told
            self._pace.hold(_USUAL_WAIT if wait is None else wait)
            return RateLimited(says, wait)
        if status in (401, 403, 404, 405) or 300 <= status <= 399:
            return Misconfigured(f"{says}; {self._what_to_check(status)}")
        if status in _NOT_TAKEN_IN_TIME:
            return Unavailable(says)
        if 400 <= status <= 499:
            return Rejected(says)
        # A fault within may have come after the mail was taken; and 200 is an answer of something that is no SendGrid.
        return UnknownOutcome(f"{says}, which does not say whether the mail was taken")

    def _what_to_check(self, status: int) -> str:
        if status == 401:
            return f"check the API key in {self._settings.api_key_env}, and the account's region"
        if status == 403:
            return "check that the key may send mail and that the sender's address is verified"
        return "check the connector's url"


def request_body(mail: OutgoingMail, settings: SendGridSettings) -> Mapping[str, Any]:
    """The mail in SendGrid's words; raises Rejected for what no message can hold.

    Only the message id goes along as an argument, and the kind of mail as a category: SendGrid keeps both for ever.
    """
    from sendgrid.helpers import mail as words

    parts = parts_of(mail)
    if not parts.subject:
        raise Rejected("the mail has no subject, which SendGrid asks for")
    made = words.Mail(
        from_email=words.From(parts.sender.addr_spec, _name(parts.sender)),
        to_emails=words.To(parts.recipient.addr_spec, _name(parts.recipient)),
        subject=parts.subject,
    )
    if len(parts.reply_to) == 1:
        made.reply_to = words.ReplyTo(parts.reply_to[0].addr_spec)
    elif parts.reply_to:
        made.reply_to_list = [words.ReplyTo(one.addr_spec) for one in parts.reply_to]
    try:
        made.content = [words.Content("text/plain", parts.plain), words.Content("text/html", parts.html)]
    except words.ApiKeyIncludedException as error:
        raise Rejected("the mail's text begins with what looks like a SendGrid API key") from error
    made.header = [words.Header(name, value) for name, value in parts.headers.items()]
    made.custom_arg = words.CustomArg(MAIL_ARG, mail.message_id.strip("<>"))
    if mail.category:
        made.category = words.Category(mail.category)
    made.tracking_settings = words.TrackingSettings(
        click_tracking=words.ClickTracking(enable=settings.track_clicks, enable_text=False),
        open_tracking=words.OpenTracking(enable=settings.track_opens),
        # Or SendGrid writes list headers of its own beside ours.
        subscription_tracking=words.SubscriptionTracking(enable=False),
    )
    if settings.sandbox:
        made.mail_settings = words.MailSettings(sandbox_mode=words.SandBoxMode(enable=True))
    body: Mapping[str, Any] = made.get()
    return body


def _name(address: Address) -> str | None:
    """SendGrid has been seen to take commas and semicolons for the end of an address."""
    return " ".join(address.display_name.replace(",", " ").replace(";", " ").split()) or None


def _reasons(answer: Answer) -> str:
    """What SendGrid says, by field: `: personalizations.0.to.0.email: Does not contain a valid address.`"""
    try:
        errors = json.loads(answer.body)["errors"]
        told = [_reason(error) for error in errors]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        told = []
    text = "; ".join(one for one in told if one) or answer.body[:120].decode("utf-8", "replace")
    clean = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return f": {clean}" if clean else ""


def _reason(error: Mapping[str, Any]) -> str:
    field, message = error.get("field"), error.get("message")
    return f"{field}: {message}" if field else str(message or "")


def _until_reset(answer: Answer) -> timedelta | None:
    """`X-RateLimit-Reset` is an instant in seconds since 1970."""
    text = answer.headers.get("x-ratelimit-reset", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        return None
    return min(max(timedelta(seconds=int(text) - time.time()), timedelta(0)), _LONGEST_WAIT)
