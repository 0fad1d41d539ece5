"""Mails as people look at them: latest first, what became of each, and one with its bodies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from store.postgres.pages import Page, newest
from store.queries.names import account_name
from store.schema import account, contact, mail, mail_event, mail_reply, run

MailState = Literal["prepared", "handing_over", "sent", "refused", "skipped", "unknown"]
STATES: tuple[MailState, ...] = get_args(MailState)


@dataclass(frozen=True, kw_only=True)
class MailRow:
    id: int
    subject: str
    to_name: str
    to_address: str
    from_name: str
    from_address: str
    category: str
    state: str
    reason: str | None
    account: str
    account_name: str
    playbook: str
    run_id: int
    step: str
    created_at: datetime
    due_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class MailEvent:
    """What the provider, or the reader, reported."""

    type: str
    at: datetime
    evidence: str | None
    """Of opens and clicks: human | likely_machine, where somebody has judged."""
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class MailReply:
    """What somebody, or something, wrote back."""

    kind: str
    """replied | auto_replied"""
    from_name: str
    from_address: str
    subject: str
    says: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class MailDetail:
    mail: MailRow
    reply_to: str | None
    message_id: str
    stream: str
    attempts: int
    html: str
    plain: str
    events: tuple[MailEvent, ...]
    replies: tuple[MailReply, ...] = ()


def list_mails(
    conn: sa.Connection,
    *,
    state: MailState | None = None,
    account_key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[MailRow]:
    query = _mails()
    if state:
        query = query.where(mail.c.state == state)
    if account_key:
        query = query.where(account.c.key == account_key)
    return newest(conn, query, mail.c.id, _row, after=after, limit=limit)


def get_mail(conn: sa.Connection, mail_id: int) -> MailDetail | None:
    bodies = (mail.c.reply_to, mail.c.message_id, mail.c.stream, mail.c.attempts, mail.c.html, mail.c.plain)
    row = conn.execute(_mails().add_columns(*bodies).where(mail.c.id == mail_id)).one_or_none()
    if row is None:
        return None
    order = (mail_event.c.at, mail_event.c.id)
    names = ("type", "at", "evidence", "reason")
    events = conn.execute(
        sa.select(*(mail_event.c[name] for name in names)).where(mail_event.c.mail_id == mail_id).order_by(*order)
    )
    return MailDetail(
        mail=_row(row),
        reply_to=row.reply_to,
        message_id=row.message_id,
        stream=row.stream,
        attempts=row.attempts,
        html=row.html,
        plain=row.plain,
        events=tuple(MailEvent(**event) for event in events.mappings()),
        replies=_replies(conn, mail_id),
    )


def _replies(conn: sa.Connection, mail_id: int) -> tuple[MailReply, ...]:
    names = ("kind", "from_name", "from_address", "subject", "says", "at")
    query = sa.select(*(mail_reply.c[name] for name in names)).where(mail_reply.c.mail_id == mail_id)
    return tuple(MailReply(**row) for row in conn.execute(query.order_by(mail_reply.c.at)).mappings())


def mails_of_run(conn: sa.Connection, run_id: int) -> tuple[MailRow, ...]:
    return tuple(_row(row) for row in conn.execute(_mails().where(mail.c.run_id == run_id).order_by(mail.c.id)))


def _mails() -> sa.Select[Any]:
    names = (
        "id",
        "subject",
        "to_address",
        "from_name",
        "from_address",
        "category",
        "state",
        "reason",
        "run_id",
        "step",
    )
    times = ("created_at", "due_at", "settled_at")
    return (
        sa.select(
            *(mail.c[name] for name in (*names, *times)),
            sa.func.coalesce(contact.c.name, mail.c.to_name).label("to_name"),
            account.c.key.label("account"),
            account_name(mail.c.account_id).label("account_name"),
            run.c.playbook,
        )
        .join(account, account.c.id == mail.c.account_id)
        .outerjoin(contact, contact.c.id == mail.c.contact_id)
        .join(run, run.c.id == mail.c.run_id)
    )


def _row(row: sa.Row[Any]) -> MailRow:
    return MailRow(
        id=row.id,
        subject=row.subject,
        to_name=row.to_name,
        to_address=row.to_address,
        from_name=row.from_name,
        from_address=row.from_address,
        category=row.category,
        state=row.state,
        reason=row.reason,
        account=row.account,
        account_name=row.account_name or row.account,
        playbook=row.playbook,
        run_id=row.run_id,
        step=row.step,
        created_at=row.created_at,
        due_at=row.due_at,
        settled_at=row.settled_at,
    )
