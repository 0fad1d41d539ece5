"""What a person does to one mail: stops it before it leaves, sends it again, or says what became of it."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from store.mails.preparing import CHANNEL
from store.mails.settling import settle
from store.postgres.notices import notify
from store.schema import mail


def cancel(conn: sa.Connection, mail_id: int, by: str, now: datetime) -> bool:
    """The mail never leaves, and its run goes on; False for one that has left, or may have, or is settled."""
    return settle(conn, mail_id, "skipped", now=now, reason=f"cancelled by {by}")


def resend(conn: sa.Connection, mail_id: int, by: str, now: datetime) -> bool:
    """Send a mail of which nobody knows once more, with the same message id; False for any other.

    Consent is asked as ever. The run has heard that it is unknown, and hears no more of it.
    """
    taken = conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id, mail.c.state == "unknown")
        .values(again=True, due_at=now, resent_by=by)
        .returning(mail.c.stream)
    ).scalar()
    if taken is None:
        return False
    notify(conn, CHANNEL, taken)
    return True


def say(conn: sa.Connection, mail_id: int, became: Literal["sent", "refused"], by: str, now: datetime) -> bool:
    """Somebody found out what became of a mail of which nobody knew; False for any other."""
    known = conn.execute(sa.select(mail.c.state).where(mail.c.id == mail_id)).scalar()
    return known == "unknown" and settle(conn, mail_id, became, now=now, reason=f"{by} says so", sure=True)
