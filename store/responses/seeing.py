"""Keeps one thing that was seen of a mail outside; `store.responses.mail_events` does the same for many at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from engine.mail.addresses import address_key
from store.consent import Reason, Suppressing, suppress
from store.mails.holding import hold_addresses
from store.mails.settling import hold_runs, settle
from store.postgres.statements import Statement
from store.telling import tell

EventType = Literal["delivered", "bounced", "opened", "clicked", "replied", "complained"]

_STOPS: Mapping[EventType, Reason] = {"bounced": "bounced", "complained": "complained"}


def record_event(conn: sa.Connection, mail_id: int, type_: EventType, key: str, at: datetime, *, now: datetime) -> bool:
    """Something was seen of a mail outside; False for an event that is known. `key` is the provider's id of it.

    The run hears it when its plan listens. Whatever was seen proves that the mail left; after some of it,
    the address is written to no more.
    """
    stopping = _STOPS.get(type_)
    [address] = _ADDRESS.read_column(conn, {"mail": mail_id})
    if stopping:
        hold_addresses(conn, [address_key(address)])
    hold_runs(conn, [mail_id])
    if not _KEEP.write(conn, {"mail": mail_id, "type": type_, "key": key, "at": at, "now": now}):
        return False
    settle(conn, mail_id, "sent", reason=f"seen by an event: {type_}", now=now)
    if stopping:
        suppress(conn, [Suppressing(address=address, reason=stopping)], now)
    event = f"email.{type_}"
    row = _LISTENING.read_one(conn, {"mail": mail_id, "event": event})
    if row is not None:
        tell(conn, row.run_id, "event", of=row.step, values={"event": event}, at=now)
    return True


_ADDRESS = Statement("select to_address from mail where id = %(mail)s")
_KEEP = Statement("""
    insert into mail_event (mail_id, type, key, at, learned_at) values (%(mail)s, %(type)s, %(key)s, %(at)s, %(now)s)
    on conflict (key) do nothing
""")
_LISTENING = Statement("""
    select mail.run_id, mail.step from mail join run on run.id = mail.run_id
    join playbook_version on playbook_version.playbook = run.playbook and playbook_version.version = run.version
    where mail.id = %(mail)s and jsonb_exists(playbook_version.compiled -> 'plan' -> 'listens', %(event)s)
""")
