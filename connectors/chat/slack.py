"""Puts messages into a channel by an incoming webhook of Slack's shape, which others understand as well."""

import json
from collections.abc import Callable

from pydantic import Field

from connectors.chat.port import Message
from connectors.errors import Misconfigured
from connectors.http import post
from engine.values import Value

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""All that Slack reads as markup of its own; a name must not become a mention of everybody."""


class SlackSettings(Value):
    """The address is a secret, as whoever has it may speak in the channel."""

    url_env: str = Field(description="the environment variable that holds the webhook's address")
    allow_private: bool = Field(False, description="whether the address may lie in a private network, or be plain http")


class SlackChat:
    """An incoming webhook knows no idempotency key: what may have arrived is not said again."""

    def __init__(self, settings: SlackSettings, secret: Callable[[str], str | None]) -> None:
        self._settings = settings
        self._secret = secret

    def say(self, message: Message, hand_over: Callable[[], None]) -> None:
        url = self._secret(self._settings.url_env)
        if not url:
            raise Misconfigured(f"the environment variable {self._settings.url_env} is not set")
        body = json.dumps({"text": message.text.translate(_ESCAPED)}, ensure_ascii=False).encode()
        post(url, body, {}, hand_over, allow_private=self._settings.allow_private)
