"""Settles mails, each once, and tells the run when all mails of its step are settled."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store.mails.rows import Settled, State, said
from store.postgres.statements import Row, Statement
from store.telling import Telling, tell_all

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
_TWICE = "possibly received twice"


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What became of a mail, with the reason where there is one."""

    mail_id: int
    state: Settled
    reason: str | None = None
    provider_id: str | None = None
    sure: bool = False
    """It is known to have stayed here, although it was sent twice or might have been."""


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
    """What became of a mail; False when that cannot follow on what is known."""
    one = Settlement(mail_id=mail_id, state=state, reason=reason, provider_id=provider_id, sure=sure)
    return bool(settle_all(conn, [one], now))


def settle_all(conn: sa.Connection, settlements: Sequence[Settlement], now: datetime) -> set[int]:
    """The mails that are settled by this, each named once; of the others it cannot follow on what is known of them.

    Nothing follows on sent. A run is told once all mails of a step's visit are settled. Evidence that comes after it
    was told `unknown` is kept with the mail, but does not reach the run: it has gone on. A mail that is unknown and may
    be sent once more is not settled by that. One that was sent twice, or might have been, is never known to have stayed
    here, unless the caller is `sure`.
    """
    by_id = {one.mail_id: one for one in settlements}
    assert len(by_id) == len(settlements), "a mail is settled once"
    hold_runs(conn, by_id)
    rows = _READ.read(conn, {"ids": sorted(by_id)})
    changes = {row.id: change for row in rows if (change := _change(row, by_id[row.id]))}
    if not changes:
        return set()
    _WRITE.write(conn, _columns(changes) | {"now": now, "again_at": now + SETTLING})
    # Nobody waits for what is told to colleagues.
    steps = {
        (row.run_id, row.step, row.visit)
        for row in rows
        if row.id in changes and not changes[row.id].again and row.person is None and not row.told
    }
    _tell_of_settled(conn, steps, now)
    return set(changes)


@dataclass(frozen=True)
class _Change:
    """What is written about one mail; `again`: it may have left, and events have some time to tell of it."""

    state: Settled
    reason: str | None
    provider_id: str | None
    again: bool = False


def _change(row: Row, one: Settlement) -> _Change | None:
    state, reason = one.state, one.reason
    if not (row.state in _FROM[state] or (state == "skipped" and row.again)):
        return None
    if state == "unknown" and row.on_unknown == "resend_once" and not row.resends:
        return _Change(state, reason, None, again=True)
    if state in ("refused", "skipped") and (row.again or row.resends) and not one.sure:
        what = "sent again, and refused" if state == "refused" else "not sent again"
        state, reason = "unknown", f"it may have left; {what}: {reason}"
    if state == "sent" and row.resends:
        twice = f"sent again{f' by {row.resent_by}' if row.resent_by else ''} although it may have left: {_TWICE}"
        reason = f"{reason}; {twice}" if reason else twice
    return _Change(state, reason, one.provider_id)


def _columns(changes: dict[int, _Change]) -> dict[str, list[Any]]:
    return {
        "ids": list(changes),
        "states": [one.state for one in changes.values()],
        "reasons": [said(one.reason) for one in changes.values()],
        "providers": [said(one.provider_id) for one in changes.values()],
        "again": [one.again for one in changes.values()],
    }


_READ = Statement("""
    select id, run_id, step, visit, state, person, again, resends, resent_by, on_unknown, told
    from mail where id = any(cast(%(ids)s as bigint[])) order by id for no key update
""")
_WRITE = Statement("""
    update mail set state = became.state, reason = became.reason, again = became.again,
        due_at = case when became.again then %(again_at)s else mail.due_at end,
        settled_at = case when became.again then mail.settled_at else %(now)s end,
        left_at = case when became.state not in ('refused', 'skipped') then mail.left_at end,
        provider_id = coalesce(became.provider_id, mail.provider_id)
    from unnest(
        cast(%(ids)s as bigint[]), cast(%(states)s as text[]), cast(%(reasons)s as text[]),
        cast(%(providers)s as text[]), cast(%(again)s as boolean[])
    ) as became(id, state, reason, provider_id, again)
    where mail.id = became.id
""")


def hold_runs(conn: sa.Connection, mail_ids: Iterable[int]) -> None:
    """Two dispatchers that settle the last two mails of a step must not both believe that one is left.

    In the order of runs, as everybody who holds many.
    """
    _HOLD_RUNS.read(conn, {"ids": sorted(mail_ids)})


_HOLD_RUNS = Statement("""
    select id from run where id in (select run_id from mail where id = any(cast(%(ids)s as bigint[])))
    order by id for no key update
""")


_Step = tuple[int, str, int]
"""A run, a step of it, and its visit."""


def _tell_of_settled(conn: sa.Connection, steps: Collection[_Step], now: datetime) -> None:
    """Those of the steps of which no mail is open any more."""
    if not steps:
        return
    found: dict[_Step, list[Row]] = defaultdict(list)
    for row in _MAILS_OF.read(conn, _named(steps)):
        found[row.run_id, row.step, row.visit].append(row)
    settled = {step: rows for step, rows in found.items() if not any(row.state in _OPEN or row.again for row in rows)}
    if not settled:
        return
    _TOLD.write(conn, _named(settled))
    tellings = []
    for (run_id, step, visit), rows in sorted(settled.items()):
        outcome, reason = _outcome([(row.state, row.says) for row in rows])
        values = {"visit": visit, "outcome": outcome, "reason": reason}
        tellings.append(Telling(run_id=run_id, kind="mail", of=step, values=values))
    tell_all(conn, tellings, now)


def _named(steps: Collection[_Step]) -> dict[str, list[Any]]:
    runs, names, visits = zip(*steps, strict=True)
    return {"runs": list(runs), "steps": list(names), "visits": list(visits)}


_MAILS_OF = Statement("""
    select mail.run_id, mail.step, mail.visit, mail.state, mail.again,
        coalesce(mail.reason, case when mail.state = 'sent' then 'waited: ' || mail.waited end) as says
    from unnest(cast(%(runs)s as bigint[]), cast(%(steps)s as text[]), cast(%(visits)s as integer[]))
        as one(run_id, step, visit)
    join mail on mail.run_id = one.run_id and mail.step = one.step and mail.visit = one.visit
    order by mail.id
""")
_TOLD = Statement("""
    update mail set told = true
    from unnest(cast(%(runs)s as bigint[]), cast(%(steps)s as text[]), cast(%(visits)s as integer[]))
        as one(run_id, step, visit)
    where mail.run_id = one.run_id and mail.step = one.step and mail.visit = one.visit
""")


def _outcome(settled: Sequence[tuple[str, str | None]]) -> tuple[str, str]:
    """Several recipients: sent when it reached any, else the most that may have happened."""
    for outcome in ("sent", "unknown", "refused"):
        reasons = [reason or "" for state, reason in settled if state == outcome]
        if reasons:
            return outcome, reasons[0]
    return "skipped", next((reason for _, reason in settled if reason), "")
