"""PostgreSQL's notices, on a connection of the caller's own."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from store.postgres.statements import Statement

log = logging.getLogger(__name__)
_PATIENCE = 0.5

INBOX = "tenure_inbox"
"""Tells whose tasks have changed: the person's key."""
HELD = "tenure_held"
"""Tells that starts are held back, which the owners of their playbooks should hear."""
RESTS = "tenure_rests"
"""Tells, under a virtual clock, which run has come to rest or to its end: its number."""


def ring_inbox(conn: sa.Connection, *people: str | None) -> None:
    """Once the transaction is committed, whoever looks at these people's tasks sees them anew."""
    for key in dict.fromkeys(people):
        notify(conn, INBOX, (key or "")[:200])


def notify(conn: sa.Connection, channel: str, what: str) -> None:
    """Once the transaction is committed, whoever listens on the channel is told this."""
    _NOTIFY.read(conn, {"channel": channel, "what": what})


_NOTIFY = Statement("select pg_notify(%(channel)s, %(what)s)")


def listen(conn: sa.Connection, channel: str) -> None:
    """Have this connection told of what is notified on a channel; commit to begin."""
    conn.execute(sa.text(f"listen {channel}"))


def wait_for_notice(conn: sa.Connection, seconds: float) -> bool:
    """Until a notice comes (true) or the time is over; outside a transaction, on a connection that listens."""
    driver: Any = conn.connection.dbapi_connection
    return bool(list(driver.notifies(timeout=seconds, stop_after=1)))


def notices(conn: sa.Connection, seconds: float) -> list[str]:
    """What was said since the last call, waiting so long for the first word."""
    driver: Any = conn.connection.dbapi_connection
    return [notice.payload for notice in driver.notifies(timeout=seconds, stop_after=1)]


def heard(engine: sa.Engine, channel: str, stop: threading.Event) -> Iterator[str]:
    """What is said on a channel, until `stop`; after every outage an empty word, as some may have been missed."""
    while not stop.is_set():
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                # It listens as long as it lives: it must not go back to the pool.
                conn.detach()
                listen(conn, channel)
                yield ""
                driver: Any = conn.connection.dbapi_connection
                while not stop.is_set():
                    for notice in driver.notifies(timeout=_PATIENCE, stop_after=1):
                        yield notice.payload
        except sa.exc.DBAPIError as error:
            log.warning("the database does not answer: %s", error)
            stop.wait(_PATIENCE)
