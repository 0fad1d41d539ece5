"""What needs an operator: runs that are stuck, mails and requests of unknown outcome, playbooks that cannot look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.postgres.pages import Page
from store.queries.errands import ErrandRow, list_errands
from store.queries.mails import MailRow, list_mails
from store.queries.runs import RunRow, list_runs
from store.schema import sweep

SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Failures:
    stuck: Page[RunRow]
    mails: Page[MailRow]
    """Whether they arrived is unknown."""
    errands: Page[ErrandRow]
    blind: Mapping[str, str]
    """Playbooks that could not propose in the last sweep, and why."""
    swept_at: datetime | None

    def __bool__(self) -> bool:
        return bool(self.stuck.items or self.mails.items or self.errands.items or self.blind)


def failures(conn: sa.Connection, *, after: str | None = None) -> Failures:
    """`after`: of the page of stuck runs."""
    last = conn.execute(
        sa.select(sweep.c.at, sweep.c.counts).where(sweep.c.finished).order_by(sweep.c.id.desc()).limit(1)
    ).one_or_none()
    return Failures(
        stuck=list_runs(conn, stuck=True, after=after, limit=SHOWN),
        mails=list_mails(conn, state="unknown", limit=SHOWN),
        errands=list_errands(conn, state="unknown", limit=SHOWN),
        blind=dict((last.counts if last else {}).get("failed") or {}),
        swept_at=last.at if last else None,
    )
