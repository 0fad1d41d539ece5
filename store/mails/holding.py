"""Holds addresses and accounts still until the caller commits: the first of all locks that sending and consent take."""

from collections.abc import Iterable

import sqlalchemy as sa


def hold_addresses(conn: sa.Connection, keys: Iterable[str]) -> None:
    """In one order, so that nobody waits for somebody who waits for them."""
    held = sorted(dict.fromkeys(keys))
    if held:
        conn.execute(_HOLD, {"keys": held})


def hold_accounts(conn: sa.Connection, account_ids: Iterable[int]) -> None:
    """Nobody else sends to these accounts until the caller commits; after the addresses."""
    conn.execute(_HOLD_ACCOUNTS, {"ids": sorted(account_ids)})


# A function of the select list is called in the order of the rows only once they are sorted below it.
_HOLD = sa.text("""
    select pg_advisory_xact_lock(hashtextextended(key, 7368))
    from (select key from unnest(cast(:keys as text[])) as held(key) order by key offset 0) as ordered
""")

_HOLD_ACCOUNTS = sa.text("""
    select pg_advisory_xact_lock(hashint8(id), 7369)
    from (select id from unnest(cast(:ids as bigint[])) as held(id) order by id offset 0) as ordered
""")
