"""What a sweep takes into work: accounts of which something was told or came due, and what of them that touches."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.expressions import Expression
from engine.workspace import Workspace
from store import freshness
from store.ageing import new_day, scope_of, timed
from store.columns import NOW
from store.projection import Scope
from store.schema import change, crossing, event, settling, trigger_hold, watch, work, work_event
from store.statements import Given, kept
from store.touched import Touched, bits

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_SINCE = Given("since", sa.DateTime(timezone=True))


def take_work(
    conn: sa.Connection,
    workspace: Workspace,
    expressions: Sequence[Expression],
    *,
    since: datetime | None,
    now: datetime,
    turned: freshness.Feeds,
    zones: Sequence[str],
) -> Scope | None:
    """Put into work what changed or came due, and say whether everyone is concerned; None for nothing at all.

    `expressions`: what is asked of accounts beside what the workspace asks; `since`: the sweep before; `turned`: feeds
    that fell silent since, or spoke again; `zones`: those in use.
    """
    scope = scope_of(workspace, since, now, expressions, turned=turned)
    given = {"since": since or _EARLIEST, "now": now}
    asked = (workspace.hash, *(expression.text for expression in expressions))
    due = partial(_due, workspace, expressions)
    days = list(new_day(zones, workspace, expressions, since, now)) if since and scope == "some" else []
    if scope == "some" and not days and not kept(("stirs", asked), lambda: _stirs(due())).run(conn, given).scalar():
        return None
    if conn.execute(_TAKE_CHANGES).scalar():
        scope = "anew"
    if scope != "anew":
        kept(("due", asked), lambda: _add_to_work(due())).run(conn, given)
    if since is not None:
        kept("come", _come).run(conn, given)
    for accounts in days:
        conn.execute(_add_to_work(accounts.add_columns(bits(Touched.NOTHING).label("touched"))))
    return scope


def _stirs(due: sa.SelectBase) -> sa.Select[Any]:
    """Whether anything changed or came due, by indexes alone."""
    changed = sa.exists().where(change.c.id > sa.literal_column("0"))
    return sa.select(sa.or_(changed, sa.exists(sa.select(sa.literal_column("1")).select_from(due.subquery("due")))))


def _due(workspace: Workspace, expressions: Sequence[Expression]) -> sa.CompoundSelect[Any]:
    """Accounts for which a fact ages, a dwell or a cool-down ends, or an event has settled; and what that touches."""
    nothing = bits(Touched.NOTHING).label("touched")
    return sa.union_all(
        timed(workspace, expressions, _SINCE, NOW),
        sa.select(trigger_hold.c.account_id, nothing).where(
            trigger_hold.c.due_at <= NOW, trigger_hold.c.suspended_at.is_(None)
        ),
        sa.select(watch.c.account_id, nothing).where(
            watch.c.due_at <= NOW, watch.c.suspended_at.is_(None), watch.c.met_at.is_(None)
        ),
        sa.select(crossing.c.account_id, nothing).where(
            crossing.c.state == sa.literal_column("'held'"), crossing.c.retry_at <= NOW
        ),
        sa.select(settling.c.account_id, nothing).where(settling.c.due_at <= NOW),
    )


def _add_to_work(accounts: sa.SelectBase) -> sa.Insert:
    """Rows of account and what is touched; whoever is in work already is touched in more ways."""
    found = accounts.subquery("found")
    once = sa.select(found.c[0], sa.func.bit_or(found.c[1])).group_by(found.c[0])
    into = insert(work).from_select(["account_id", "touched"], once)
    both = work.c.touched.op("|")(into.excluded.touched)
    return into.on_conflict_do_update(
        index_elements=["account_id"], set_={"touched": both}, where=work.c.touched.is_distinct_from(both)
    )


def _come() -> sa.Insert:
    """Events dated ahead that have come. What is learned while the sweep takes its work comes with its change row."""
    untaken = sa.exists().where(change.c.event_id == event.c.id)
    come = sa.select(event.c.id).where(event.c.at > _SINCE, event.c.at <= NOW, ~untaken)
    return insert(work_event).from_select(["event_id"], come).on_conflict_do_nothing()


_SINCE = Given("since", sa.DateTime(timezone=True))


_TAKE_CHANGES = sa.text("""
    with taken as (
        delete from change returning account_id, event_id, touched
    ), happened as (
        insert into work_event select distinct event_id from taken where event_id is not null on conflict do nothing
    ), worked as (
        insert into work (account_id, touched)
        select account_id, case when bool_and(touched is not null) then bit_or(touched) end
        from taken where account_id is not null group by account_id
    )
    select bool_or(account_id is null) from taken
""")
"""Whether everyone is to be looked at anew."""
