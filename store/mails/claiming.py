"""Takes due mails for one dispatcher, and lets go of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.mails.handing import all_bars, workspace_in_force
from store.mails.rows import Mail, mail_of, said
from store.mails.settling import Settlement, settle_all
from store.postgres.statements import Statement
from store.schema import mail

_LOCKS = 0x6D61 << 48
"""Advisory locks are one space of numbers for the whole database; mails have this part of it."""

_WINDOW = 1000
"""How many due mails other dispatchers may hold before this one finds nothing."""

# The materialised list is read row by row, so that no more locks are tried than mails are wanted.
_CLAIM = Statement("""
    with due as materialized (
        select mail.id from mail
        join run on run.id = mail.run_id
        left join playbook on playbook.id = run.playbook
        where mail.stream = %(stream)s and (mail.state = 'prepared' or mail.again) and mail.due_at <= %(now)s
            and (
                run.state <> 'open'
                or coalesce(playbook.state, 'active') = 'active' and not exists (
                    select from outbox
                    where outbox.run_id = run.id and outbox.n > run.heard and outbox.fact ->> 'kind' = 'end'
                )
                or mail.resent_by is not null
            )
        order by mail.priority desc, mail.due_at, mail.id limit %(window)s
    )
    select id from due where pg_try_advisory_lock(%(locks)s + id) limit %(limit)s
""")
_CLAIM_ORPHANS = Statement("""
    with handed_over as materialized (
        select id from mail where stream = %(stream)s and state = 'handing_over' and due_at <= %(now)s
        order by id limit %(window)s
    )
    select id from handed_over where pg_try_advisory_lock(%(locks)s + id) limit %(limit)s
""")
_BY_ID = Statement(f"select {', '.join(mail.columns.keys())} from mail where id = any(cast(%(ids)s as bigint[]))")  # noqa: S608 - joined from constants


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Mails this connection holds until `release`, how many were settled as skipped instead, and how many wait on."""

    mails: list[Mail]
    skipped: int
    put_off: int


def claim_due(conn: sa.Connection, stream: str, now: datetime, limit: int) -> Claim:
    """Due mails, highest priority first, that no other dispatcher has.

    Consent, address, run, caps and window are read again: mails that may not leave are settled as skipped, or wait on.
    Those of a paused playbook stay where they are.
    """
    claimed = _claimed(conn, _CLAIM, stream=stream, now=now, limit=limit)
    workspace = workspace_in_force(conn)
    bars = all_bars(conn, workspace, [one.id for one in claimed], now)
    barred = {mail_id: bar for mail_id, bar in bars.items() if bar is not None}
    skipped = [Settlement(mail_id=id_, state="skipped", reason=bar.reason) for id_, bar in barred.items() if bar.final]
    settled = settle_all(conn, skipped, now) if skipped else ()
    later = [(id_, bar) for id_, bar in barred.items() if not bar.final]
    put_off = sum(wait(conn, id_, bar.until, bar.reason) for id_, bar in later if bar.until is not None)
    release(conn, barred)
    return Claim(mails=[one for one in claimed if one.id not in barred], skipped=len(settled), put_off=put_off)


def orphans(conn: sa.Connection, stream: str, now: datetime, limit: int) -> list[Mail]:
    """Mails that were handed over by a dispatcher that is gone; this connection holds them until `release`."""
    return _claimed(conn, _CLAIM_ORPHANS, stream=stream, now=now, limit=limit, orphaned=True)


def release(conn: sa.Connection, mail_ids: Collection[int]) -> None:
    """Let go of claimed mails."""
    _RELEASE.read(conn, {"ids": list(mail_ids), "locks": _LOCKS})


_RELEASE = Statement("select pg_advisory_unlock(%(locks)s + id) from unnest(cast(%(ids)s as bigint[])) as claimed(id)")


def wait(conn: sa.Connection, mail_id: int, until: datetime, reason: str) -> bool:
    """The mail may leave later, by caps and window; what it waited for is kept with it."""
    return _WAIT.write(conn, {"id": mail_id, "until": until, "reason": said(reason)}) == 1


_WAIT = Statement("""
    update mail set due_at = %(until)s, reason = %(reason)s, waited = %(reason)s
    where id = %(id)s and (state = 'prepared' or again)
""")


def park(conn: sa.Connection, mail_id: int, due_at: datetime, reason: str, *, tried: bool = True) -> bool:
    """The mail certainly did not leave, and may later. `tried` counts this as an attempt.

    Of a mail that is sent once more only this attempt did not leave: it is as unknown as before.
    """
    twice = sa.or_(mail.c.again, mail.c.resends > 0)
    undone = sa.cast(sa.and_(mail.c.state == "handing_over", mail.c.resends > 0), sa.Integer)
    parked = conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id, sa.or_(mail.c.state.in_(("prepared", "handing_over")), mail.c.again))
        .values(
            state=sa.case((twice, "unknown"), else_="prepared"),
            again=twice,
            resends=mail.c.resends - undone,
            left_at=sa.case((twice, mail.c.left_at)),
            due_at=due_at,
            reason=said(reason),
            attempts=mail.c.attempts + int(tried),
        )
    )
    return parked.rowcount == 1


def look_later(conn: sa.Connection, mail_id: int, due_at: datetime) -> None:
    """The provider could not be asked what became of an orphan."""
    conn.execute(sa.update(mail).where(mail.c.id == mail_id, mail.c.state == "handing_over").values(due_at=due_at))


def next_due(conn: sa.Connection, stream: str) -> datetime | None:
    """When the next mail of a stream may leave, for whoever drives a virtual clock."""
    waiting = (mail.c.stream == stream, sa.or_(mail.c.state.in_(("prepared", "handing_over")), mail.c.again))
    first: datetime | None = conn.execute(sa.select(sa.func.min(mail.c.due_at)).where(*waiting)).scalar()
    return first


def _claimed(
    conn: sa.Connection, statement: Statement, *, stream: str, now: datetime, limit: int, orphaned: bool = False
) -> list[Mail]:
    given = {"stream": stream, "now": now, "limit": limit, "locks": _LOCKS, "window": _WINDOW}
    ids = statement.read_column(conn, given)
    if not ids:
        return []
    found = {row.id: row for row in _BY_ID.read(conn, {"ids": ids})}
    claimed = []
    for mail_id in ids:
        row = found.get(mail_id)
        fits = row is not None and (row.state == "handing_over" if orphaned else row.state == "prepared" or row.again)
        if row is not None and fits and row.due_at <= now:
            claimed.append(mail_of(row))
        else:
            # Between the list and the lock another dispatcher has done its work and let go.
            release(conn, [mail_id])
    return claimed
