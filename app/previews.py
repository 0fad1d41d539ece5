"""One mail of a playbook as its recipient would read it: found by its name, filled in for one account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.grounds import Grounds, grounds
from app.running import UsageError
from engine.mail.locales import in_locale
from engine.problems import did_you_mean
from engine.texts.document import MailText
from engine.texts.mail import RenderedMail
from engine.texts.preview import preview_mail
from engine.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A mail before anybody sends it."""

    text: MailText
    rendered: RenderedMail
    workspace: Workspace
    account: str
    """Its name, for people."""
    values: Mapping[str, Any]
    """What it was filled in with, by full name."""


def preview(
    where: str, *, account: str | None, locale: str | None, home: Path | None, at: date | None = None
) -> Preview:
    """`where`: PLAYBOOK/MAIL. Raises UsageError for what is not there, Broken, and RenderError for a missing value."""
    playbook, slash, template = where.rstrip("/").rpartition("/")
    if not slash or not playbook:
        raise UsageError(f"{where!r} names no mail; write it like risk-recovery/checking-in")
    with grounds(playbook.removesuffix("/emails"), account, at, home) as found:
        name = template.removesuffix(".md")
        others = {one.rpartition(".")[2]: one for one in found.named if one.startswith(f"{name}.")}
        key = in_locale(others, locale or found.account.field("account.locale"), name)
        text = found.named.get(key)
        if text is None:
            raise UsageError(f'no step sends a mail "{name}"; {did_you_mean(name, tuple(found.named))}')
        values = _values(found, found.senders.get(name))
        language = next((one for one, other in others.items() if other == key), None)
        asks = found.surveys.get(name)
        rendered = preview_mail(text, values, found.workspace, language=language, asks=asks)
        return Preview(text=text, rendered=rendered, workspace=found.workspace, account=found.name, values=values)


_WORDS = ("name", "first_name", "email")


def _values(found: Grounds, role: str | None) -> Mapping[str, Any]:
    """`role`: whose name it is sent in. A preview for a real account is read by the first role's contact."""
    values = {**found.texts.people, **found.account.values}
    if not found.invented:
        first = next(iter(found.workspace.roles.contacts), "")
        values |= {f"recipient.{word}": values.get(f"contact.{first}.{word}") for word in _WORDS}
    if role is not None:
        values |= {f"sender.{word}": values.get(f"{role}.{word}") for word in _WORDS}
    return values
