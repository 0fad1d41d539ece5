"""PostgreSQL's notices, on a connection of the caller's own."""

from typing import Any

import sqlalchemy as sa


def listen(conn: sa.Connection, channel: str) -> None:
    """Have this connection told of what is notified on a channel; commit to begin."""
    conn.execute(sa.text(f"listen {channel}"))


def wait_for_notice(conn: sa.Connection, seconds: float) -> bool:
    """Until a notice comes (true) or the time is over; outside a transaction, on a connection that listens."""
    driver: Any = conn.connection.dbapi_connection
    return bool(list(driver.notifies(timeout=seconds, stop_after=1)))
