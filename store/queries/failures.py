"""What needs an operator: runs that are stuck, mails and requests of unknown outcome, playbooks that cannot look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.queries.mails import MailRow, list_mails
from store.queries.names import account_name
from store.queries.pages import Page
from store.queries.runs import RunRow, list_runs
from store.schema import account, errand, run, sweep

SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class ErrandRow:
    """A request to another program, or words for a channel."""

    id: int
    kind: str
    connector: str
    state: str
    reason: str | None
    run_id: int
    playbook: str
    step: str
    account_name: str
    settled_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Failures:
    stuck: Page[RunRow]
    mails: Page[MailRow]
    """Whether they arrived is unknown."""
    errands: Sequence[ErrandRow]
    blind: Mapping[str, str]
    """Playbooks that could not propose in the last sweep, and why."""
    swept_at: datetime | None

    def __bool__(self) -> bool:
        return bool(self.stuck.items or self.mails.items or self.errands or self.blind)


def failures(conn: sa.Connection, *, after: str | None = None) -> Failures:
    """`after`: of the page of stuck runs."""
    last = conn.execute(
        sa.select(sweep.c.at, sweep.c.counts).where(sweep.c.finished).order_by(sweep.c.id.desc()).limit(1)
    ).one_or_none()
    return Failures(
        stuck=list_runs(conn, stuck=True, after=after, limit=SHOWN),
        mails=list_mails(conn, state="unknown", limit=SHOWN),
        errands=_errands(conn),
        blind=dict((last.counts if last else {}).get("failed") or {}),
        swept_at=last.at if last else None,
    )


def _errands(conn: sa.Connection) -> Sequence[ErrandRow]:
    names = ("id", "kind", "connector", "state", "reason", "run_id", "step", "settled_at")
    query = (
        sa.select(
            *(errand.c[name] for name in names),
            run.c.playbook,
            account.c.key,
            account_name(errand.c.account_id).label("account_name"),
        )
        .join(run, run.c.id == errand.c.run_id)
        .join(account, account.c.id == errand.c.account_id)
        .where(errand.c.state == "unknown")
        .order_by(errand.c.id.desc())
        .limit(SHOWN)
    )
    return [
        ErrandRow(
            **{name: getattr(row, name) for name in names},
            playbook=row.playbook,
            account_name=row.account_name or row.key,
        )
        for row in conn.execute(query)
    ]
