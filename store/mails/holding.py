"""Holds addresses and accounts still until the caller commits: the first of all locks that sending and consent take."""

from collections.abc import Iterable

import sqlalchemy as sa

from store.postgres.statements import Statement


def hold_addresses(conn: sa.Connection, keys: Iterable[str]) -> None:
    """In one order, so that nobody waits for somebody who waits for them."""
    held = sorted(dict.fromkeys(keys))
    if held:
        _HOLD.read(conn, {"keys": held})


def hold_accounts(conn: sa.Connection, account_ids: Iterable[int]) -> None:
    """Nobody else sends to these accounts until the caller commits; after the addresses."""
    _HOLD_ACCOUNTS.read(conn, {"ids": sorted(account_ids)})


# A function of the select list is called in the order of the rows only once they are sorted below it.
_HOLD = Statement("""
    select pg_advisory_xact_lock(hashtextextended(key, 7368))
    from (select key from unnest(cast(%(keys)s as text[])) as held(key) order by key offset 0) as ordered
""")

_HOLD_ACCOUNTS = Statement("""
    select pg_advisory_xact_lock(hashint8(id), 7369)
    from (select id from unnest(cast(%(ids)s as bigint[])) as held(id) order by id offset 0) as ordered
""")
