"""Take facts in: raw rows with both their times, idempotent, set by set, and a change row for whatever they touch.

It never looks at what facts mean for an account now; that is the projection's business, in the sweep.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.facts import EventLine, IncomingFact, ValueLine
from store.intake.accounts import account_zones, known_accounts
from store.intake.batch import Batch
from store.intake.events import judge_events
from store.intake.report import IntakeReport, Refusal, Verdict
from store.intake.values import judge_values

__all__ = [
    "IntakeReport",
    "Refusal",
    "account_zones",
    "known_accounts",
    "take_in",
    "take_in_dated",
    "take_in_events",
    "take_in_values",
]


def take_in(conn: sa.Connection, facts: Iterable[IncomingFact], *, known_at: datetime) -> IntakeReport:
    """Write facts that Tenure learns at `known_at`, in the caller's transaction. Telling them again changes nothing."""
    return take_in_dated(conn, ((fact, known_at) for fact in facts))


def take_in_dated(conn: sa.Connection, facts: Iterable[tuple[IncomingFact, datetime]]) -> IntakeReport:
    """The same for facts that each bring the instant at which they were learned; the later-learned are judged later."""
    batch = Batch(conn, facts)
    batch.judge()
    report = batch.report()
    _ring(conn, news=bool(report.fresh))
    return report


def take_in_values(conn: sa.Connection, lines: Sequence[ValueLine]) -> dict[int, Verdict]:
    """The same for many values of accounts, with dates in full; the verdicts, by place, of those that are no news."""
    verdicts = judge_values(conn, lines)
    _ring(conn, news=len(verdicts) < len(lines))
    return verdicts


def take_in_events(conn: sa.Connection, lines: Sequence[EventLine]) -> dict[int, Verdict]:
    """The same for many events."""
    verdicts = judge_events(conn, lines)
    _ring(conn, news=len(verdicts) < len(lines))
    return verdicts


def _ring(conn: sa.Connection, *, news: bool) -> None:
    if news:
        conn.execute(_NOTIFY)


_NOTIFY = sa.text("select pg_notify('tenure_facts', '')")
