"""Notes that somebody followed a link of a mail, through our own page."""

import hashlib
from datetime import datetime

import sqlalchemy as sa

from engine.mail.seen import Seen
from store.responses import mail_events
from store.responses.links import Click
from store.schema import mail


def note(conn: sa.Connection, click: Click, now: datetime, *, machine: bool = False) -> bool:
    """Whether it is news: clicks on the same link in the same second are one.

    A link that is followed before its mail has left was followed by one of us, in a preview: that tells nothing.
    """
    state = conn.execute(sa.select(mail.c.state).where(mail.c.message_id == click.message_id)).scalar()
    if state in (None, "prepared", "skipped"):
        return False
    at = now.replace(microsecond=0)
    words = f"{click.message_id}\n{click.target}\n{at.isoformat()}\n{machine}"
    seen = Seen(
        message_id=click.message_id,
        type="clicked",
        key=f"link/{hashlib.sha256(words.encode()).hexdigest()[:40]}",
        at=at,
        link=click.target,
        machine=machine,
    )
    return mail_events.take_in(conn, [seen], now).new > 0
