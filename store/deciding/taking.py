"""What a sweep takes into work: accounts of which something was told or came due, and what of them that touches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.expressions import Expression
from engine.workspace import Workspace
from store.current import freshness
from store.current.ageing import new_day, scope_of, timed
from store.current.columns import NOW
from store.current.in_work import Scope
from store.current.touched import Touched, bits
from store.postgres.statements import Given, Statement, kept
from store.schema import crossing, event, settling, trigger_hold, watch, work

_SINCE = Given("since", sa.DateTime(timezone=True))


@dataclass(frozen=True, kw_only=True)
class Work:
    """What there is to look at."""

    scope: Scope
    touched: Touched | None
    """Of any account in work; None: of some, nobody says what."""


def take_work(
    conn: sa.Connection,
    workspace: Workspace,
    expressions: Sequence[Expression],
    *,
    since: datetime | None,
    now: datetime,
    turned: freshness.Feeds,
    zones: Sequence[str],
) -> Work | None:
    """Put into work what changed or came due, and say whether everyone is concerned; None for nothing at all.

    `expressions`: what is asked of accounts beside what the workspace asks; `since`: the sweep before; `turned`: feeds
    that fell silent since, or spoke again; `zones`: those in use.
    """
    scope = scope_of(workspace, since, now, expressions, turned=turned)
    asked = (workspace.hash, *(expression.text for expression in expressions))
    taking = kept(("take", scope == "anew", since is None, asked), partial(_take, workspace, expressions, scope, since))
    [found] = taking.read(conn, {"since": since, "now": now})
    days = list(new_day(zones, workspace, expressions, since, now)) if since and scope == "some" else []
    for accounts in days:
        conn.execute(_also(accounts.add_columns(bits(Touched.NOTHING).label("touched"))))
    if found.everyone:
        scope = "anew"
    if scope == "some" and not days and not found.accounts:
        return None
    return Work(scope=scope, touched=Touched(found.touched or 0) if found.is_said else None)


def _take(workspace: Workspace, expressions: Sequence[Expression], scope: Scope, since: datetime | None) -> str:
    """In one look, so that an event is seen with its change row: change rows, what came due, and events dated ahead
    that have come."""
    due = "" if scope == "anew" else f"union all ({Statement(_due(workspace, expressions)).text})"
    come = "" if since is None else f"union ({Statement(_COME).text})"
    return f"""
        with taken as (
            delete from change returning account_id, event_id, touched
        ), happened as (
            insert into work_event
            select event_id from taken where event_id is not null {come}
            on conflict do nothing
        ), found as (
            select account_id, touched from taken where account_id is not null {due}
        ), worked as (
            insert into work (account_id, touched)
            select account_id, case when bool_and(touched is not null) then bit_or(touched) end
            from found group by account_id
            on conflict (account_id) do update set touched = work.touched | excluded.touched
            returning touched
        )
        select (select bool_or(account_id is null) from taken) as everyone, count(*) as accounts,
            coalesce(bool_and(touched is not null), true) as is_said, bit_or(touched) as touched
        from worked
    """  # noqa: S608 - joined from constants and compiled SQL


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


def _also(accounts: sa.SelectBase) -> sa.Insert:
    """Accounts, each once, and what is touched; whoever is in work already is touched in more ways."""
    into = insert(work).from_select(["account_id", "touched"], accounts)
    both = work.c.touched.op("|")(into.excluded.touched)
    return into.on_conflict_do_update(
        index_elements=["account_id"], set_={"touched": both}, where=work.c.touched.is_distinct_from(both)
    )


_COME = sa.select(event.c.id).where(event.c.at > _SINCE, event.c.at <= NOW)
