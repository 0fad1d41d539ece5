"""A mail's life as rows: prepared by a run, claimed by a dispatcher, handed over, settled once; the run is told.

The state `handing_over` is committed just before a mail leaves, so a row found `prepared` is safe to send, and one
found `handing_over` without its dispatcher may have left. A dispatcher is alive while its own connection holds the
advisory lock of the mail. Locks are taken run first, then contact, then mail, as the end of a run does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from store import fingerprints
from store.schema import contact, mail, mail_event, person, playbook, playbook_version, run
from store.telling import tell

State = Literal["prepared", "handing_over", "sent", "refused", "skipped", "unknown"]
Settled = Literal["sent", "refused", "skipped", "unknown"]
EventType = Literal["delivered", "bounced", "opened", "clicked", "replied", "complained"]

CHANNEL = "tenure_mail"
"""What `prepare` notifies."""


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
    to_address: str
    to_name: str = ""
    from_address: str
    from_name: str
    reply_to: str | None = None
    unsubscribe_url: str | None = None
    subject: str
    html: str = field(repr=False)
    plain: str = field(repr=False)
    stream: str
    priority: int
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class Mail(Draft):
    """A mail as the store knows it."""

    id: int
    message_id: str
    state: State
    reason: str | None
    attempts: int
    provider_id: str | None
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Why a mail may not leave: for good, or not now."""

    reason: str
    final: bool


# --- preparing --------------------------------------------------------------------------------------------------------


def prepare(conn: sa.Connection, draft: Draft, now: datetime) -> int:
    """The id of the mail for (run, step, visit, recipient), made when it is not there; a second draft changes nothing.

    All mails of one step belong into one transaction: the run is told when every one of them is settled.
    """
    values = {part.name: getattr(draft, part.name) for part in fields(Draft)}
    made: int | None = conn.execute(
        insert(mail)
        .values(**values, message_id=_message_id(conn, draft), created_at=now)
        .on_conflict_do_nothing(index_elements=["run_id", "step", "visit", "contact_id", "person"])
        .returning(mail.c.id)
    ).scalar()
    if made is not None:
        conn.execute(sa.select(sa.func.pg_notify(CHANNEL, draft.stream)))
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


def _message_id(conn: sa.Connection, draft: Draft) -> str:
    name = fingerprints.of_run(conn, draft.run_id, draft.step, draft.visit, draft.contact_id or draft.person)
    domain = draft.from_address.rpartition("@")[2]
    return f"<{name}@{domain if domain.isascii() else domain.encode('idna').decode()}>"


# --- dispatching ------------------------------------------------------------------------------------------------------

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
    bars = _bars(conn, [one.id for one in claimed])
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


def handing_over(conn: sa.Connection, mail_id: int) -> Bar | None:
    """Take the step after which the mail may have left; commit before the first byte. A Bar when it may not, after all.

    The run and the contact are held still until the caller commits: whoever unsubscribes or ends the run is before or
    after this moment, never beside it.
    """
    bar = _bars(conn, [mail_id], hold=True)[mail_id]
    if bar is not None:
        return bar
    taken = conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id, mail.c.state == "prepared")
        .values(state="handing_over", reason=None)
    )
    return None if taken.rowcount else Bar(reason="the mail is settled or in other hands", final=False)


def park(conn: sa.Connection, mail_id: int, due_at: datetime, reason: str, *, tried: bool = True) -> bool:
    """The mail certainly did not leave, and may later. `tried` counts this as an attempt."""
    parked = conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id, mail.c.state.in_(("prepared", "handing_over")))
        .values(state="prepared", due_at=due_at, reason=_said(reason), attempts=mail.c.attempts + int(tried))
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
            claimed.append(_mail(row))
        else:
            # Between the list and the lock another dispatcher has done its work and let go.
            release(conn, mail_id)
    return claimed


_GONE = Bar(reason="the mail is gone", final=False)


