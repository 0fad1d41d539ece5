"""The list of addresses that are not written to, whatever the playbook: why, since when, and who said so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.addresses import address_key
from store.consent.cancelling import cancel_queued
from store.mails.holding import hold_addresses
from store.schema import suppression

Reason = Literal["unsubscribed", "bounced", "complained", "provider", "manual", "imported", "erased"]
"""unsubscribed: from everything, by the person; provider: by its own list; erased: the person asked to be forgotten."""
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, kw_only=True)
class Suppressing:
    """An address that is to be written to no more."""

    address: str
    reason: Reason
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """A line of the list."""

    address: str | None
    """None where the person was erased."""
    address_key: str
    reason: str
    note: str | None
    at: datetime


def suppress(conn: sa.Connection, suppressing: Iterable[Suppressing], now: datetime) -> int:
    """Write these addresses to nobody's mail any more, and stop what is queued; how many lines are new."""
    rows = {(address_key(one.address), one.reason): one for one in suppressing}
    if not rows:
        return 0
    keys = {key for key, _ in rows}
    hold_addresses(conn, keys)
    values = [
        {"address_key": key, "reason": reason, "address": one.address.strip(), "note": one.note, "at": now}
        for (key, reason), one in sorted(rows.items())
    ]
    new = conn.execute(
        insert(suppression).on_conflict_do_nothing().returning(suppression.c.address_key), values
    ).scalars()
    count = len(list(new))
    cancel_queued(conn, keys, now)
    return count


def lift(conn: sa.Connection, address: str, reasons: Sequence[Reason] = ()) -> int:
    """Take an address off the list, for these reasons or all; how many lines are gone. What was stopped stays so."""
    mine = [suppression.c.address_key == address_key(address)]
    if reasons:
        mine.append(suppression.c.reason.in_(reasons))
    return conn.execute(sa.delete(suppression).where(*mine)).rowcount


def list_suppressed(
    conn: sa.Connection, *, address: str | None = None, reason: str | None = None, limit: int = 100
) -> list[Suppressed]:
    """The latest first."""
    names = ("address", "address_key", "reason", "note", "at")
    order = (suppression.c.at.desc(), suppression.c.address_key, suppression.c.reason)
    query = sa.select(*(suppression.c[name] for name in names)).order_by(*order).limit(limit)
    if address is not None:
        query = query.where(suppression.c.address_key == address_key(address))
    if reason is not None:
        query = query.where(suppression.c.reason == reason)
    return [Suppressed(**row) for row in conn.execute(query).mappings()]


def is_erased(conn: sa.Connection, address: str) -> bool:
    """Whether this person asked to be forgotten: whoever brings them back should know."""
    mine = (suppression.c.address_key == address_key(address), suppression.c.reason == "erased")
    return bool(conn.execute(sa.select(sa.exists().where(*mine))).scalar())
