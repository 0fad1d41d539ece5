"""Errands as people look at them: what runs told other programs and channels, latest first, and one with its body."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.postgres.pages import Page, newest
from store.queries.names import account_name
from store.schema import account, errand, run

STATES = ("prepared", "handing_over", "delivered", "refused", "skipped", "unknown")


@dataclass(frozen=True, kw_only=True)
class ErrandRow:
    id: int
    kind: str
    """webhook | chat"""
    connector: str
    state: str
    reason: str | None
    status: int | None
    """What the receiver answered last."""
    attempts: int
    account: str
    account_name: str
    playbook: str
    run_id: int
    step: str
    created_at: datetime
    due_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ErrandDetail:
    errand: ErrandRow
    request_id: str
    body: Mapping[str, Any]
    returned: Mapping[str, Any] | None
    """What was read from the answer."""
    give_up_at: datetime


def list_errands(
    conn: sa.Connection,
    *,
    state: str | None = None,
    kind: str | None = None,
    account_key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[ErrandRow]:
    query = _errands()
    if state:
        query = query.where(errand.c.state == state)
    if kind:
        query = query.where(errand.c.kind == kind)
    if account_key:
        query = query.where(account.c.key == account_key)
    return newest(conn, query, errand.c.id, _row, after=after, limit=limit)


def get_errand(conn: sa.Connection, errand_id: int) -> ErrandDetail | None:
    of = errand.c
    query = _errands().add_columns(of.request_id, of.body, of.returned, of.give_up_at)
    row = conn.execute(query.where(of.id == errand_id)).one_or_none()
    if row is None:
        return None
    return ErrandDetail(
        errand=_row(row),
        request_id=row.request_id,
        body=row.body,
        returned=row.returned,
        give_up_at=row.give_up_at,
    )


_OWN = ("id", "kind", "connector", "state", "reason", "status", "attempts", "run_id", "step")
_TIMES = ("created_at", "due_at", "settled_at")


def _errands() -> sa.Select[Any]:
    return (
        sa.select(
            *(errand.c[name] for name in (*_OWN, *_TIMES)),
            account.c.key.label("account"),
            sa.func.coalesce(account_name(errand.c.account_id), account.c.key).label("account_name"),
            run.c.playbook,
        )
        .join(account, account.c.id == errand.c.account_id)
        .join(run, run.c.id == errand.c.run_id)
    )


def _row(row: sa.Row[Any]) -> ErrandRow:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's own name for a row as a mapping
    return ErrandRow(**{field.name: values[field.name] for field in fields(ErrandRow)})
