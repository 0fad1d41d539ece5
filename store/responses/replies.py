"""Takes in what came back by mail: the run hears of a person's reply, and of a mail that did not arrive."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.mail.incoming import Incoming, IncomingKind
from engine.mail.seen import Seen
from store.responses import mail_events
from store.schema import mail, mail_reply
from store.scrubbing import ERASED

Became = IncomingKind | Literal["repeat", "stranger"]
"""A stranger is about no mail of ours, or of a person who was forgotten."""


def take_in(conn: sa.Connection, incoming: Incoming, now: datetime) -> Became:
    """In the caller's transaction; the same mail again changes nothing."""
    message_id = _mail_of(conn, incoming)
    if message_id is None:
        return "stranger"
    seen = Seen(
        message_id=message_id,
        type=incoming.kind,
        key=f"reply/{incoming.key}"[:400],
        at=min(incoming.at, now),
        reason=incoming.reason,
    )
    if not mail_events.take_in(conn, [seen], now).new:
        return "repeat"
    if incoming.kind in ("replied", "auto_replied"):
        _keep(conn, incoming, seen, now)
    return incoming.kind


def _mail_of(conn: sa.Connection, incoming: Incoming) -> str | None:
    """By the address that is the mail's alone; else by the message ids it answers, the nearest first."""
    by_address = sa.select(mail.c.message_id).where(mail.c.replies_to == sa.any_(_texts(incoming.to)))
    found: str | None = conn.execute(by_address.order_by(mail.c.id.desc()).limit(1)).scalar()
    if found is not None:
        return found
    # What somebody writes who was forgotten is kept by nobody, and told to no run.
    named = (mail.c.message_id == sa.any_(_texts(incoming.about)), mail.c.to_address != ERASED)
    by_id = sa.select(mail.c.message_id).where(*named)
    ours = set(conn.execute(by_id).scalars())
    return next((one for one in incoming.about if one in ours), None)


def _keep(conn: sa.Connection, incoming: Incoming, seen: Seen, now: datetime) -> None:
    owner = sa.select(mail.c.id).where(mail.c.message_id == seen.message_id).scalar_subquery()
    row = {
        "mail_id": owner,
        "key": seen.key,
        "kind": incoming.kind,
        "from_address": incoming.from_address,
        "from_name": incoming.from_name,
        "subject": incoming.subject,
        "says": incoming.says,
        "at": seen.at,
        "learned_at": now,
    }
    conn.execute(insert(mail_reply).values(**row).on_conflict_do_nothing(index_elements=["key"]))


def _texts(values: Sequence[str]) -> sa.BindParameter[list[str]]:
    return sa.literal(list(values), sa.ARRAY(sa.Text))
