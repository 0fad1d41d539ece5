"""Settles mails, each once, and tells the run when all mails of its step are settled."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from store.mails.rows import Settled, State, said
from store.schema import mail, run
from store.telling import tell

_FROM: dict[Settled, tuple[State, ...]] = {
    # Evidence comes late, and out of turn: what was seen to arrive was sent, whatever was believed before.
    "sent": ("prepared", "handing_over", "unknown"),
    "refused": ("prepared", "handing_over", "unknown"),
    "skipped": ("prepared",),
    "unknown": ("handing_over",),
}
_OPEN = ("prepared", "handing_over")


def settle(
    conn: sa.Connection,
    mail_id: int,
    state: Settled,
    *,
    now: datetime,
    reason: str | None = None,
    provider_id: str | None = None,
) -> bool:
    """What became of a mail; False when that cannot follow on what is known. Nothing follows on sent.

    The run is told once all mails of the step's visit are settled. Evidence that comes after it was told `unknown` is
    kept with the mail, but does not reach the run: it has gone on.
    """
    hold_run(conn, mail_id)
    row = conn.execute(
        sa.select(mail.c.run_id, mail.c.step, mail.c.visit, mail.c.state, mail.c.person)
        .where(mail.c.id == mail_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None or row.state not in _FROM[state]:
        return False
    conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id)
        .values(
            state=state,
            reason=said(reason),
            settled_at=now,
            left_at=None if state in ("refused", "skipped") else mail.c.left_at,
            provider_id=sa.func.coalesce(said(provider_id), mail.c.provider_id),
        )
    )
    # Nobody waits for what is told to colleagues.
    if row.state in _OPEN and row.person is None:
        _tell_if_all_settled(conn, row.run_id, row.step, row.visit, now)
    return True


def hold_run(conn: sa.Connection, mail_id: int) -> None:
    """Two dispatchers that settle the last two mails of a step must not both believe that one is left."""
    owner = sa.select(mail.c.run_id).where(mail.c.id == mail_id).scalar_subquery()
    conn.execute(sa.select(run.c.id).where(run.c.id == owner).with_for_update(key_share=True))


def _tell_if_all_settled(conn: sa.Connection, run_id: int, step: str, visit: int, now: datetime) -> None:
    mine = (mail.c.run_id == run_id, mail.c.step == step, mail.c.visit == visit)
    rows = conn.execute(sa.select(mail.c.state, mail.c.reason).where(*mine).order_by(mail.c.id)).all()
    if any(row.state in _OPEN for row in rows):
        return
    outcome, reason = _outcome([(row.state, row.reason) for row in rows])
    tell(conn, run_id, "mail", of=step, values={"visit": visit, "outcome": outcome, "reason": reason}, at=now)


def _outcome(settled: Sequence[tuple[str, str | None]]) -> tuple[str, str]:
    """Several recipients: sent when it reached any, else the most that may have happened."""
    for outcome in ("sent", "unknown", "refused"):
        reasons = [reason or "" for state, reason in settled if state == outcome]
        if reasons:
            return outcome, reasons[0]
    return "skipped", next((reason for _, reason in settled if reason), "")
