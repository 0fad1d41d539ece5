"""Event triggers: events that a sweep has taken, asked their condition at once or when their data had time to arrive.

An event is taken once, when it is learned or, dated ahead, when it comes; so it can cross only once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.triggers.base import Occurrence
from engine.triggers.coming import asked_at
from store.current.columns import NOW
from store.current.sight import Sight, View
from store.deciding.moment_triggers import Reached
from store.deployed import Deployed
from store.expressions.rows import Rows
from store.postgres.statements import Given, Row, Statement
from store.schema import event, settling, work_event

MOST_REASONS = 20
"""Events that are named as reasons of one crossing."""


def happened(conn: sa.Connection, sight: Sight, deployed: Deployed) -> list[Reached]:
    """Accounts and the events that start this playbook for them."""
    found: list[Reached] = []
    for trigger in deployed.compiled.triggers:
        if isinstance(trigger, Occurrence) and trigger.id in deployed.triggers:
            due = _take(conn, sight, deployed, trigger) + _settled(conn, sight, deployed, trigger)
            found += _reasons(sight, deployed, trigger, due)
    return found


def forget_settling(conn: sa.Connection, playbook: str, triggers: Sequence[str] | None = None) -> None:
    """Events that settle for these triggers, which live no more; or for all of a playbook, which begins anew."""
    which = sa.true() if triggers is None else settling.c.trigger.in_(triggers)
    conn.execute(sa.delete(settling).where(settling.c.playbook == playbook, which))


def _take(conn: sa.Connection, sight: Sight, deployed: Deployed, trigger: Occurrence) -> list[int]:
    """New events that are to be asked now; the others wait."""
    live_since = deployed.triggers[trigger.id].since
    rows = sight.read(("events", trigger.event), lambda view: _taken(view, trigger.event), since=live_since)
    now: list[int] = []
    later: list[dict[str, Any]] = []
    for row in rows:
        place = sight.place(row.zone, row.country)
        asked = asked_at(trigger, row.at, row.learned_at, live_since=live_since, place=place)
        if asked is not None and asked <= sight.now:
            now.append(row.id)
        elif asked is not None:
            later.append({"event_id": row.id, "account_id": row.account_id, "due_at": asked})
    if later:
        of = {"playbook": deployed.playbook, "trigger": trigger.id}
        conn.execute(insert(settling).on_conflict_do_nothing(), [of | row for row in later])
    return now


def _taken(view: View, type_: str) -> sa.Select[Any]:
    e = event.c
    return (
        sa.select(e.id, e.account_id, e.at, e.learned_at, view.zone.label("zone"), view.country.label("country"))
        .select_from(
            work_event.join(event, e.id == work_event.c.event_id).join(view.source, view.account_id == e.account_id)
        )
        .where(e.type == type_, e.at > Given("since", sa.DateTime(timezone=True)), e.at <= NOW)
        .order_by(e.at, e.id)
    )


def _settled(conn: sa.Connection, sight: Sight, deployed: Deployed, trigger: Occurrence) -> list[int]:
    return _SETTLED.read_column(conn, {"playbook": deployed.playbook, "trigger": trigger.id, "now": sight.now})


_SETTLED = Statement("""
    delete from settling where playbook = %(playbook)s and trigger = %(trigger)s and due_at <= %(now)s
    returning event_id
""")


def _reasons(sight: Sight, deployed: Deployed, trigger: Occurrence, due: Sequence[int]) -> list[Reached]:
    """Those of which the condition is true, as far as they need be named."""
    if not due:
        return []
    key = ("happened", deployed.compiled.hash, trigger.id)
    counts: dict[int, int] = {}
    found: list[Reached] = []
    for row in sight.read(key, lambda view: _happened(view, trigger), events=list(due)):
        counts[row.account_id] = counts.get(row.account_id, 0) + 1
        if counts[row.account_id] <= MOST_REASONS:
            found.append((row.account_id, _reason(trigger, row)))
    return found


def _happened(view: View, trigger: Occurrence) -> sa.Select[Any]:
    rows = Rows(f"event.{trigger.event}", view.account_id, NOW)
    e = rows.table.c
    query = (
        sa.select(e.id, e.account_id, e.key, e.at, e.props)
        .select_from(view.source.join(rows.table, e.account_id == view.account_id))
        .where(e.id == sa.func.any(Given("events", sa.ARRAY(sa.BigInteger))))
        .order_by(e.account_id, e.at, e.id)
    )
    return query if trigger.where is None else query.where(view.truth(trigger.where, rows))


def _reason(trigger: Occurrence, row: Row) -> Mapping[str, Any]:
    read = trigger.where.rows.get(f"event.{trigger.event}", {}) if trigger.where else {}
    values = {name: row.props.get(name) for name in read}
    values |= {"event": row.key, "at": row.at.isoformat()}
    return {"trigger": trigger.id, "kind": "event", "says": trigger.says, "values": values}
