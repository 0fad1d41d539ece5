"""Prepares mails for runs: one row for each recipient of a step's visit, whatever is repeated."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa

from engine.mail.addresses import address_key
from engine.mail.policy import topic_of
from store import fingerprints
from store.mails.rows import Draft
from store.postgres.notices import notify
from store.postgres.statements import Statement

CHANNEL = "tenure_mail"
"""What `prepare` notifies."""


def prepare(conn: sa.Connection, draft: Draft, now: datetime) -> int:
    """The id of the mail for (run, step, visit, recipient), made when it is not there; a second draft changes nothing.

    All mails of one step belong into one transaction: the run is told when every one of them is settled.
    """
    values = {part.name: getattr(draft, part.name) for part in fields(Draft)}
    values |= {"topic": topic_of(draft.category, draft.topic), "to_key": address_key(draft.to_address)}
    made = _PREPARE.read_one(conn, values | {"message_id": _message_id(conn, draft), "created_at": now})
    if made is not None:
        notify(conn, CHANNEL, draft.stream)
        return int(made.id)
    [there] = _THERE.read_column(conn, values)
    return int(there)


_SAID = (*(part.name for part in fields(Draft)), "to_key", "message_id", "created_at")
_PREPARE = Statement(f"""
    insert into mail ({", ".join(_SAID)}) values ({", ".join(f"%({name})s" for name in _SAID)})
    on conflict (run_id, step, visit, contact_id, person) do nothing returning id
""")  # noqa: S608 - joined from constants
_THERE = Statement("""
    select id from mail where run_id = %(run_id)s and step = %(step)s and visit = %(visit)s
        and contact_id is not distinct from %(contact_id)s and person is not distinct from %(person)s
""")


def skip_unsent(
    conn: sa.Connection, run_id: int, now: datetime, reason: str = "run ended", *, steps: Collection[str] | None = None
) -> None:
    """Mails to customers that have not left never do, and the run is not told; `steps`: theirs alone."""
    _SKIP.write(conn, {"run": run_id, "now": now, "reason": reason, "steps": None if steps is None else list(steps)})


_SKIP = Statement("""
    update mail set state = 'skipped', reason = %(reason)s, settled_at = %(now)s
    where run_id = %(run)s and state = 'prepared' and person is null
        and (cast(%(steps)s as text[]) is null or step = any(%(steps)s))
""")


def message_id(conn: sa.Connection, run_id: int, step: str, visit: int, recipient: int | str, sender: str) -> str:  # noqa: PLR0917
    """What the mail of a step's visit to one recipient (a contact's id, a colleague's key) is known by outside."""
    name = fingerprints.of_run(conn, run_id, step, visit, recipient)
    domain = sender.rpartition("@")[2]
    return f"<{name}@{domain if domain.isascii() else domain.encode('idna').decode()}>"


def _message_id(conn: sa.Connection, draft: Draft) -> str:
    recipient = draft.contact_id or draft.person
    assert recipient is not None, "a mail is to a contact or to a colleague"
    return message_id(conn, draft.run_id, draft.step, draft.visit, recipient, draft.from_address)
