"""The audit log: who did what, when, from where, on what. Rows are added with what they tell of, and never changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.postgres.pages import Page, id_after, page_by_id, size
from store.schema import audit


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who does something, and from where."""

    who: str
    """person.key, `key NAME` or `command line`."""
    address: str = ""


COMMAND_LINE = Actor(who="command line")


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """One line of the log."""

    id: int
    at: datetime
    who: str
    address: str
    did: str
    what: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def record(
    conn: sa.Connection, actor: Actor, did: str, now: datetime, *, what: str = "", **detail: str | int | bool | None
) -> None:
    """Add a line, in the transaction of what was done. Nothing secret belongs into `detail`."""
    row = {"who": actor.who[:300], "address": actor.address[:100], "did": did, "what": what[:300], "detail": detail}
    conn.execute(sa.insert(audit).values(at=now, **row))


def list_audit(
    conn: sa.Connection, *, who: str = "", did: str = "", after: str = "", limit: int = 50
) -> Page[AuditRow]:
    """Latest first."""
    query, limit = sa.select(audit).order_by(audit.c.id.desc()), size(limit)
    if who:
        query = query.where(audit.c.who == who)
    if did:
        query = query.where(audit.c.did == did)
    if after:
        query = query.where(audit.c.id < id_after(after))
    rows = [_row(row) for row in conn.execute(query.limit(limit + 1))]
    return page_by_id(rows, [row.id for row in rows], limit)


def all_audit(conn: sa.Connection) -> Iterator[AuditRow]:
    """Everything, earliest first, without holding it all."""
    rows = conn.execution_options(yield_per=1_000).execute(sa.select(audit).order_by(audit.c.id))
    return (_row(row) for row in rows)


def _row(row: sa.Row[Any]) -> AuditRow:
    return AuditRow(**{name: getattr(row, name) for name in AuditRow.__dataclass_fields__})
