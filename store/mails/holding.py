"""Holds addresses still until the caller commits: the first of all locks that sending and consent take."""

from collections.abc import Iterable

import sqlalchemy as sa


def hold_addresses(conn: sa.Connection, keys: Iterable[str]) -> None:
    """In one order, so that nobody waits for somebody who waits for them."""
    held = sorted(dict.fromkeys(keys))
    if held:
        conn.execute(_HOLD, {"keys": held})


# A function of the select list is called in the order of the rows only once they are sorted below it.
_HOLD = sa.text("""
    select pg_advisory_xact_lock(hashtextextended(key, 7368))
    from (select key from unnest(cast(:keys as text[])) as held(key) order by key offset 0) as ordered
""")
