"""Sign-ins that are under way at an identity provider, and whose login an identity is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from store.access.secrets import hash_of, new_secret
from store.schema import login, openid_start

_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What ties an answer of the provider to the browser and the moment it was asked from."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    next: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who somebody is at a provider."""

    issuer: str
    subject: str
    email: str | None
    """In small letters; None unless the provider has verified it."""


def begin(conn: sa.Connection, next_: str, now: datetime) -> Start:
    """A new sign-in."""
    start = Start(state=new_secret(), nonce=new_secret(), verifier=new_secret(), next=next_)
    conn.execute(sa.delete(openid_start).where(openid_start.c.started_at < now - _LIFETIME))
    row = {"nonce": start.nonce, "verifier": start.verifier, "next": next_, "started_at": now}
    conn.execute(sa.insert(openid_start).values(hash=hash_of(start.state), **row))
    return start


def finish(conn: sa.Connection, state: str, now: datetime) -> Start | None:
    """The sign-in that this state belongs to, once."""
    which = (openid_start.c.hash == hash_of(state), openid_start.c.started_at >= now - _LIFETIME)
    row = conn.execute(sa.delete(openid_start).where(*which).returning(openid_start)).one_or_none()
    if row is None:
        return None
    return Start(state=state, nonce=row.nonce, verifier=row.verifier, next=row.next)


def person_of(conn: sa.Connection, identity: Identity) -> str | None:
    """Whose identity it is: known from before, or by a verified address, and from then on by the identity itself."""
    known = (login.c.issuer == identity.issuer, login.c.subject == identity.subject)
    found: str | None = conn.execute(sa.select(login.c.person).where(*known, login.c.disabled_at.is_(None))).scalar()
    if found is not None or identity.email is None:
        return found
    unbound = (login.c.email == identity.email, login.c.subject.is_(None), login.c.disabled_at.is_(None))
    bound = sa.update(login).where(*unbound).values(issuer=identity.issuer, subject=identity.subject)
    person: str | None = conn.execute(bound.returning(login.c.person)).scalar()
    return person
