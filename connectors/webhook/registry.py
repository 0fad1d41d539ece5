"""The ways to tell another program there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.providers import Provider, open_provider
from connectors.webhook.http import HttpCaller, HttpSettings
from connectors.webhook.port import Caller
from connectors.webhook.stored import StoredCaller
from engine.values import Value


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to providers: a secret by the name of its variable."""

    secret: Callable[[str], str | None]


class StoredSettings(Value):
    """An address may stand there already; it is not called."""

    url: str | None = None


PROVIDERS: Mapping[str, Provider[Needs, Caller]] = {
    "http": Provider(settings=HttpSettings, open=lambda settings, needs: HttpCaller(settings, needs.secret)),
    "stored": Provider(settings=StoredSettings, open=lambda _settings, _needs: StoredCaller()),
}


def open_caller(name: str, settings: Mapping[str, Any], needs: Needs) -> Caller:
    """A caller by provider name; raises UnknownProvider, or pydantic's ValidationError for its settings."""
    return open_provider("webhook provider", PROVIDERS, name, settings, needs)
