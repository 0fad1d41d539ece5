"""The ways to tell another program there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from connectors.webhook.http import HttpCaller, HttpSettings
from connectors.webhook.port import Caller
from connectors.webhook.stored import StoredCaller
from engine.problems import did_you_mean
from engine.values import Value


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to providers: a secret by the name of its variable."""

    secret: Callable[[str], str | None]


class StoredSettings(Value):
    """An address may stand there already; it is not called."""

    url: str | None = None


S = TypeVar("S", bound=Value)


@dataclass(frozen=True, kw_only=True)
class Provider(Generic[S]):
    """A provider's settings, and how to make a caller of them."""

    settings: type[S]
    open: Callable[[S, Needs], Caller]


PROVIDERS: Mapping[str, Provider[Any]] = {
    "http": Provider(settings=HttpSettings, open=lambda settings, needs: HttpCaller(settings, needs.secret)),
    "stored": Provider(settings=StoredSettings, open=lambda _settings, _needs: StoredCaller()),
}


class UnknownProvider(LookupError):
    """No provider has this name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f'there is no webhook provider "{name}" ({did_you_mean(name, PROVIDERS)})')


def open_caller(name: str, settings: Mapping[str, Any], needs: Needs) -> Caller:
    """A caller by provider name; raises UnknownProvider, or pydantic's ValidationError for its settings."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise UnknownProvider(name)
    return provider.open(provider.settings.model_validate(dict(settings)), needs)
