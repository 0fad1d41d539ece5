"""The mail providers there are. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.email.port import OutgoingMail, Transport
from connectors.email.sendgrid import SendGridSettings, SendGridTransport
from connectors.email.smtp import SmtpSettings, SmtpTransport
from connectors.email.stored import StoredTransport
from connectors.providers import Provider, open_provider
from engine.values import Value


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to providers: a secret by the name of its variable, and its own store of mails."""

    secret: Callable[[str], str | None]
    keep: Callable[[OutgoingMail], None]
    kept: Callable[[str], bool]


class NoSettings(Value):
    """For providers with nothing to set."""


PROVIDERS: Mapping[str, Provider[Needs, Transport]] = {
    "stored": Provider(settings=NoSettings, open=lambda _, needs: StoredTransport(needs.keep, needs.kept)),
    "smtp": Provider(settings=SmtpSettings, open=lambda settings, needs: SmtpTransport(settings, needs.secret)),
    "sendgrid": Provider(
        settings=SendGridSettings, open=lambda settings, needs: SendGridTransport(settings, needs.secret)
    ),
}


def open_transport(name: str, settings: Mapping[str, Any], needs: Needs) -> Transport:
    """A transport by provider name; raises UnknownProvider, or pydantic's ValidationError for its settings."""
    return open_provider("mail provider", PROVIDERS, name, settings, needs)
