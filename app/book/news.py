"""Tells what happened since it last told: crossings, starts, ends, mails and tasks, a few lines a day."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from app.book.reached import Reached
from store import clock
from store.postgres.statements import Given, Statement, kept
from store.queries.names import account_name
from store.schema import crossing, task

_LINES = 8
"""At most so many of each kind; the rest is counted."""
_PAUSE = 0.5
"""Seconds between two tellings within a day."""


class News:
    """Remembers how far it has told; what was there before it is no news."""

    def __init__(self, database: sa.Engine, tell: Callable[[str], None]) -> None:
        self._database, self._say = database, tell
        with database.connect() as conn:
            self._crossing, self._task = conn.execute(_LAST).one()
            self._starts = self._mails = self._ends = Reached(clock.now(conn))
            self._news(conn)
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
            lines = self._news(conn)
        self._told_at = time.monotonic()
        # The midnight at which a day ends is still that day's.
        day = (now - timedelta(microseconds=1)).date()
        if day != self._day:
            self._day = day
            self._say(f"── {day:%a %Y-%m-%d} " + "─" * 40)
        for line in lines:
            self._say(f"   {line}")

    def _news(self, conn: sa.Connection) -> list[str]:
        return [*self._new_crossings(conn), *self._new_mails(conn), *self._new_tasks(conn), *self._new_ends(conn)]

    def _new_crossings(self, conn: sa.Connection) -> list[str]:
        rows = kept(("news of crossings",), _crossings).read(conn, {"told": self._crossing} | self._starts.asked())
        self._crossing = max((row.id for row in rows), default=self._crossing)
        self._starts = self._starts.through((row.id, row.decided_at) for row in rows if row.state == "started")
        lines = []
        for row in rows:
            because = " and ".join(reason["says"] for reason in row.reasons)
            what = "starts" if row.state == "started" else f"is held ({row.why})"
            lines.append(f"▶ {row.playbook} {what} for {row.name}: {because}")
        return _some(lines, "more crossings")

    def _new_mails(self, conn: sa.Connection) -> list[str]:
        rows = _MAILS.read(conn, self._mails.asked())
        self._mails = self._mails.through((row.id, row.settled_at) for row in rows)
        return _some(
            [f"✉ {row.state} “{row.subject}” to {row.to_address} {row.reason or ''}".rstrip() for row in rows],
            "more mails",
        )

    def _new_tasks(self, conn: sa.Connection) -> list[str]:
        rows = _TASKS.read(conn, {"told": self._task})
        self._task = max((row.id for row in rows), default=self._task)
        return _some([f"☐ {row.assignee or 'nobody'}: {row.title}" for row in rows], "more tasks")

    def _new_ends(self, conn: sa.Connection) -> list[str]:
        rows = _ENDS.read(conn, self._ends.asked())
        self._ends = self._ends.through((row.id, row.ended_at) for row in rows)
        ended = Counter((row.playbook, row.outcome, row.reason) for row in rows)
        return [
            f"■ {playbook}: {n} ended, {outcome} ({reason})" for (playbook, outcome, reason), n in sorted(ended.items())
        ]


def _some(lines: list[str], what: str) -> list[str]:
    return [*lines[:_LINES], f"… and {len(lines) - _LINES} {what}"] if len(lines) > _LINES else lines


def _crossings() -> sa.Select[Any]:
    """Those that are held, when they come; those that start, when they start, which may be long after."""
    of, name = crossing.c, account_name(crossing.c.account_id).label("name")
    told, at, numbers = (
        Given("told", sa.BigInteger),
        Given("at", sa.DateTime(timezone=True)),
        Given("numbers", sa.ARRAY(sa.BigInteger)),
    )
    started = sa.and_(of.state == "started", of.decided_at >= at, of.id != sa.all_(numbers))
    held = sa.and_(of.state == "held", of.id > told)
    return (
        sa.select(of.id, of.playbook, of.reasons, of.state, of.why, of.decided_at, name)
        .where(sa.or_(started, held))
        .order_by(of.id)
    )


_MAILS = Statement("""
    select id, subject, to_address, state, reason, settled_at from mail
    where state in ('sent', 'refused', 'skipped', 'unknown')
        and settled_at >= %(at)s and id <> all(cast(%(numbers)s as bigint[]))
    order by settled_at, id
""")
_TASKS = Statement("select id, title, assignee from task where id > %(told)s order by id")
_ENDS = Statement("""
    select id, playbook, outcome, reason, ended_at from run
    where ended_at >= %(at)s and id <> all(cast(%(numbers)s as bigint[]))
""")
_LAST = sa.select(
    *(
        sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery().label(table.name)
        for table in (crossing, task)
    )
)
