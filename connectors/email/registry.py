"""The mail providers there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from connectors.email.port import OutgoingMail, Transport
from connectors.email.sendgrid import SendGridSettings, SendGridTransport
from connectors.email.smtp import SmtpSettings, SmtpTransport
from connectors.email.stored import StoredTransport
from engine.problems import did_you_mean
from engine.values import Value


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to providers: a secret by the name of its variable, and its own store of mails."""

    secret: Callable[[str], str | None]
    keep: Callable[[OutgoingMail], None]
    kept: Callable[[str], bool]


class NoSettings(Value):
    """For providers with nothing to set."""


S = TypeVar("S", bound=Value)


@dataclass(frozen=True, kw_only=True)
class Provider(Generic[S]):
    """A provider's settings, and how to make a transport of them."""

    settings: type[S]
    open: Callable[[S, Needs], Transport]


PROVIDERS: Mapping[str, Provider[Any]] = {
    "stored": Provider(settings=NoSettings, open=lambda _, needs: StoredTransport(needs.keep, needs.kept)),
    "smtp": Provider(settings=SmtpSettings, open=lambda settings, needs: SmtpTransport(settings, needs.secret)),
    "sendgrid": Provider(
        settings=SendGridSettings, open=lambda settings, needs: SendGridTransport(settings, needs.secret)
    ),
}


class UnknownProvider(LookupError):
    """No provider has this name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f'there is no mail provider "{name}" ({did_you_mean(name, PROVIDERS)})')


def open_transport(name: str, settings: Mapping[str, Any], needs: Needs) -> Transport:
    """A transport by provider name; raises UnknownProvider, or pydantic's ValidationError for its settings."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise UnknownProvider(name)
    return provider.open(provider.settings.model_validate(dict(settings)), needs)
