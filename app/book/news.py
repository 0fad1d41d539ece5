"""Tells what happened since it last told: crossings, starts, ends, mails and tasks, a few lines a day."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store import clock
from store.postgres.statements import Given, Statement, kept
from store.queries.names import account_name
from store.schema import crossing, mail, task

_LINES = 8
"""At most so many of each kind; the rest is counted."""
_PAUSE = 0.5
"""Seconds between two tellings within a day."""


class News:
    """Remembers how far it has told; what was there before it is no news."""

    def __init__(self, database: sa.Engine, tell: Callable[[str], None]) -> None:
        self._database, self._say = database, tell
        with database.connect() as conn:
            self._crossing, self._mail, self._task = conn.execute(_LAST).one()
            self._ended = clock.now(conn)
        self._day: date | None = None
        self._told_at = 0.0

    def tell_in_passing(self) -> None:
        """The same in the middle of a day, unless it has just been told."""
        if time.monotonic() - self._told_at > _PAUSE:
            self.tell()

    def tell(self) -> None:
        """Print what is new, under the day it happened on."""
        with self._database.connect() as conn:
            now = clock.now(conn)
            lines = [*self._crossings(conn), *self._mails(conn), *self._tasks(conn), *self._ends(conn, now)]
        self._told_at = time.monotonic()
        # The midnight at which a day ends is still that day's.
        day = (now - timedelta(microseconds=1)).date()
        if day != self._day:
            self._day = day
            self._say(f"── {day:%a %Y-%m-%d} " + "─" * 40)
        for line in lines:
            self._say(f"   {line}")

    def _crossings(self, conn: sa.Connection) -> list[str]:
        rows = kept(("news of crossings",), _crossings).read(conn, {"told": self._crossing})
        self._crossing = max((row.id for row in rows), default=self._crossing)
        told = [row for row in rows if row.state in ("started", "held")]
        lines = []
        for row in told:
            because = " and ".join(reason["says"] for reason in row.reasons)
            what = "starts" if row.state == "started" else f"is held ({row.why})"
            lines.append(f"▶ {row.playbook} {what} for {row.name}: {because}")
        return _some(lines, "more crossings")

    def _mails(self, conn: sa.Connection) -> list[str]:
        rows = _MAILS.read(conn, {"told": self._mail})
        self._mail = max((row.id for row in rows), default=self._mail)
        return _some(
            [f"✉ {row.state} “{row.subject}” to {row.to_address} {row.reason or ''}".rstrip() for row in rows],
            "more mails",
        )

    def _tasks(self, conn: sa.Connection) -> list[str]:
        rows = _TASKS.read(conn, {"told": self._task})
        self._task = max((row.id for row in rows), default=self._task)
        return _some([f"☐ {row.assignee or 'nobody'}: {row.title}" for row in rows], "more tasks")

    def _ends(self, conn: sa.Connection, now: datetime) -> list[str]:
        rows = _ENDS.read(conn, {"told": self._ended})
        self._ended = now
        ended = Counter((row.playbook, row.outcome, row.reason) for row in rows)
        return [
            f"■ {playbook}: {n} ended, {outcome} ({reason})" for (playbook, outcome, reason), n in sorted(ended.items())
        ]


def _some(lines: list[str], what: str) -> list[str]:
    return [*lines[:_LINES], f"… and {len(lines) - _LINES} {what}"] if len(lines) > _LINES else lines


def _crossings() -> sa.Select[Any]:
    of, name = crossing.c, account_name(crossing.c.account_id).label("name")
    told = Given("told", sa.BigInteger)
    return sa.select(of.id, of.playbook, of.reasons, of.state, of.why, name).where(of.id > told).order_by(of.id)


_MAILS = Statement("""
    select id, subject, to_address, state, reason from mail
    where id > %(told)s and state in ('sent', 'refused', 'skipped', 'unknown') order by id
""")
_TASKS = Statement("select id, title, assignee from task where id > %(told)s order by id")
_ENDS = Statement("select playbook, outcome, reason from run where ended_at > %(told)s")
_LAST = sa.select(
    *(
        sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery().label(table.name)
        for table in (crossing, mail, task)
    )
)
