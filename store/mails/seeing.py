"""Keeps one thing that was seen of a mail outside; `store.mail_events` does the same for many at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.addresses import address_key
from store.consent import Reason, Suppressing, suppress
from store.mails.holding import hold_addresses
from store.mails.settling import hold_runs, settle
from store.schema import mail, mail_event, playbook_version, run
from store.telling import tell

EventType = Literal["delivered", "bounced", "opened", "clicked", "replied", "complained"]

_STOPS: Mapping[EventType, Reason] = {"bounced": "bounced", "complained": "complained"}


def record_event(conn: sa.Connection, mail_id: int, type_: EventType, key: str, at: datetime, *, now: datetime) -> bool:
    """Something was seen of a mail outside; False for an event that is known. `key` is the provider's id of it.

    The run hears it when its plan listens. Whatever was seen proves that the mail left; after some of it,
    the address is written to no more.
    """
    stopping = _STOPS.get(type_)
    address = conn.execute(sa.select(mail.c.to_address).where(mail.c.id == mail_id)).scalar_one()
    if stopping:
        hold_addresses(conn, [address_key(address)])
    hold_runs(conn, [mail_id])
    new = conn.execute(
        insert(mail_event)
        .values(mail_id=mail_id, type=type_, key=key, at=at, learned_at=now)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(mail_event.c.id)
    ).scalar()
    if new is None:
        return False
    settle(conn, mail_id, "sent", reason=f"seen by an event: {type_}", now=now)
    if stopping:
        suppress(conn, [Suppressing(address=address, reason=stopping)], now)
    event = f"email.{type_}"
    listening = (
        sa.select(mail.c.run_id, mail.c.step)
        .join(run, run.c.id == mail.c.run_id)
        .join(
            playbook_version,
            (playbook_version.c.playbook == run.c.playbook) & (playbook_version.c.version == run.c.version),
        )
        .where(mail.c.id == mail_id, playbook_version.c.compiled["plan"]["listens"].has_key(event))
    )
    row = conn.execute(listening).one_or_none()
    if row is not None:
        tell(conn, row.run_id, "event", of=row.step, values={"event": event}, at=now)
    return True
