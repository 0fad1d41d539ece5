"""Makes accounts that are told for the first time, and finds and locks all that facts are about."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from store import schema
from store.intake.staging import Shape, Staged, Statement


def make_accounts(conn: sa.Connection, told: Iterable[tuple[str, datetime]]) -> set[str]:
    """The keys that were new, of these keys with the instant each was first told."""
    rows = sorted(told)
    return set(Staged.of(conn, _SHAPE, rows).execute(_MAKE).scalars()) if rows else set()


def locked_accounts(conn: sa.Connection, keys: Iterable[str]) -> dict[str, int]:
    """The ids of those that exist, by key; nobody else judges facts about them until this transaction ends."""
    wanted = sorted(keys)
    return dict(conn.execute(_LOCKED, {"keys": wanted}).all()) if wanted else {}


def account_zones(conn: sa.Connection, keys: Iterable[str] | None = None) -> dict[str, str]:
    """The time zones of accounts that have their own, by the account's key; `keys`: of these alone."""
    return {row.key: row.zone for row in conn.execute(_ZONES, {"keys": None if keys is None else sorted(keys)})}


def known_accounts(conn: sa.Connection, keys: Iterable[str]) -> set[str]:
    """Those of these keys that are accounts."""
    wanted = sa.func.any(sa.cast(sorted(keys), sa.ARRAY(sa.Text())))
    return set(conn.execute(sa.select(schema.account.c.key).where(schema.account.c.key == wanted)).scalars())


# In order of id: two intakes about the same accounts judge one after the other, without deadlock. As an array of keys:
# the index is walked from one to the next, and the planner makes no hash table of all there are.
LOCK_TOLD = """
    select count(*) from (
        select id from account where key = any(array(select account from {told})) order by id for no key update
    ) as locked
"""
"""Locks the accounts whose keys rows of any shape name in a column `account`."""

TOLD_ACCOUNTS = "(select id, key from account where key = any(array(select account from {told})) offset 0)"
"""These accounts, to be joined by key."""

_SHAPE = Shape("accounts", {"key": "text", "learned_at": "timestamptz"})

_MAKE = Statement(
    _SHAPE,
    """
    with made as (
        insert into account (key, learned_at) select key, learned_at from {told} order by key
        on conflict (key) do nothing
        returning id, key
    ), noted as (
        insert into change (account_id) select id from made
    )
    select key from made
    """,
)

# In order of id: two intakes about the same account judge one after the other, without deadlock.
_LOCKED = sa.text("select key, id from account where key = any(:keys) order by id for no key update")

_ZONES = sa.text("""
    select account.key, latest.value #>> '{}' as zone
    from account cross join lateral (
        select value from account_value
        where account_id = account.id and field = 'account.zone' order by at desc, id desc limit 1
    ) as latest
    where (cast(:keys as text[]) is null or account.key = any(:keys)) and jsonb_typeof(latest.value) = 'string'
""")
