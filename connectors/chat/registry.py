"""The chats there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.chat.port import Chat
from connectors.chat.slack import SlackChat, SlackSettings
from connectors.chat.stored import StoredChat
from connectors.providers import Provider, open_provider
from engine.values import Value


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to providers: a secret by the name of its variable."""

    secret: Callable[[str], str | None]


class StoredSettings(Value):
    """The name of the address's variable may stand there already; it is not asked for."""

    url_env: str | None = None


PROVIDERS: Mapping[str, Provider[Needs, Chat]] = {
    "slack": Provider(settings=SlackSettings, open=lambda settings, needs: SlackChat(settings, needs.secret)),
    "stored": Provider(settings=StoredSettings, open=lambda _settings, _needs: StoredChat()),
}


def open_chat(name: str, settings: Mapping[str, Any], needs: Needs) -> Chat:
    """A chat by provider name; raises UnknownProvider, or pydantic's ValidationError for its settings."""
    return open_provider("chat provider", PROVIDERS, name, settings, needs)
