"""A playbook writes fields of its account: facts learned from ourselves, of which the last word counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from store.schema import account, account_value, change
from store.touched import Touched, bits

TAGS = "account.tags"


def set_fields(conn: sa.Connection, account_id: int, values: Mapping[str, Any], now: datetime) -> bool:
    """Write what differs from the latest known value; whether anything did. The next sweep acts on it."""
    latest = conn.execute(
        sa.select(account_value.c.field, account_value.c.value)
        .ext(distinct_on(account_value.c.field))
        .where(account_value.c.account_id == account_id, account_value.c.field.in_(values), account_value.c.at <= now)
        .order_by(account_value.c.field, account_value.c.at.desc(), account_value.c.id.desc())
    )
    known = {row.field: row.value for row in latest}
    news = {name: value for name, value in values.items() if name not in known or known[name] != value}
    if not news:
        return False
    rows = [
        {"account_id": account_id, "field": name, "value": value, "at": now, "learned_at": now}
        for name, value in news.items()
    ]
    conn.execute(sa.insert(account_value), rows)
    conn.execute(sa.insert(change).values(account_id=account_id, touched=bits(Touched.VALUES)))
    conn.execute(sa.text("select pg_notify('tenure_facts', '')"))
    return True


def retagged(
    conn: sa.Connection, account_id: int, tag: Sequence[str], untag: Sequence[str], now: datetime
) -> list[str]:
    """The account's tags with some more and some less, in order. The account is held until the caller commits, so that
    of two playbooks that tag at once neither loses a word."""
    conn.execute(sa.select(account.c.id).where(account.c.id == account_id).with_for_update(key_share=True))
    told = conn.execute(
        sa.select(account_value.c.value)
        .where(account_value.c.account_id == account_id, account_value.c.field == TAGS, account_value.c.at <= now)
        .order_by(account_value.c.at.desc(), account_value.c.id.desc())
        .limit(1)
    ).scalar()
    before = [word for word in told if isinstance(word, str)] if isinstance(told, list) else []
    return sorted({*before, *tag} - {*untag})
