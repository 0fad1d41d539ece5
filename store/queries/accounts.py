"""Accounts with their current scores and bands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from store.postgres.pages import Page, id_after, page_by_id, size
from store.queries.names import account_name
from store.schema import account, run, score


@dataclass(frozen=True, kw_only=True)
class ScoreNow:
    card: str
    value: float | None
    """None: unknown."""
    band: str | None
    at: datetime
    """The sweep that last saw value or band change."""


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    id: int
    key: str
    name: str
    scores: tuple[ScoreNow, ...]
    open_runs: int


def list_accounts(
    conn: sa.Connection, *, band: str | None = None, after: str | None = None, limit: int = 50
) -> Page[AccountRow]:
    """In the order they became known. `band`: only accounts that stand there with one of their scores."""
    latest, limit = _latest_scores(), size(limit)
    open_runs = sa.select(sa.func.count()).where(run.c.account_id == account.c.id, run.c.state == "open")
    query = sa.select(
        account.c.id,
        account.c.key,
        account_name(account.c.id).label("name"),
        open_runs.scalar_subquery().label("open_runs"),
    )
    if band:
        query = query.where(account.c.id.in_(sa.select(latest.c.account_id).where(latest.c.band == band)))
    if after:
        query = query.where(account.c.id > id_after(after))
    rows = conn.execute(query.order_by(account.c.id).limit(limit + 1)).all()
    scores = _scores(conn, [row.id for row in rows])
    items = [
        AccountRow(
            id=row.id, key=row.key, name=row.name or row.key, scores=scores.get(row.id, ()), open_runs=row.open_runs
        )
        for row in rows
    ]
    return page_by_id(items, [item.id for item in items], limit)


def _latest_scores() -> sa.Subquery:
    return (
        sa.select(score)
        .ext(distinct_on(score.c.account_id, score.c.card))
        .order_by(score.c.account_id, score.c.card, score.c.at.desc(), score.c.id.desc())
        .subquery("latest")
    )


def _scores(conn: sa.Connection, account_ids: list[int]) -> dict[int, tuple[ScoreNow, ...]]:
    of_these = score.c.account_id == sa.any_(sa.literal(account_ids, sa.ARRAY(sa.BigInteger)))
    order: tuple[Any, ...] = (score.c.account_id, score.c.card, score.c.at.desc(), score.c.id.desc())
    rows = conn.execute(
        sa.select(score).where(of_these).ext(distinct_on(score.c.account_id, score.c.card)).order_by(*order)
    )
    found: dict[int, tuple[ScoreNow, ...]] = {}
    for row in rows:
        now = ScoreNow(card=row.card, value=row.value, band=row.band, at=row.at)
        found[row.account_id] = (*found.get(row.account_id, ()), now)
    return found
