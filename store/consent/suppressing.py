"""The list of addresses that are not written to, whatever the playbook: why, since when, and who said so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.mail.addresses import address_key
from store.consent.cancelling import cancel_queued
from store.mails.holding import hold_addresses
from store.postgres.pages import CursorError, Page, size
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
    return list(page_of_suppressed(conn, address=address, reason=reason, limit=limit).items)


def page_of_suppressed(
    conn: sa.Connection, *, address: str | None = None, reason: str | None = None, after: str = "", limit: int = 100
) -> Page[Suppressed]:
    """The same page by page. CursorError for an `after` that is not ours."""
    of, limit = suppression.c, size(limit)
    query = sa.select(*(of[name] for name in Suppressed.__dataclass_fields__)).order_by(
        of.at.desc(), of.address_key, of.reason
    )
    if address is not None:
        query = query.where(of.address_key == address_key(address))
    if reason is not None:
        query = query.where(of.reason == reason)
    if after:
        at, place = _after(after)
        query = query.where(sa.or_(of.at < at, sa.and_(of.at == at, sa.tuple_(of.address_key, of.reason) > place)))
    found = [Suppressed(**row) for row in conn.execute(query.limit(limit + 1)).mappings()]
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else f"{last.at.isoformat()}_{last.address_key}_{last.reason}"
    return Page(items=tuple(found[:limit]), next=following)


def _after(cursor: str) -> tuple[datetime, sa.Tuple]:
    moment, _, rest = cursor.partition("_")
    key, _, reason = rest.partition("_")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError as error:
        raise CursorError from error
    if at.tzinfo is None or not reason:
        raise CursorError
    return at, sa.tuple_(sa.literal(key), sa.literal(reason))


def is_erased(conn: sa.Connection, address: str) -> bool:
    """Whether this person asked to be forgotten: whoever brings them back should know."""
    mine = (suppression.c.address_key == address_key(address), suppression.c.reason == "erased")
    return bool(conn.execute(sa.select(sa.exists().where(*mine))).scalar())
