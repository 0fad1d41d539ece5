"""What an account has had to do with playbooks so far: runs, crossings and what triggers hold, read for all at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from store.postgres.statements import Given, Row, kept
from store.queries.runs import Reason, RunRow, latest_runs, open_runs_of_groups, reasons_of
from store.schema import crossing, settling, trigger_hold
from store.schema.base import AT, ID

Named = tuple[str, str]
"""A playbook and one of its triggers."""


@dataclass(frozen=True, kw_only=True)
class CrossingExplained:
    """A time this playbook was to start for this account, and the ruling."""

    at: datetime
    state: str
    """proposed | started | held_out | held | lapsed | dropped | not_started"""
    why: str | None
    retry_at: datetime | None
    """Held until then for sure."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class Dealings:
    """Of one account with every playbook."""

    runs: Mapping[str, RunRow]
    """By playbook: the open run, or else the last one."""
    open_in: Mapping[str, tuple[RunRow, ...]]
    """By exclusive group: what is open."""
    crossings: Mapping[str, CrossingExplained]
    """By playbook: the last one that waits, or else the last one."""
    holds: Mapping[Named, Row]
    settles: Mapping[Named, datetime]
    """When the next of a trigger's events is asked."""

    def blocking(self, group: str | None, *, besides: str) -> RunRow | None:
        """The run that an exclusive group has open, unless it is of this playbook."""
        return next((run for run in self.open_in.get(group or "", ()) if run.playbook != besides), None)


def read_dealings(conn: sa.Connection, account_id: int, at: datetime | None = None) -> Dealings:
    """`at`: as they were known at an earlier instant."""
    return Dealings(
        runs=latest_runs(conn, account_id, at=at),
        open_in=open_runs_of_groups(conn, account_id, at=at),
        crossings=_last_crossings(conn, account_id, at),
        holds=_holds(conn, account_id),
        settles=_settles(conn, account_id),
    )


def _last_crossings(conn: sa.Connection, account_id: int, at: datetime | None) -> Mapping[str, CrossingExplained]:
    def make() -> sa.Select[Any]:
        of = crossing.c
        mine = sa.select(crossing).ext(distinct_on(of.playbook)).where(of.account_id == Given("account", ID))
        waits: sa.ColumnElement[bool] = of.state.in_(("proposed", "held"))
        if at is not None:
            mine = mine.where(of.at <= Given("at", AT))
            waits |= of.decided_at > Given("at", AT)
        # One that waits may start yet, whatever became of a later one by another trigger.
        return mine.order_by(of.playbook, waits.desc(), of.at.desc(), of.id.desc())

    rows = kept(("dealings", "crossings", at is None), make).read(conn, {"account": account_id, "at": at})
    return {row.playbook: _crossing(row, at) for row in rows}


def _crossing(row: Row, at: datetime | None) -> CrossingExplained:
    reasons = reasons_of(row.reasons)
    if at is not None and row.decided_at is not None and row.decided_at > at:
        # It waited then; what became of it later was not known.
        return CrossingExplained(at=row.at, state="held", why="ruled on later", retry_at=None, reasons=reasons)
    return CrossingExplained(at=row.at, state=row.state, why=row.why, retry_at=row.retry_at, reasons=reasons)


def _holds(conn: sa.Connection, account_id: int) -> Mapping[Named, Row]:
    def make() -> sa.Select[Any]:
        return sa.select(trigger_hold).where(trigger_hold.c.account_id == Given("account", ID))

    rows = kept(("dealings", "holds"), make).read(conn, {"account": account_id})
    return {(row.playbook, row.trigger): row for row in rows}


def _settles(conn: sa.Connection, account_id: int) -> Mapping[Named, datetime]:
    def make() -> sa.Select[Any]:
        of = settling.c
        due = sa.select(of.playbook, of.trigger, sa.func.min(of.due_at).label("due_at"))
        return due.where(of.account_id == Given("account", ID)).group_by(of.playbook, of.trigger)

    rows = kept(("dealings", "settles"), make).read(conn, {"account": account_id})
    return {(row.playbook, row.trigger): row.due_at for row in rows}