def _bars(conn: sa.Connection, ids: Sequence[int], *, hold: bool = False) -> dict[int, Bar | None]:
    """What keeps each of these mails from leaving at this moment."""
    query = (
        sa.select(
            mail.c.id,
            mail.c.to_address,
            run.c.state,
            contact.c.do_not_contact,
            contact.c.email,
            sa.func.coalesce(playbook.c.state, "active").label("playbook"),
        )
        .select_from(run)
        .join(mail, mail.c.run_id == run.c.id)
        .join(contact, contact.c.id == mail.c.contact_id)
        .outerjoin(playbook, playbook.c.id == run.c.playbook)
        .where(mail.c.id.in_(ids))
    )
    held = query.with_for_update(read=True, of=[run, contact]) if hold else query
    bars: dict[int, Bar | None] = dict.fromkeys(ids, _GONE)
    bars.update((row["id"], _bar(row)) for row in conn.execute(held).mappings())
    others = [mail_id for mail_id in ids if bars[mail_id] is _GONE]
    return bars | _bars_inside(conn, others) if others else bars


def _bars_inside(conn: sa.Connection, ids: Sequence[int]) -> dict[int, Bar | None]:
    """The same for mail to colleagues, who hear of a run also when it is over."""
    standing = sa.func.coalesce(playbook.c.state, "active").label("playbook")
    rows = conn.execute(
        sa.select(mail.c.id, mail.c.to_address, person.c.email, run.c.state, standing)
        .select_from(mail)
        .join(run, run.c.id == mail.c.run_id)
        .outerjoin(person, person.c.key == mail.c.person)
        .outerjoin(playbook, playbook.c.id == run.c.playbook)
        .where(mail.c.id.in_(ids), mail.c.person.is_not(None))
    )
    bars: dict[int, Bar | None] = {}
    for row in rows:
        if (row.email or "").casefold() != row.to_address.casefold():
            bars[row.id] = Bar(reason="the address is no longer the colleague's", final=True)
        elif row.state == "open" and row.playbook != "active":
            bars[row.id] = Bar(reason=f"the playbook is {row.playbook}", final=False)
        else:
            bars[row.id] = None
    return bars


def _bar(row: sa.RowMapping) -> Bar | None:
    if row["state"] != "open":
        return Bar(reason="the run has ended", final=True)
    if row["do_not_contact"]:
        return Bar(reason="the contact does not want to be contacted", final=True)
    if (row["email"] or "").casefold() != row["to_address"].casefold():
        return Bar(reason="the address is no longer the contact's", final=True)
    standing = row["playbook"]
    return None if standing == "active" else Bar(reason=f"the playbook is {standing}", final=False)


# --- settling ---------------------------------------------------------------------------------------------------------

_FROM: dict[Settled, tuple[State, ...]] = {
    # Evidence comes late, and out of turn: what was seen to arrive was sent, whatever was believed before.
    "sent": ("prepared", "handing_over", "unknown"),
    "refused": ("prepared", "handing_over", "unknown"),
    "skipped": ("prepared",),
    "unknown": ("handing_over",),
}
_OPEN = ("prepared", "handing_over")


def settle(
    conn: sa.Connection,
    mail_id: int,
    state: Settled,
    *,
    now: datetime,
    reason: str | None = None,
    provider_id: str | None = None,
) -> bool:
    """What became of a mail; False when that cannot follow on what is known. Nothing follows on sent.

    The run is told once all mails of the step's visit are settled. Evidence that comes after it was told `unknown` is
    kept with the mail, but does not reach the run: it has gone on.
    """
    _hold_run(conn, mail_id)
    row = conn.execute(
        sa.select(mail.c.run_id, mail.c.step, mail.c.visit, mail.c.state, mail.c.person)
        .where(mail.c.id == mail_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None or row.state not in _FROM[state]:
        return False
    conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id)
        .values(
            state=state,
            reason=_said(reason),
            settled_at=now,
            provider_id=sa.func.coalesce(_said(provider_id), mail.c.provider_id),
        )
    )
    # Nobody waits for what is told to colleagues.
    if row.state in _OPEN and row.person is None:
        _tell_if_all_settled(conn, row.run_id, row.step, row.visit, now)
    return True


