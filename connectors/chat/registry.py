"""The chats there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from connectors.chat.port import Chat
from connectors.chat.slack import SlackChat, SlackSettings
from connectors.chat.stored import StoredChat
from engine.problems import did_you_mean
from engine.values import Value


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to providers: a secret by the name of its variable."""

    secret: Callable[[str], str | None]


class StoredSettings(Value):
    """The name of the address's variable may stand there already; it is not asked for."""

    url_env: str | None = None


S = TypeVar("S", bound=Value)


@dataclass(frozen=True, kw_only=True)
class Provider(Generic[S]):
    """A provider's settings, and how to make a chat of them."""

    settings: type[S]
    open: Callable[[S, Needs], Chat]


PROVIDERS: Mapping[str, Provider[Any]] = {
    "slack": Provider(settings=SlackSettings, open=lambda settings, needs: SlackChat(settings, needs.secret)),
    "stored": Provider(settings=StoredSettings, open=lambda _settings, _needs: StoredChat()),
}


class UnknownProvider(LookupError):
    """No provider has this name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f'there is no chat provider "{name}" ({did_you_mean(name, PROVIDERS)})')


def open_chat(name: str, settings: Mapping[str, Any], needs: Needs) -> Chat:
    """A chat by provider name; raises UnknownProvider, or pydantic's ValidationError for its settings."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise UnknownProvider(name)
    return provider.open(provider.settings.model_validate(dict(settings)), needs)
