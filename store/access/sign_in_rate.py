"""How often one address may try to sign in: a bucket of tries that fills again with time, counted in the database."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from store.schema import sign_in_rate

BURST = 20
_SECONDS_A_TRY = 3.0

_TRY = sa.text("""
    insert into sign_in_rate (address, tokens, at) values (:address, :burst - 1, :now)
    on conflict (address) do update set at = excluded.at, tokens = greatest(-1, least(
        :burst, sign_in_rate.tokens + greatest(0, extract(epoch from excluded.at - sign_in_rate.at)) / :seconds) - 1)
    returning tokens
""")


def may_try(conn: sa.Connection, address: str, now: datetime) -> bool:
    """Take one try of this address; False when it has none left."""
    given = {"address": address, "burst": BURST, "seconds": _SECONDS_A_TRY, "now": now}
    left: float = conn.execute(_TRY, given).scalar_one()
    return left >= 0


def forget_old(conn: sa.Connection, now: datetime) -> None:
    """Addresses of yesterday have all their tries again anyway."""
    conn.execute(sa.delete(sign_in_rate).where(sign_in_rate.c.at < now - timedelta(days=1)))
