"""Programs that are told what happens: their addresses, and messages that reach each at least once, with a stable id.

Times are the real clock's: receivers know no other. A message that is under way is out on a lease; when whoever took it
dies, the lease ends and it is sent again.
"""

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import sqlalchemy as sa

from store.postgres.pages import Page, id_after, page_by_id, size
from store.schema import endpoint, endpoint_message

CHANNEL = "tenure_endpoint"
"""What the database notifies."""
Event = Literal["run.started", "run.ended", "task.created", "task.done", "mail.sent"]
EVENTS: tuple[Event, ...] = get_args(Event)
ALL = "*"
_LEASE = timedelta(minutes=2)
_BOTH_SIGN = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One program's address, and what it wants to hear."""

    id: int
    url: str
    events: tuple[str, ...]
    """`*` means all."""
    state: str
    """active | paused"""
    made_by: str
    created_at: datetime
    old_until: datetime | None = None
    """After a rotation: until when messages are also signed with the secret before."""


@dataclass(frozen=True, kw_only=True)
class MessageRow:
    """What became of one message."""

    id: int
    endpoint_id: int
    event: str
    request_id: str
    state: str
    """prepared | delivered | refused"""
    reason: str | None
    status: int | None
    attempts: int
    due_at: datetime
    created_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Due:
    """A message that somebody took to send it now."""

    id: int
    endpoint_id: int
    request_id: str
    body: Mapping[str, Any] = field(repr=False)
    url: str = field(repr=False)
    secret: str = field(repr=False)
    """After a rotation two for a while, the new one first, apart by a space."""
    attempts: int
    """This one included."""
    give_up_at: datetime


def add_endpoint(
    conn: sa.Connection, url: str, events: Collection[str], made_by: str, now: datetime
) -> tuple[Endpoint, str]:
    """It is told of everything from now on; with the secret that its messages are signed with, shown once."""
    secret = _new_secret()
    row = conn.execute(
        sa.insert(endpoint)
        .values(url=url, events=sorted(set(events)), secret=secret, made_by=made_by, created_at=now)
        .returning(endpoint)
    ).one()
    return _endpoint(row), secret


def list_endpoints(conn: sa.Connection) -> tuple[Endpoint, ...]:
    """The newest first."""
    query = sa.select(endpoint).where(endpoint.c.state != "removed").order_by(endpoint.c.id.desc())
    return tuple(_endpoint(row) for row in conn.execute(query))


def change_endpoint(
    conn: sa.Connection, endpoint_id: int, state: Literal["active", "paused", "removed"]
) -> Endpoint | None:
    """Pause it, go on, or remove it; None when there is none. What waits leaves when it is active again, or never."""
    there = (endpoint.c.id == endpoint_id, endpoint.c.state != "removed")
    row = conn.execute(sa.update(endpoint).where(*there).values(state=state).returning(endpoint)).one_or_none()
    return None if row is None else _endpoint(row)


def rotate_secret(conn: sa.Connection, endpoint_id: int, now: datetime) -> tuple[Endpoint, str] | None:
    """Another secret, shown once; None when there is no such endpoint.

    For a day messages are signed with both, so that the receiver may change its own at any moment of it.
    """
    secret = _new_secret()
    there = (endpoint.c.id == endpoint_id, endpoint.c.state != "removed")
    values = {"secret": secret, "old_secret": endpoint.c.secret, "old_until": now + _BOTH_SIGN}
    row = conn.execute(sa.update(endpoint).where(*there).values(values).returning(endpoint)).one_or_none()
    return None if row is None else (_endpoint(row), secret)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def list_messages(
    conn: sa.Connection, *, endpoint_id: int | None = None, after: str = "", limit: int = 50
) -> Page[MessageRow]:
    """Latest first."""
    query, limit = sa.select(endpoint_message).order_by(endpoint_message.c.id.desc()), size(limit)
    if endpoint_id is not None:
        query = query.where(endpoint_message.c.endpoint_id == endpoint_id)
    if after:
        query = query.where(endpoint_message.c.id < id_after(after))
    names = MessageRow.__dataclass_fields__
    rows = [MessageRow(**{n: getattr(row, n) for n in names}) for row in conn.execute(query.limit(limit + 1))]
    return page_by_id(rows, [row.id for row in rows], limit)


# --- sending ----------------------------------------------------------------------------------------------------------


def claim_due(conn: sa.Connection, now: datetime, limit: int) -> list[Due]:
    """Take due messages, oldest first; commit before they are sent. Nobody else has them until the lease ends."""
    rows = conn.execute(_CLAIM, {"now": now, "lease": now + _LEASE, "limit": limit})
    return [Due(**row) for row in rows.mappings()]


def delivered(conn: sa.Connection, message_id: int, now: datetime, status: int) -> None:
    """The receiver has taken it."""
    _settle(conn, message_id, state="delivered", status=status, reason=None, settled_at=now)


def try_again(conn: sa.Connection, message_id: int, due_at: datetime, reason: str, status: int | None) -> None:
    """It was not taken, or nobody knows."""
    _settle(conn, message_id, due_at=due_at, reason=reason[:500], status=status)


def refused(conn: sa.Connection, message_id: int, now: datetime, reason: str, status: int | None) -> None:
    """It is given up."""
    _settle(conn, message_id, state="refused", reason=reason[:500], status=status, settled_at=now)


def forget_old(conn: sa.Connection, now: datetime) -> None:
    """What became of messages is of interest for a week."""
    conn.execute(sa.delete(endpoint_message).where(endpoint_message.c.settled_at < now - timedelta(days=7)))


def _settle(conn: sa.Connection, message_id: int, **values: Any) -> None:
    open_ = (endpoint_message.c.id == message_id, endpoint_message.c.state == "prepared")
    conn.execute(sa.update(endpoint_message).where(*open_).values(**values))


def _endpoint(row: sa.Row[Any]) -> Endpoint:
    values = {name: getattr(row, name) for name in Endpoint.__dataclass_fields__}
    return Endpoint(**values | {"events": tuple(row.events)})


_CLAIM = sa.text("""
    with due as (
        select m.id from endpoint_message as m join endpoint as e on e.id = m.endpoint_id
        where m.state = 'prepared' and m.due_at <= :now and e.state = 'active'
        order by m.due_at, m.id limit :limit
        for update of m skip locked
    )
    update endpoint_message as m set due_at = :lease, attempts = m.attempts + 1
    from due join endpoint as e on true
    where m.id = due.id and e.id = m.endpoint_id
    returning m.id, m.endpoint_id, m.request_id, m.body, e.url, m.attempts, m.give_up_at,
        concat_ws(' ', e.secret, case when e.old_until > :now then e.old_secret end) as secret
""")
