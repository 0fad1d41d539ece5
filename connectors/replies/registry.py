"""The ways in which replies come in. A new one is a file beside this, and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.providers import Provider, open_provider
from connectors.replies.imap import ImapMailbox, ImapSettings
from connectors.replies.port import Mailbox
from connectors.replies.posted import InboundSettings, secret_of


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the application gives to providers: a secret by the name of its variable."""

    secret: Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """How replies come in: a mailbox that is asked, or posts that know a secret."""

    mailbox: Mailbox | None = None
    secret: Callable[[], str] | None = None
    """Raises Misconfigured."""


PROVIDERS: Mapping[str, Provider[Needs, Arrivals]] = {
    "imap": Provider(
        settings=ImapSettings, open=lambda settings, needs: Arrivals(mailbox=ImapMailbox(settings, needs.secret))
    ),
    "sendgrid": Provider(
        settings=InboundSettings,
        open=lambda settings, needs: Arrivals(secret=lambda: secret_of(settings, needs.secret)),
    ),
}


def open_arrivals(name: str, settings: Mapping[str, Any], needs: Needs) -> Arrivals:
    """By provider name; raises UnknownProvider, or pydantic's ValidationError for its settings."""
    return open_provider("provider of replies", PROVIDERS, name, settings, needs)
