"""What ends when a person may not sign in any more: the login, open sessions, and keys the person answers for."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.access import keys, logins, sessions


@dataclass(frozen=True, kw_only=True)
class ShutOut:
    """How many there were."""

    sessions: int
    keys: int


def shut_out(conn: sa.Connection, person: str, now: datetime) -> ShutOut:
    """In one transaction, so that nothing of the person's opens anything afterwards."""
    logins.disable(conn, person, now)
    return ShutOut(sessions=sessions.end_sessions(conn, person, now), keys=keys.revoke_keys_of(conn, person, now))
