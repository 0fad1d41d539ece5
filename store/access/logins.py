"""Who may sign in: people with a role, added by an admin or by the first link.

Wrong passwords lock a login for a while that doubles, however many processes serve the pages.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy.dialects.postgresql import insert

from store.access.viewer import Role
from store.schema import login, person

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1_000
"""Of characters; hashing more would be work for nothing."""

FREE_FAILURES = 5
"""Wrong passwords before the first lock."""
_FIRST_LOCK = timedelta(seconds=30)
_LONGEST_LOCK = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Login:
    """One person who may sign in."""

    person: str
    name: str
    email: str | None
    role: Role
    has_password: bool
    issuer: str | None
    created_at: datetime
    signed_in_at: datetime | None
    locked_until: datetime | None
    disabled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class NotSignedIn:
    """Not this name with this password, now; `until`: the name is locked, which is not told to whoever tries."""

    until: datetime | None = None


class Unfit(ValueError):
    """What was asked for cannot be; the message says why, as a part of a sentence."""


def add_login(
    conn: sa.Connection, *, key: str, role: Role, now: datetime, name: str = "", email: str | None = None
) -> Login:
    """A person may sign in from now on, or has another role; what the book knows of the person fills the gaps."""
    before, known = (
        conn.execute(sa.select(table.c.name, table.c.email).where(column == key)).one_or_none()
        for table, column in ((login, login.c.person), (person, person.c.key))
    )
    address = _address(email or (before and before.email) or (known and known.email))
    called = name.strip() or (before and before.name) or (known and known.name) or key
    if (
        address
        and conn.execute(sa.select(login.c.person).where(login.c.email == address, login.c.person != key)).first()
    ):
        raise Unfit(f"{address} belongs to another person who may sign in")
    values = {"name": called, "email": address, "role": role}
    conn.execute(
        insert(login)
        .values(person=key, created_at=now, **values)
        .on_conflict_do_update(index_elements=["person"], set_=values | {"disabled_at": None})
    )
    made = get_login(conn, key)
    assert made is not None
    return made


def set_password(conn: sa.Connection, key: str, password: str) -> None:
    """Unfit when it is too short or too long; nothing else is asked of it."""
    if len(password) < SHORTEST_PASSWORD:
        raise Unfit(f"a password has {SHORTEST_PASSWORD} characters or more; a few words are easy to keep in mind")
    if len(password) > LONGEST_PASSWORD:
        raise Unfit(f"a password has {LONGEST_PASSWORD:,} characters at most")
    values = {"password_hash": _hasher().hash(password), "failures": 0, "locked_until": None}
    conn.execute(sa.update(login).where(login.c.person == key).values(values))


def check_password(begin: Callable[[], Any], name: str, password: str, now: datetime) -> Login | NotSignedIn:
    """Whose name (key or address) and password these are. Unknown and locked names take as long.

    `begin` opens a transaction; none is held while a hash is worked out, which takes long on purpose.
    """
    with begin() as conn:
        row = conn.execute(_NAMED, {"key": name.strip(), "email": name.strip().lower()}).first()
    stored = row.password_hash if row is not None and row.password_hash else _nobodys()
    right = _matches(stored, password) and stored != _nobodys()
    with begin() as conn:
        if row is None:
            return NotSignedIn()
        if row.locked_until is not None and row.locked_until > now:
            return NotSignedIn(until=row.locked_until)
        if not right:
            return NotSignedIn(until=_note_failure(conn, row.person, now))
        if row.disabled_at is not None:
            return NotSignedIn()
        news: dict[str, Any] = {"failures": 0, "locked_until": None}
        if _hasher().check_needs_rehash(stored):
            news["password_hash"] = _hasher().hash(password)
        conn.execute(sa.update(login).where(login.c.person == row.person).values(news))
        return get_login(conn, row.person) or NotSignedIn()


def disable(conn: sa.Connection, key: str, now: datetime) -> bool:
    """The person may not sign in any more; False when there is no such login. Sessions die with it."""
    which = (login.c.person == key, login.c.disabled_at.is_(None))
    return conn.execute(sa.update(login).where(*which).values(disabled_at=now)).rowcount == 1


def keep_an_admin(conn: sa.Connection, before: Login | None, role: Role | None) -> None:
    """Unfit when, with this role or none, nobody would be left who could let people in."""
    is_admin = before is not None and before.role == "admin" and before.disabled_at is None
    if is_admin and role != "admin" and admins(conn) == 1:
        raise Unfit("this is the only admin; make another one first")


def get_login(conn: sa.Connection, key: str) -> Login | None:
    row = conn.execute(sa.select(login).where(login.c.person == key)).one_or_none()
    return None if row is None else _login(row)


def list_logins(conn: sa.Connection) -> tuple[Login, ...]:
    """By name."""
    return tuple(_login(row) for row in conn.execute(sa.select(login).order_by(login.c.name, login.c.person)))


def admins(conn: sa.Connection) -> int:
    """How many may sign in as admin."""
    return int(
        conn.execute(
            sa.select(sa.func.count()).where(login.c.role == "admin", login.c.disabled_at.is_(None))
        ).scalar_one()
    )


# --- one thing each ---------------------------------------------------------------------------------------------------


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys() -> str:
    """What the passwords of unknown people are compared with, so that they take as long."""
    return _hasher().hash("nobody's password")


def _matches(stored: str, password: str) -> bool:
    try:
        return bool(_hasher().verify(stored, password[:LONGEST_PASSWORD]))
    except VerificationError:
        return False


def _note_failure(conn: sa.Connection, key: str, now: datetime) -> datetime | None:
    """One more wrong password; until when the login is locked now."""
    failures: int = conn.execute(
        sa.update(login).where(login.c.person == key).values(failures=login.c.failures + 1).returning(login.c.failures)
    ).scalar_one()
    if failures < FREE_FAILURES:
        return None
    until: datetime = now + min(_FIRST_LOCK * 2 ** min(failures - FREE_FAILURES, 20), _LONGEST_LOCK)
    conn.execute(sa.update(login).where(login.c.person == key).values(locked_until=until))
    return until


def _address(email: str | None) -> str | None:
    if not email or not email.strip():
        return None
    address = email.strip().lower()
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,255}", address):
        raise Unfit(f"{address} is no e-mail address")
    return address


def _login(row: sa.Row[Any]) -> Login:
    names = [name for name in Login.__dataclass_fields__ if name != "has_password"]
    return Login(**{name: getattr(row, name) for name in names}, has_password=row.password_hash is not None)


_NAMED = (
    sa.select(login)
    .where(sa.or_(login.c.person == sa.bindparam("key"), login.c.email == sa.bindparam("email")))
    .order_by((login.c.person == sa.bindparam("key")).desc())
    .limit(1)
)
