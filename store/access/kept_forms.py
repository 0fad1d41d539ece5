"""Forms that arrived when their session was over: kept for an hour, for their writer alone, so that no text is lost.

Only who had a session can have a form kept, so a stranger cannot fill the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from store.access.secrets import hash_of, new_secret
from store.schema import kept_form

LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class KeptForm:
    """What was written, and where it was to go."""

    path: str
    page: str
    """Where the form stood."""
    fields: tuple[tuple[str, str], ...]


def keep_form(conn: sa.Connection, person: str, form: KeptForm, now: datetime) -> str:
    """The secret to ask for it with."""
    conn.execute(sa.delete(kept_form).where(kept_form.c.kept_at < now - LIFETIME))
    secret = new_secret()
    row = {"path": form.path, "page": form.page, "fields": [list(field) for field in form.fields]}
    conn.execute(sa.insert(kept_form).values(hash=hash_of(secret), person=person, kept_at=now, **row))
    return secret


def kept(conn: sa.Connection, secret: str, person: str, now: datetime) -> KeptForm | None:
    """None for another person, and when it is too old."""
    which = (kept_form.c.hash == hash_of(secret), kept_form.c.person == person, kept_form.c.kept_at > now - LIFETIME)
    row = conn.execute(sa.select(kept_form).where(*which)).one_or_none()
    return None if row is None else KeptForm(path=row.path, page=row.page, fields=_fields(row.fields))


def _fields(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in rows)
