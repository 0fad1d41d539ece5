"""A playbook writes fields of its account: facts learned from ourselves, of which the last word counts."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.current.touched import Touched
from store.postgres.statements import Statement

TAGS = "account.tags"


def set_fields(conn: sa.Connection, account_id: int, values: Mapping[str, Any], now: datetime) -> bool:
    """Write what differs from the latest known value; whether anything did. The next sweep acts on it."""
    latest = _LATEST.read(conn, {"account": account_id, "fields": list(values), "now": now})
    known = {row.field: row.value for row in latest}
    news = {name: value for name, value in values.items() if name not in known or known[name] != value}
    if not news:
        return False
    told = json.dumps([{"field": name, "value": value} for name, value in news.items()], ensure_ascii=False)
    _SET.read(conn, {"account": account_id, "now": now, "told": told, "touched": int(Touched.VALUES)})
    return True


def retagged(
    conn: sa.Connection, account_id: int, tag: Sequence[str], untag: Sequence[str], now: datetime
) -> list[str]:
    """The account's tags with some more and some less, in order. The account is held until the caller commits, so that
    of two playbooks that tag at once neither loses a word."""
    _HOLD.read(conn, {"account": account_id})
    latest = _LATEST.read_one(conn, {"account": account_id, "fields": [TAGS], "now": now})
    told = latest.value if latest else None
    before = [word for word in told if isinstance(word, str)] if isinstance(told, list) else []
    return sorted({*before, *tag} - {*untag})


_LATEST = Statement("""
    select distinct on (field) field, value from account_value
    where account_id = %(account)s and field = any(cast(%(fields)s as text[])) and at <= %(now)s
    order by field, at desc, id desc
""")
_SET = Statement("""
    with said as (
        insert into account_value (account_id, field, value, at, learned_at)
        select %(account)s, field, value, %(now)s, %(now)s
        from json_to_recordset(cast(%(told)s as json)) as said(field text, value jsonb)
    ), looked as (
        insert into change (account_id, touched) values (%(account)s, %(touched)s)
    )
    select cast(pg_notify('tenure_facts', '') as text)
""")
_HOLD = Statement("select id from account where id = %(account)s for no key update")
