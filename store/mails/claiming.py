"""Takes due mails for one dispatcher, and takes the step after which a mail may have left."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.mails.bars import Bar, bars_of
from store.mails.holding import hold_addresses
from store.mails.rows import Mail, State, mail_of, said
from store.mails.settling import settle
from store.schema import mail

_LOCKS = 0x6D61 << 48
"""Advisory locks are one space of numbers for the whole database; mails have this part of it."""

_WINDOW = 1000
"""How many due mails other dispatchers may hold before this one finds nothing."""

# The materialised list is read row by row, so that no more locks are tried than mails are wanted.
_CLAIM = sa.text("""
    with due as materialized (
        select mail.id from mail
        join run on run.id = mail.run_id
        left join playbook on playbook.id = run.playbook
        where mail.stream = :stream and mail.state = 'prepared' and mail.due_at <= :now
            and (run.state <> 'open' or coalesce(playbook.state, 'active') = 'active')
        order by mail.priority desc, mail.due_at, mail.id limit :window
    )
    select id from due where pg_try_advisory_lock(:locks + id) limit :limit
""")
_CLAIM_ORPHANS = sa.text("""
    with handed_over as materialized (
        select id from mail where stream = :stream and state = 'handing_over' and due_at <= :now
        order by id limit :window
    )
    select id from handed_over where pg_try_advisory_lock(:locks + id) limit :limit
""")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Mails this connection holds until `release`, and how many were settled as skipped instead."""

    mails: list[Mail]
    skipped: int


def claim_due(conn: sa.Connection, stream: str, now: datetime, limit: int) -> Claim:
    """Due mails, highest priority first, that no other dispatcher has.

    Consent, address and run are read again: mails that may not leave are settled as skipped. Those of a paused playbook
    stay where they are.
    """
    claimed = _claimed(conn, _CLAIM, state="prepared", stream=stream, now=now, limit=limit)
    bars = bars_of(conn, [one.id for one in claimed], now)
    skipped = 0
    # In the order of runs, since two dispatchers that settle hold runs still.
    for one in sorted(claimed, key=lambda one: (one.run_id, one.id)):
        bar = bars[one.id]
        if bar is not None:
            skipped += bar.final and settle(conn, one.id, "skipped", reason=bar.reason, now=now)
            release(conn, one.id)
    return Claim(mails=[one for one in claimed if bars[one.id] is None], skipped=skipped)


def orphans(conn: sa.Connection, stream: str, now: datetime, limit: int) -> list[Mail]:
    """Mails that were handed over by a dispatcher that is gone; this connection holds them until `release`."""
    return _claimed(conn, _CLAIM_ORPHANS, state="handing_over", stream=stream, now=now, limit=limit)


def release(conn: sa.Connection, mail_id: int) -> None:
    """Let go of a claimed mail."""
    conn.execute(sa.select(sa.func.pg_advisory_unlock(_LOCKS + mail_id)))


def handing_over(conn: sa.Connection, mail_id: int, now: datetime) -> Bar | None:
    """Take the step after which the mail may have left; commit before the first byte. A Bar when it may not, after all.

    The address, the run and the contact are held still until the caller commits: whoever unsubscribes or ends the run
    is before or after this moment, never beside it.
    """
    hold_addresses(conn, conn.execute(sa.select(mail.c.to_key).where(mail.c.id == mail_id)).scalars())
    bar = bars_of(conn, [mail_id], now, hold=True)[mail_id]
    if bar is not None:
        return bar
    taken = conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id, mail.c.state == "prepared")
        .values(state="handing_over", reason=None, left_at=now)
    )
    return None if taken.rowcount else Bar(reason="the mail is settled or in other hands", final=False)


def park(conn: sa.Connection, mail_id: int, due_at: datetime, reason: str, *, tried: bool = True) -> bool:
    """The mail certainly did not leave, and may later. `tried` counts this as an attempt."""
    parked = conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id, mail.c.state.in_(("prepared", "handing_over")))
        .values(
            state="prepared", due_at=due_at, left_at=None, reason=said(reason), attempts=mail.c.attempts + int(tried)
        )
    )
    return parked.rowcount == 1


def look_later(conn: sa.Connection, mail_id: int, due_at: datetime) -> None:
    """The provider could not be asked what became of an orphan."""
    conn.execute(sa.update(mail).where(mail.c.id == mail_id, mail.c.state == "handing_over").values(due_at=due_at))


def next_due(conn: sa.Connection, stream: str) -> datetime | None:
    """When the next mail of a stream may leave, for whoever drives a virtual clock."""
    waiting = (mail.c.stream == stream, mail.c.state.in_(("prepared", "handing_over")))
    first: datetime | None = conn.execute(sa.select(sa.func.min(mail.c.due_at)).where(*waiting)).scalar()
    return first


def _claimed(
    conn: sa.Connection, statement: sa.TextClause, *, state: State, stream: str, now: datetime, limit: int
) -> list[Mail]:
    given = {"stream": stream, "now": now, "limit": limit, "locks": _LOCKS, "window": _WINDOW}
    ids = list(conn.execute(statement, given).scalars())
    found = {row.id: row for row in conn.execute(sa.select(mail).where(mail.c.id.in_(ids)))}
    claimed = []
    for mail_id in ids:
        row = found.get(mail_id)
        if row is not None and row.state == state and row.due_at <= now:
            claimed.append(mail_of(row))
        else:
            # Between the list and the lock another dispatcher has done its work and let go.
            release(conn, mail_id)
    return claimed
