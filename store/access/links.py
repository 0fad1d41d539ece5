"""One-time links: to become the first admin, to set a password, or to enter at once; each works once, for some days."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from store.access.secrets import hash_of, new_secret
from store.schema import one_time_link

Purpose = Literal["first", "password", "enter"]
LIFETIME = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a link is for, and for whom; nobody yet for the first admin's."""

    purpose: Purpose
    person: str | None


def make_link(conn: sa.Connection, purpose: Purpose, person: str | None, now: datetime) -> str:
    """The secret of a new link. Earlier ones of the same purpose and person are void."""
    same = (one_time_link.c.purpose == purpose, one_time_link.c.person.is_not_distinct_from(person))
    conn.execute(sa.delete(one_time_link).where(*same))
    secret = new_secret()
    conn.execute(
        sa.insert(one_time_link).values(
            hash=hash_of(secret), person=person, purpose=purpose, created_at=now, expires_at=now + LIFETIME
        )
    )
    return secret


def find_link(conn: sa.Connection, secret: str, now: datetime) -> Link | None:
    """What a link would do; nothing is used up: mail scanners open links, too."""
    alive = (
        one_time_link.c.hash == hash_of(secret),
        one_time_link.c.used_at.is_(None),
        one_time_link.c.expires_at > now,
    )
    row = conn.execute(sa.select(one_time_link).where(*alive)).one_or_none()
    return None if row is None else Link(purpose=row.purpose, person=row.person)


def use_link(conn: sa.Connection, secret: str, now: datetime) -> bool:
    """Use it up; False when somebody was faster. Commit together with what it was used for."""
    which = (one_time_link.c.hash == hash_of(secret), one_time_link.c.used_at.is_(None))
    return conn.execute(sa.update(one_time_link).where(*which).values(used_at=now)).rowcount == 1
