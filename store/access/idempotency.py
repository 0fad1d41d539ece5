"""Writes that bear an Idempotency-Key happen at most once: their answers are kept for a day and given again.

A key is taken before the work begins. When the process dies in between, nobody knows whether the work was done: the
key stays taken, and whoever repeats it is told to look.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from store.schema import idempotency

LIFETIME = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What is known of a request with this key: the same or another, and its answer if there is one yet."""

    same: bool
    status: int | None
    answer: str | None


def take_key(conn: sa.Connection, caller: str, key: str, request: str, now: datetime) -> Earlier | Literal["taken"]:
    """Take the key for this request, or say what it was taken for before. Commit before the work."""
    conn.execute(sa.delete(idempotency).where(idempotency.c.at < now - LIFETIME))
    row = {"caller": caller, "key": key, "request": request, "at": now}
    taken = insert(idempotency).values(**row).on_conflict_do_nothing().returning(idempotency.c.key)
    if conn.execute(taken).first() is not None:
        return "taken"
    found = conn.execute(sa.select(idempotency).where(*_which(caller, key))).one_or_none()
    if found is None:  # it was let go of this very moment
        return take_key(conn, caller, key, request, now)
    return Earlier(same=found.request == request, status=found.status, answer=found.answer)


def keep_answer(conn: sa.Connection, caller: str, key: str, status: int, answer: str) -> None:
    """To be given again."""
    conn.execute(sa.update(idempotency).where(*_which(caller, key)).values(status=status, answer=answer))


def let_go(conn: sa.Connection, caller: str, key: str) -> None:
    """The request was refused and changed nothing: the key may be used again."""
    conn.execute(sa.delete(idempotency).where(*_which(caller, key)))


def _which(caller: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (idempotency.c.caller == caller, idempotency.c.key == key)
