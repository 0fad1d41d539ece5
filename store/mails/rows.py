"""What a mail's row says: as a run drafts it, and as the store knows it."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from engine.mail.doubts import OnUnknown
from store.postgres.statements import Row
from store.schema import mail

State = Literal["prepared", "handing_over", "sent", "refused", "skipped", "unknown"]
Settled = Literal["sent", "refused", "skipped", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A mail as a run prepares it, rendered for one contact, or for a colleague (`person`, by key)."""

    run_id: int
    step: str
    visit: int
    account_id: int
    contact_id: int | None
    person: str | None = None
    text_hash: str | None
    category: str
    topic: str | None = None
    """Whose consent is asked for; None where none is."""
    to_address: str
    to_name: str = ""
    from_address: str
    from_name: str
    reply_to: str | None = None
    replies_to: str | None = None
    """An address of Tenure's that is this mail's alone: who replies reaches `reply_to` and us."""
    unsubscribe_url: str | None = None
    subject: str
    html: str = field(repr=False)
    plain: str = field(repr=False)
    stream: str
    priority: int
    due_at: datetime
    on_unknown: OnUnknown = "ask"
    """Whether it is sent once more by itself when nobody can tell whether it has left."""


@dataclass(frozen=True, kw_only=True)
class Mail(Draft):
    """A mail as the store knows it."""

    id: int
    message_id: str
    state: State
    reason: str | None
    attempts: int
    again: bool
    resends: int
    waited: str | None
    provider_id: str | None
    created_at: datetime
    settled_at: datetime | None


def find_mail(conn: sa.Connection, mail_id: int) -> Mail | None:
    """One mail with everything it says."""
    row = conn.execute(sa.select(mail).where(mail.c.id == mail_id)).one_or_none()
    return None if row is None else mail_of(row)


def mail_of(row: Row) -> Mail:
    return Mail(**{part.name: getattr(row, part.name) for part in fields(Mail)})


def said(text: str | None) -> str | None:
    """Words from outside as they may be kept: a NUL in a server's answer must not stop the settling."""
    return None if text is None else "".join(char if char.isprintable() else " " for char in text)[:500]
