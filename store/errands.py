"""What runs tell other programs and channels, as rows: prepared by a run, claimed, handed over, settled once.

As with mails, `handing_over` is committed just before a request leaves: a row found `prepared` is safe to send, one
found `handing_over` without its dispatcher may have left. A dispatcher is alive while its own connection holds the
advisory lock of the errand. Locks are taken run first, then errand.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from store import fingerprints
from store.postgres.notices import notify
from store.schema import errand, playbook, run
from store.telling import tell

Kind = Literal["webhook", "chat"]
Settled = Literal["delivered", "refused", "skipped", "unknown"]

GIVE_UP_AFTER = timedelta(days=3)
"""How long a receiver may be away; then the request is refused, with the last reason."""
CHANNEL = "tenure_errand"
"""What `prepare` notifies."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """An errand as a run prepares it."""

    run_id: int
    step: str
    visit: int
    account_id: int
    kind: Kind
    connector: str
    body: Mapping[str, Any] = field(repr=False)
    returns: Mapping[str, str] = field(default_factory=dict)
    resends: int = 0
    """How often it may be sent again when nobody knows whether it arrived."""


@dataclass(frozen=True, kw_only=True)
class Errand(Order):
    """An errand as the store knows it."""

    id: int
    request_id: str
    attempts: int
    give_up_at: datetime


# --- preparing --------------------------------------------------------------------------------------------------------


def prepare(conn: sa.Connection, order: Order, now: datetime) -> int:
    """The id of the errand for (run, step, visit), made when it is not there; a second order changes nothing."""
    values = {name: getattr(order, name) for name in _ORDERED}
    made: int | None = conn.execute(
        insert(errand)
        .values(
            **values,
            request_id=_request_id(conn, order),
            due_at=now,
            give_up_at=now + GIVE_UP_AFTER,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["run_id", "step", "visit"])
        .returning(errand.c.id)
    ).scalar()
    if made is not None:
        notify(conn, CHANNEL, "")
        return made
    mine = (errand.c.run_id == order.run_id, errand.c.step == order.step, errand.c.visit == order.visit)
    there: int = conn.execute(sa.select(errand.c.id).where(*mine)).scalar_one()
    return there


def skip_unsent(
    conn: sa.Connection, run_id: int, now: datetime, reason: str = "run ended", *, steps: Collection[str] | None = None
) -> None:
    """Requests that have not left never do; `steps`: theirs alone. Colleagues are told all the same."""
    unsent = [errand.c.run_id == run_id, errand.c.state == "prepared", errand.c.kind == "webhook"]
    if steps is not None:
        unsent.append(errand.c.step.in_(steps))
    conn.execute(sa.update(errand).where(*unsent).values(state="skipped", reason=reason, settled_at=now))


_ORDERED = ("run_id", "step", "visit", "account_id", "kind", "connector", "body", "returns", "resends")


def _request_id(conn: sa.Connection, order: Order) -> str:
    return "msg_" + fingerprints.of_run(conn, order.run_id, order.step, order.visit)


# --- dispatching ------------------------------------------------------------------------------------------------------

_LOCKS = 0x6572 << 48
"""Advisory locks are one space of numbers for the whole database; errands have this part of it."""
_WINDOW = 200
"""How many due errands other dispatchers may hold before this one finds nothing."""

# The materialised list is read row by row, so that no more locks are tried than errands are wanted.
_CLAIM = sa.text("""
    with due as materialized (
        select errand.id from errand
        join run on run.id = errand.run_id
        left join playbook on playbook.id = run.playbook
        where errand.state = :state and errand.due_at <= :now
            and (:state = 'handing_over' or run.state <> 'open' or coalesce(playbook.state, 'active') = 'active')
        order by errand.due_at, errand.id limit :window
    )
    select id from due where pg_try_advisory_lock(:locks + id) limit :limit
""")


def claim_due(conn: sa.Connection, now: datetime, limit: int) -> list[Errand]:
    """Due errands, oldest first, that no other dispatcher has; held until `release`.

    What reminds of a task that is settled meanwhile has nothing to say any more, and is skipped.
    """
    conn.execute(_SKIP_SETTLED, {"now": now})
    return _claimed(conn, "prepared", now, limit)


_SKIP_SETTLED = sa.text("""
    update errand set state = 'skipped', reason = 'the task is settled already', settled_at = :now
    from task
    where errand.state = 'prepared' and errand.kind = 'chat' and task.run_id = errand.run_id
        and task.visit = errand.visit and errand.step in (task.step || '/remind', task.step || '/escalate')
        and task.state <> 'open'
