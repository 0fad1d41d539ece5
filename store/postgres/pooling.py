"""Whether something stands between us and PostgreSQL that shares its connections out anew for each transaction.

Locks and notices of a connection, and what it has prepared, would then be another's: a statement would even be executed
by the name of a different one.
"""

from typing import Any

import sqlalchemy as sa

_LOOKS = 3
"""Others may use the pooler meanwhile, and be handed what we look for."""


def is_shared_out(engine: sa.Engine) -> bool:
    """Whether transactions of one connection may meet different servers. Without a pooler this takes one round trip."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as mine:
        told: Any = mine.connection.dbapi_connection
        if _server(mine) == told.info.backend_pid:
            return False
        return any(_changes_hands(mine, engine) for _ in range(_LOOKS))


def _changes_hands(mine: sa.Connection, engine: sa.Engine) -> bool:
    before = _server(mine)
    with engine.connect() as other:
        # In a transaction, so that it keeps what it was handed.
        return _server(other) == before or _server(mine) != before


def _server(conn: sa.Connection) -> int:
    driver: Any = conn.connection.dbapi_connection
    [pid] = driver.execute("select pg_backend_pid()", prepare=False).fetchone()
    return int(pid)
