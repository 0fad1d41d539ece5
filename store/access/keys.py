"""API keys of programs: what each may do, until when, and when it was last used. Kept by their hashes, shown once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import sqlalchemy as sa

from store.access.secrets import hash_of, new_secret
from store.schema import api_key

KeyScope = Literal["read", "facts:write", "tasks:write", "admin"]
KEY_SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)
_BEGINNING = 10
"""Letters of a key that are kept to tell it from others."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A program that called the API with a key."""

    name: str
    """Also what the audit log calls it, and whose its idempotency keys are."""
    scopes: frozenset[KeyScope]
    person: str | None = None
    """person.key: who answers for the key, and whose leaving ends it."""

    @property
    def who(self) -> str:
        """As the audit log and what was changed say it."""
        return f"key {self.name}" + (f" of {self.person}" if self.person else "")

    def may(self, scope: KeyScope) -> bool:
        """`admin` may everything."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    """A key as those see it who look after keys."""

    id: int
    name: str
    begins: str
    scopes: tuple[KeyScope, ...]
    made_by: str
    person: str | None
    """Who answers for it; None for one made with the environment's token."""
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


def bootstrap() -> Caller:
    """Who presents the token of the environment."""
    return Caller(name="TENURE_API_TOKEN", scopes=frozenset(KEY_SCOPES))


def make_key(
    conn: sa.Connection,
    name: str,
    scopes: Collection[KeyScope],
    made_by: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    person: str | None = None,
) -> tuple[KeyRow, str]:
    """A new key and its row; the key can never be shown again. `person` answers for it."""
    key = new_secret("tnr_")
    row = conn.execute(
        sa.insert(api_key)
        .values(
            name=name,
            hash=hash_of(key),
            begins=key[:_BEGINNING],
            scopes=[scope for scope in KEY_SCOPES if scope in scopes],
            made_by=made_by,
            person=person,
            created_at=now,
            expires_at=expires_at,
        )
        .returning(api_key)
    ).one()
    return _row(row), key


def caller_of(conn: sa.Connection, key: str, now: datetime) -> Caller | None:
    """Who presents this; None for a key that is unknown, expired or revoked."""
    row = conn.execute(_ALIVE, {"hash": hash_of(key), "now": now}).one_or_none()
    if row is None:
        return None
    if row.used_at is None or row.used_at < now - _MINUTE:
        conn.execute(sa.update(api_key).where(api_key.c.id == row.id).values(used_at=now))
    return Caller(name=f"{row.name} (key {row.id})", scopes=frozenset(row.scopes), person=row.person)


def revoke_key(conn: sa.Connection, key_id: int, now: datetime) -> KeyRow | None:
    """It opens nothing from now on; None when there is none that is alive."""
    which = (api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
    row = conn.execute(sa.update(api_key).where(*which).values(revoked_at=now).returning(api_key)).one_or_none()
    return None if row is None else _row(row)


def revoke_keys_of(conn: sa.Connection, person: str, now: datetime) -> int:
    """None of the keys that this person answers for opens anything from now on; how many there were."""
    which = (api_key.c.person == person, api_key.c.revoked_at.is_(None))
    return conn.execute(sa.update(api_key).where(*which).values(revoked_at=now)).rowcount


def list_keys(conn: sa.Connection) -> tuple[KeyRow, ...]:
    """The newest first, revoked ones too."""
    return tuple(_row(row) for row in conn.execute(sa.select(api_key).order_by(api_key.c.id.desc()).limit(500)))


def _row(row: sa.Row[Any]) -> KeyRow:
    values = {name: getattr(row, name) for name in KeyRow.__dataclass_fields__}
    return KeyRow(**values | {"scopes": tuple(row.scopes)})


_ALIVE = sa.select(api_key.c.id, api_key.c.name, api_key.c.scopes, api_key.c.person, api_key.c.used_at).where(
    api_key.c.hash == sa.bindparam("hash"),
    api_key.c.revoked_at.is_(None),
    sa.or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > sa.bindparam("now")),
)