""")


def orphans(conn: sa.Connection, now: datetime, limit: int) -> list[Errand]:
    """Errands that were handed over by a dispatcher that is gone; held until `release`."""
    return _claimed(conn, "handing_over", now, limit)


def release(conn: sa.Connection, errand_id: int) -> None:
    """Let go of a claimed errand."""
    conn.execute(sa.select(sa.func.pg_advisory_unlock(_LOCKS + errand_id)))


def handing_over(conn: sa.Connection, errand_id: int) -> bool:
    """Take the step after which the request may have left; commit before the first byte. False: it may not leave.

    The run is held still until the caller commits: whoever ends or pauses it is before or after this moment.
    """
    standing = conn.execute(
        sa.select(run.c.state, sa.func.coalesce(playbook.c.state, "active").label("playbook"), errand.c.kind)
        .select_from(run)
        .join(errand, errand.c.run_id == run.c.id)
        .outerjoin(playbook, playbook.c.id == run.c.playbook)
        .where(errand.c.id == errand_id)
        .with_for_update(read=True, of=run)
    ).one_or_none()
    if standing is None:
        return False
    allowed = standing.playbook == "active" if standing.state == "open" else standing.kind == "chat"
    if not allowed:
        return False
    taken = conn.execute(
        sa.update(errand)
        .where(errand.c.id == errand_id, errand.c.state == "prepared")
        .values(state="handing_over", reason=None)
    )
    return taken.rowcount == 1


def park(
    conn: sa.Connection, errand_id: int, due_at: datetime, reason: str, *, tried: bool = True, resent: bool = False
) -> None:
    """It may leave again later. `tried` counts this as an attempt, `resent` uses up a resend."""
    conn.execute(
        sa.update(errand)
        .where(errand.c.id == errand_id, errand.c.state.in_(_OPEN))
        .values(
            state="prepared",
            due_at=sa.func.least(due_at, errand.c.give_up_at),
            reason=_said(reason),
            attempts=errand.c.attempts + int(tried),
            resends=errand.c.resends - int(resent),
        )
    )


def settle(
    conn: sa.Connection,
    errand_id: int,
    state: Settled,
    *,
    now: datetime,
    reason: str | None = None,
    status: int | None = None,
    returned: Mapping[str, Any] | None = None,
) -> bool:
    """What became of it, said once; the run is told. False when it was settled before."""
    owner = sa.select(errand.c.run_id).where(errand.c.id == errand_id).scalar_subquery()
    conn.execute(sa.select(run.c.id).where(run.c.id == owner).with_for_update(key_share=True))
    row = conn.execute(
        sa.update(errand)
        .where(errand.c.id == errand_id, errand.c.state.in_(_OPEN))
        .values(state=state, reason=_said(reason), status=status, returned=returned or sa.null(), settled_at=now)
        .returning(errand.c.run_id, errand.c.step, errand.c.visit, errand.c.kind)
    ).one_or_none()
    if row is None:
        return False
    # Nobody waits for what is told to colleagues.
    if row.kind == "webhook":
        values = {"visit": row.visit, "outcome": state, "reason": _said(reason) or "", "status": status}
        tell(
            conn, row.run_id, "mail", of=row.step, values=values | ({"returned": returned} if returned else {}), at=now
        )
    return True


def say(conn: sa.Connection, errand_id: int, became: Literal["delivered", "refused"], by: str, now: datetime) -> bool:
    """Somebody found out what became of one of which nobody knew; False for any other. Its run has gone on."""
    mine = (errand.c.id == errand_id, errand.c.state == "unknown")
    values = {"state": became, "reason": _said(f"{by} says so"), "settled_at": now}
    return conn.execute(sa.update(errand).where(*mine).values(values)).rowcount == 1


_OPEN = ("prepared", "handing_over")


def _claimed(conn: sa.Connection, state: str, now: datetime, limit: int) -> list[Errand]:
    given = {"state": state, "now": now, "limit": limit, "locks": _LOCKS, "window": _WINDOW}
    ids: Sequence[int] = conn.execute(_CLAIM, given).scalars().all()
    if not ids:
        return []
    found = {row.id: row for row in conn.execute(sa.select(errand).where(errand.c.id.in_(ids)))}
    claimed = []
    for errand_id in ids:
        row = found.get(errand_id)
        if row is not None and row.state == state and row.due_at <= now:
            claimed.append(_errand(row))
        else:
            # Between the list and the lock another dispatcher has done its work and let go.
            release(conn, errand_id)
    return claimed


def _errand(row: sa.Row[Any]) -> Errand:
    names = (*_ORDERED, "id", "request_id", "attempts", "give_up_at")
    return Errand(**{name: getattr(row, name) for name in names})


def _said(text: str | None) -> str | None:
    """Words from outside as they may be kept."""
    return None if text is None else "".join(char if char.isprintable() else " " for char in text)[:500]