def _said(text: str | None) -> str | None:
    """Words from outside as they may be kept: a NUL in a server's answer must not stop the settling."""
    return None if text is None else "".join(char if char.isprintable() else " " for char in text)[:500]


def _hold_run(conn: sa.Connection, mail_id: int) -> None:
    """Two dispatchers that settle the last two mails of a step must not both believe that one is left."""
    owner = sa.select(mail.c.run_id).where(mail.c.id == mail_id).scalar_subquery()
    conn.execute(sa.select(run.c.id).where(run.c.id == owner).with_for_update(key_share=True))


def _tell_if_all_settled(conn: sa.Connection, run_id: int, step: str, visit: int, now: datetime) -> None:
    mine = (mail.c.run_id == run_id, mail.c.step == step, mail.c.visit == visit)
    rows = conn.execute(sa.select(mail.c.state, mail.c.reason).where(*mine).order_by(mail.c.id)).all()
    if any(row.state in _OPEN for row in rows):
        return
    outcome, reason = _outcome([(row.state, row.reason) for row in rows])
    tell(conn, run_id, "mail", of=step, values={"visit": visit, "outcome": outcome, "reason": reason}, at=now)


def _outcome(settled: Sequence[tuple[str, str | None]]) -> tuple[str, str]:
    """Several recipients: sent when it reached any, else the most that may have happened."""
    for outcome in ("sent", "unknown", "refused"):
        reasons = [reason or "" for state, reason in settled if state == outcome]
        if reasons:
            return outcome, reasons[0]
    return "skipped", next((reason for _, reason in settled if reason), "")


# --- what happens to it afterwards ------------------------------------------------------------------------------------


def record_event(conn: sa.Connection, mail_id: int, type_: EventType, key: str, at: datetime, *, now: datetime) -> bool:
    """Something was seen of a mail outside; False for an event that is known. `key` is the provider's id of it.

    The run hears it when its plan listens. Whatever was seen proves that the mail left.
    """
    _hold_run(conn, mail_id)
    new = conn.execute(
        insert(mail_event)
        .values(mail_id=mail_id, type=type_, key=key, at=at, learned_at=now)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(mail_event.c.id)
    ).scalar()
    if new is None:
        return False
    settle(conn, mail_id, "sent", reason=f"seen by an event: {type_}", now=now)
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


# --- looking ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Line:
    """A mail in a list."""

    id: int
    run_id: int
    step: str
    visit: int
    account_id: int
    to_address: str
    to_name: str
    subject: str
    state: State
    reason: str | None
    due_at: datetime
    created_at: datetime
    settled_at: datetime | None


def list_mails(
    conn: sa.Connection,
    *,
    run_id: int | None = None,
    account_id: int | None = None,
    states: Collection[State] = (),
    limit: int = 100,
) -> list[Line]:
    """The newest mails first."""
    names = [part.name for part in fields(Line)]
    query = sa.select(*(mail.c[name] for name in names)).order_by(mail.c.id.desc()).limit(limit)
    if run_id is not None:
        query = query.where(mail.c.run_id == run_id)
    if account_id is not None:
        query = query.where(mail.c.account_id == account_id)
    if states:
        query = query.where(mail.c.state.in_(states))
    return [Line(**row) for row in conn.execute(query).mappings()]


def find_mail(conn: sa.Connection, mail_id: int) -> Mail | None:
    """One mail with everything it says."""
    row = conn.execute(sa.select(mail).where(mail.c.id == mail_id)).one_or_none()
    return None if row is None else _mail(row)


def _mail(row: sa.Row[Any]) -> Mail:
    return Mail(**{part.name: getattr(row, part.name) for part in fields(Mail)})
