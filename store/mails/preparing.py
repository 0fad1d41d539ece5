"""Prepares mails for runs: one row for each recipient of a step's visit, whatever is repeated."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.addresses import address_key
from engine.mail_policy import topic_of
from store import fingerprints
from store.mails.rows import Draft
from store.notices import notify
from store.schema import mail

CHANNEL = "tenure_mail"
"""What `prepare` notifies."""


def prepare(conn: sa.Connection, draft: Draft, now: datetime) -> int:
    """The id of the mail for (run, step, visit, recipient), made when it is not there; a second draft changes nothing.

    All mails of one step belong into one transaction: the run is told when every one of them is settled.
    """
    values = {part.name: getattr(draft, part.name) for part in fields(Draft)}
    values |= {"topic": topic_of(draft.category, draft.topic), "to_key": address_key(draft.to_address)}
    made: int | None = conn.execute(
        insert(mail)
        .values(**values, message_id=_message_id(conn, draft), created_at=now)
        .on_conflict_do_nothing(index_elements=["run_id", "step", "visit", "contact_id", "person"])
        .returning(mail.c.id)
    ).scalar()
    if made is not None:
        notify(conn, CHANNEL, draft.stream)
        return made
    mine = (mail.c.run_id == draft.run_id, mail.c.step == draft.step, mail.c.visit == draft.visit)
    to = (mail.c.contact_id.is_not_distinct_from(draft.contact_id), mail.c.person.is_not_distinct_from(draft.person))
    there: int = conn.execute(sa.select(mail.c.id).where(*mine, *to)).scalar_one()
    return there


def skip_unsent(
    conn: sa.Connection, run_id: int, now: datetime, reason: str = "run ended", *, steps: Collection[str] | None = None
) -> None:
    """Mails to customers that have not left never do, and the run is not told; `steps`: theirs alone."""
    mine = [mail.c.run_id == run_id, mail.c.state == "prepared", mail.c.person.is_(None)]
    if steps is not None:
        mine.append(mail.c.step.in_(steps))
    conn.execute(sa.update(mail).where(*mine).values(state="skipped", reason=reason, settled_at=now))


def message_id(conn: sa.Connection, run_id: int, step: str, visit: int, recipient: int | str, sender: str) -> str:  # noqa: PLR0917
    """What the mail of a step's visit to one recipient (a contact's id, a colleague's key) is known by outside."""
    name = fingerprints.of_run(conn, run_id, step, visit, recipient)
    domain = sender.rpartition("@")[2]
    return f"<{name}@{domain if domain.isascii() else domain.encode('idna').decode()}>"


def _message_id(conn: sa.Connection, draft: Draft) -> str:
    recipient = draft.contact_id or draft.person
    assert recipient is not None, "a mail is to a contact or to a colleague"
    return message_id(conn, draft.run_id, draft.step, draft.visit, recipient, draft.from_address)
