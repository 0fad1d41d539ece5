"""Tells another program by an HTTP POST, signed as Standard Webhooks has it."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Self

from pydantic import Field, model_validator

from connectors.errors import Misconfigured
from connectors.http import Limits, post
from connectors.webhook.port import Answered, Request
from engine.values import Value

_PREFIX = "whsec_"


class HttpSettings(Value):
    """Where to, and how it is signed. The secret is named, not written."""

    url: str = Field(pattern=r"^https?://[!-~]+$", max_length=2000, description="the address, https://…")
    secret_env: str | None = Field(
        None, description="the environment variable with the secret, whsec_ and base64; several, apart by spaces"
    )
    allow_private: bool = Field(False, description="whether the address may lie in a private network, or be plain http")
    connect_seconds: float = Field(5, gt=0, le=30, description="how long a connection may take")
    total_seconds: float = Field(20, gt=0, le=120, description="how long the whole request may take")

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.url.startswith("http:") and not self.allow_private:
            raise ValueError("plain http is for private networks; write https, or allow_private: true")
        return self


class HttpCaller:
    """Every request has a connection of its own: they are rare, and a kept one may lead elsewhere by then."""

    def __init__(self, settings: HttpSettings, secret: Callable[[str], str | None]) -> None:
        self._settings = settings
        self._secret = secret

    def call(self, request: Request, hand_over: Callable[[], None]) -> Answered:
        settings = self._settings
        body = json.dumps(request.body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        # Of the real clock, whatever clock the database has: receivers refuse what is minutes old.
        timestamp = str(int(time.time()))
        headers = {"webhook-id": request.id, "webhook-timestamp": timestamp}
        if settings.secret_env is not None:
            headers["webhook-signature"] = signatures(_given(self._secret, settings), request.id, timestamp, body)
        answer = post(
            settings.url,
            body,
            headers,
            hand_over,
            allow_private=settings.allow_private,
            limits=Limits(connect_seconds=settings.connect_seconds, total_seconds=settings.total_seconds),
        )
        return Answered(status=answer.status, json=answer.json())


def signatures(secrets: str, id_: str, timestamp: str, body: bytes) -> str:
    """One signature for each secret, so that a receiver may know the old or the new one; raises Misconfigured."""
    content = f"{id_}.{timestamp}.".encode() + body
    made = [hmac.new(_key(secret), content, hashlib.sha256).digest() for secret in secrets.split()]
    return " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 16 <= len(key) <= 256:
        # The value is not repeated.
        raise Misconfigured("the webhook's secret is not whsec_ and base64 of 16 bytes or more")
    return key


def _given(secret: Callable[[str], str | None], settings: HttpSettings) -> str:
    name = settings.secret_env or ""
    value = secret(name)
    if not value:
        raise Misconfigured(f"the environment variable {name} is not set")
    return value
