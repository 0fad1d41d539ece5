"""What a person does with an account: write a note, and end one of its runs."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.postgres.pages import Page, id_after, page_by_id, size
from store.schema import account, account_note, run
from store.telling import tell


@dataclass(frozen=True, kw_only=True)
class Written:
    """A note."""

    id: int
    at: datetime
    by: str
    text: str


def account_id_of(conn: sa.Connection, key: str) -> int | None:
    """The account with this key; None: there is none."""
    found: int | None = conn.execute(sa.select(account.c.id).where(account.c.key == key)).scalar()
    return found


def add_note(conn: sa.Connection, account_id: int, text: str, by: str, now: datetime) -> None:
    """The same text by the same person right after itself is one note."""
    last = (
        sa.select(account_note.c.by, account_note.c.text)
        .where(account_note.c.account_id == account_id)
        .order_by(account_note.c.id.desc())
        .limit(1)
    )
    found = conn.execute(last).one_or_none()
    if found is None or (found.by, found.text) != (by, text):
        conn.execute(sa.insert(account_note).values(account_id=account_id, at=now, by=by, text=text))


def list_notes(conn: sa.Connection, account_id: int, *, after: str | None = None, limit: int = 50) -> Page[Written]:
    """The latest first."""
    note = account_note.c
    query = sa.select(note.id, note.at, note.by, note.text).where(note.account_id == account_id)
    if after:
        query = query.where(note.id < id_after(after))
    rows = [Written(**row) for row in conn.execute(query.order_by(note.id.desc()).limit(size(limit) + 1)).mappings()]
    return page_by_id(rows, [row.id for row in rows], size(limit))


def stop_run(  # noqa: PLR0917 - read aloud: of this account that run, for a reason, by somebody, now
    conn: sa.Connection, account_id: int, run_id: int, reason: str, by: str, now: datetime
) -> bool:
    """Tell a run of this account to end; False when it is none, or over already. Told twice, it hears the first."""
    mine = (run.c.id == run_id, run.c.account_id == account_id, run.c.state == "open")
    if conn.execute(sa.select(run.c.id).where(*mine)).first() is None:
        return False
    values = {"reason": f"stopped by {by}: {reason}" if reason else f"stopped by {by}"}
    return tell(conn, run_id, "end", of="stop", values=values, at=now) == 1
