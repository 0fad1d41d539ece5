"""Settles mails, each once, and tells the run when all mails of its step are settled."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from store.mails.rows import Settled, State, said
from store.schema import mail, run
from store.telling import tell

SETTLING = timedelta(minutes=15)
"""How long a provider's events may take to tell of a mail that nobody knows of, before it is sent once more."""

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
    sure: bool = False,
) -> bool:
    """What became of a mail; False when that cannot follow on what is known. Nothing follows on sent.

    The run is told once all mails of the step's visit are settled. Evidence that comes after it was told `unknown` is
    kept with the mail, but does not reach the run: it has gone on. A mail that is unknown and may be sent once more is
    not settled by that. One that was sent twice, or might have been, is never known to have stayed here, unless the
    caller is `sure`.
    """
    hold_run(conn, mail_id)
    names = ("run_id", "step", "visit", "state", "person", "again", "resends", "resent_by", "on_unknown", "told")
    row = conn.execute(
        sa.select(*(mail.c[name] for name in names)).where(mail.c.id == mail_id).with_for_update(key_share=True)
    ).one_or_none()
    if row is None or not (row.state in _FROM[state] or (state == "skipped" and row.again)):
        return False
    if state == "unknown" and row.on_unknown == "resend_once" and not row.resends:
        _doubt(conn, mail_id, reason, now)
        return True
    if state in ("refused", "skipped") and (row.again or row.resends) and not sure:
        what = "sent again, and refused" if state == "refused" else "not sent again"
        state, reason = "unknown", f"it may have left; {what}: {reason}"
    if state == "sent" and row.resends:
        twice = f"sent again{f' by {row.resent_by}' if row.resent_by else ''} although it may have left: {_TWICE}"
        reason = f"{reason}; {twice}" if reason else twice
    conn.execute(
        sa.update(mail)
        .where(mail.c.id == mail_id)
        .values(
            state=state,
            reason=said(reason),
            settled_at=now,
            again=False,
            left_at=None if state in ("refused", "skipped") else mail.c.left_at,
            provider_id=sa.func.coalesce(said(provider_id), mail.c.provider_id),
        )
    )
    # Nobody waits for what is told to colleagues.
    if row.person is None and not row.told:
        _tell_if_all_settled(conn, row.run_id, row.step, row.visit, now)
    return True


_TWICE = "possibly received twice"


def _doubt(conn: sa.Connection, mail_id: int, reason: str | None, now: datetime) -> None:
    """It may have left. Events have some time to tell; then it is sent once more."""
    values = {"state": "unknown", "again": True, "due_at": now + SETTLING, "reason": said(reason)}
    conn.execute(sa.update(mail).where(mail.c.id == mail_id).values(**values))


def hold_run(conn: sa.Connection, mail_id: int) -> None:
    """Two dispatchers that settle the last two mails of a step must not both believe that one is left."""
    owner = sa.select(mail.c.run_id).where(mail.c.id == mail_id).scalar_subquery()
    conn.execute(sa.select(run.c.id).where(run.c.id == owner).with_for_update(key_share=True))


def _tell_if_all_settled(conn: sa.Connection, run_id: int, step: str, visit: int, now: datetime) -> None:
    mine = (mail.c.run_id == run_id, mail.c.step == step, mail.c.visit == visit)
    waited = sa.case((mail.c.state == "sent", "waited: " + mail.c.waited))
    says = sa.func.coalesce(mail.c.reason, waited).label("says")
    rows = conn.execute(sa.select(mail.c.state, mail.c.again, says).where(*mine).order_by(mail.c.id)).all()
    if any(row.state in _OPEN or row.again for row in rows):
        return
    outcome, reason = _outcome([(row.state, row.says) for row in rows])
    conn.execute(sa.update(mail).where(*mine).values(told=True))
    tell(conn, run_id, "mail", of=step, values={"visit": visit, "outcome": outcome, "reason": reason}, at=now)


def _outcome(settled: Sequence[tuple[str, str | None]]) -> tuple[str, str]:
    """Several recipients: sent when it reached any, else the most that may have happened."""
    for outcome in ("sent", "unknown", "refused"):
        reasons = [reason or "" for state, reason in settled if state == outcome]
        if reasons:
            return outcome, reasons[0]
    return "skipped", next((reason for _, reason in settled if reason), "")
