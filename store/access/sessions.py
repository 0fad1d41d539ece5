"""Sessions: opened at sign-in, kept here by their hash, ended by idleness, age, sign-out or revocation.

`now` is the real clock's: a virtual clock that races or stands would end sessions, or never.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store.access.scope import COVERED, EVERYTHING, REACH, Scope, staff_fields
from store.access.secrets import derived, hash_of, new_secret
from store.access.viewer import Viewer
from store.deployed import workspace_of
from store.postgres.statements import Statement
from store.schema import login, session

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
_REMEMBERED = timedelta(days=30)
"""How long an ended session is known, so that a form it sends late is not lost."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where a session is used from, for its owner to recognise."""

    address: str = ""
    agent: str = ""


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """One session as its owner sees it."""

    id: int
    how: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime


def open_session(conn: sa.Connection, person: str, how: str, now: datetime, device: Device = Device()) -> str:
    """A new session; what the browser shall present. Nobody can read it here again."""
    secret = new_secret()
    conn.execute(sa.delete(session).where(session.c.ends_at < now - _REMEMBERED))
    conn.execute(
        sa.insert(session).values(
            hash=hash_of(secret),
            person=person,
            how=how,
            address=device.address[:100],
            agent=device.agent[:300],
            created_at=now,
            seen_at=now,
            ends_at=now + LONGEST,
        )
    )
    conn.execute(sa.update(login).where(login.c.person == person).values(signed_in_at=now))
    return secret


def viewer_of(conn: sa.Connection, secret: str, now: datetime) -> Viewer | None:
    """Who presents this; None when the session is over or never was, or its person may no longer sign in."""
    row = _ALIVE.read_one(conn, {"presented": hash_of(secret), "now": now, "idle": now - IDLE})
    if row is None:
        return None
    if row.seen_at < now - _MINUTE:
        conn.execute(sa.update(session).where(session.c.id == row.id).values(seen_at=now))
    scope = EVERYTHING
    if row.role == "csm":
        workspace = None if row.workspace is None else workspace_of(conn, row.workspace)
        scope = Scope(people=tuple(row.people), fields=staff_fields(workspace))
    return Viewer(
        person=row.person,
        name=row.name,
        role=row.role,
        scope=scope,
        session_id=row.id,
        csrf=derived(secret, "forms"),
        covers=tuple(row.covers),
    )


def person_of(conn: sa.Connection, secret: str) -> str | None:
    """Whose session this is or was, alive or not."""
    found: str | None = conn.execute(sa.select(session.c.person).where(session.c.hash == hash_of(secret))).scalar()
    return found


def end_session(conn: sa.Connection, session_id: int, person: str, now: datetime) -> bool:
    """End one of a person's sessions; False when there is none of that number that is open."""
    which = (session.c.id == session_id, session.c.person == person, session.c.ended_at.is_(None))
    return conn.execute(sa.update(session).where(*which).values(ended_at=now)).rowcount == 1


def end_presented(conn: sa.Connection, secret: str, now: datetime) -> None:
    """End whatever session this browser had."""
    which = (session.c.hash == hash_of(secret), session.c.ended_at.is_(None))
    conn.execute(sa.update(session).where(*which).values(ended_at=now))


def end_sessions(conn: sa.Connection, person: str, now: datetime, *, but: int | None = None) -> int:
    """End all of a person's sessions, or all others; how many there were."""
    which = [session.c.person == person, session.c.ended_at.is_(None)]
    if but is not None:
        which.append(session.c.id != but)
    return conn.execute(sa.update(session).where(*which).values(ended_at=now)).rowcount


def sessions_of(conn: sa.Connection, person: str, now: datetime) -> tuple[SessionRow, ...]:
    """The open ones, the one used last first."""
    alive = (session.c.ended_at.is_(None), session.c.ends_at > now, session.c.seen_at > now - IDLE)
    rows = conn.execute(
        sa.select(session).where(session.c.person == person, *alive).order_by(session.c.seen_at.desc(), session.c.id)
    )
    return tuple(_row(row) for row in rows)


def _row(row: sa.Row[Any]) -> SessionRow:
    names = SessionRow.__dataclass_fields__
    return SessionRow(**{name: getattr(row, name) for name in names})


# With all that the role's scope is made of: every page begins with this one statement.
_ALIVE = Statement(
    """
    select session.id, session.person, session.seen_at, login.name, login.role,
        (select hash from workspace) as workspace, array(COVERED) as covers,
        case when login.role = 'csm' then array(REACH) end as people
    from session join login on login.person = session.person
    cross join (select coalesce((select instant from clock), %(now)s) as now) as book
    where session.hash = %(presented)s and session.ended_at is null and session.ends_at > %(now)s
        and session.seen_at > %(idle)s and login.disabled_at is null
    """.replace("COVERED", COVERED.format(key="session.person", now="book.now")).replace(
        "REACH", REACH.format(key="session.person", now="book.now")
    )
)
