"""PostgreSQL's notices, on a connection of the caller's own."""

from typing import Any

import sqlalchemy as sa

INBOX = "tenure_inbox"
"""Tells whose tasks have changed: the person's key."""


def ring_inbox(conn: sa.Connection, *people: str | None) -> None:
    """Once the transaction is committed, whoever looks at these people's tasks sees them anew."""
    for key in dict.fromkeys(people):
        conn.execute(sa.select(sa.func.pg_notify(INBOX, (key or "")[:200])))


def listen(conn: sa.Connection, channel: str) -> None:
    """Have this connection told of what is notified on a channel; commit to begin."""
    conn.execute(sa.text(f"listen {channel}"))


def wait_for_notice(conn: sa.Connection, seconds: float) -> bool:
    """Until a notice comes (true) or the time is over; outside a transaction, on a connection that listens."""
    driver: Any = conn.connection.dbapi_connection
    return bool(list(driver.notifies(timeout=seconds, stop_after=1)))
