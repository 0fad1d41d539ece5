"""What crosses: one playbook's edges over the accounts in work, its times and its events; only candidates reach Python.

Whether a crossing starts anything is for the rules of entry to say.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.calendars import add
from engine.durations import parse_duration
from engine.triggers.base import Edge
from engine.triggers.memory import ARMED, TRIPPED, UNSEEN, Memory, advance
from store import memories
from store.columns import MASKS, extreme_name
from store.deployed import Deployed
from store.event_triggers import happened
from store.memories import Bit, Step
from store.moment_triggers import reached
from store.schema import work
from store.sight import Sight

Reason = Mapping[str, Any]


def propose(conn: sa.Connection, sight: Sight, deployed: Deployed, *, sweep_id: int, since: datetime | None) -> int:
    """Advance the memories of one playbook's triggers and write its crossings, one for each account; how many."""
    reasons: dict[int, list[Reason]] = {}
    found = (*_edges(conn, sight, deployed), *reached(conn, sight, deployed, since), *happened(conn, sight, deployed))
    for account_id, reason in found:
        reasons.setdefault(account_id, []).append(reason)
    if not reasons:
        return 0
    rows = [{"account_id": account_id, "reasons": why} for account_id, why in sorted(reasons.items())]
    of = {"playbook": deployed.playbook, "version": deployed.version, "at": sight.now, "sweep": sweep_id}
    conn.execute(_CROSS, of | {"rows": json.dumps(rows, ensure_ascii=False, allow_nan=False)})
    return len(rows)


_CROSS = sa.text("""
    insert into crossing (playbook, version, account_id, at, reasons, state, sweep_id)
    select :playbook, :version, account_id, :at, reasons, 'proposed', :sweep
    from json_to_recordset(cast(:rows as json)) as crossed(account_id bigint, reasons jsonb)
    order by account_id
    on conflict do nothing
""")


@dataclass(frozen=True)
class _Watched:
    """An edge and where its columns stand in the statement."""

    edge: Edge
    bit: Bit
    n: int

    @property
    def trips(self) -> str:
        return f"trips_{self.n}"

    @property
    def rearms(self) -> str:
        return f"rearms_{self.n}"


@dataclass
class _Outcome:
    """What the candidates came to."""

    steps: list[Step] = field(default_factory=list)
    fired: dict[str, list[int]] = field(default_factory=dict)
    """Accounts by trigger."""


def _edges(conn: sa.Connection, sight: Sight, deployed: Deployed) -> Iterator[tuple[int, Reason]]:
    watched = [
        _Watched(one, Bit(bit), n)
        for n, one in enumerate(deployed.compiled.triggers)
        if one.kind == "edge" and (bit := deployed.bit(one.id)) is not None
    ]
    if not watched:
        return
    look = _look(sight, deployed, watched)
    rows = conn.execute(sa.select(look).where(_matters(look, watched, deployed))).mappings().all()
    conn.execute(_settle_quietly(sight, look, watched))
    outcome = _candidates(conn, sight, deployed, watched, rows)
    memories.write(conn, deployed.playbook, outcome.steps)
    for one in watched:
        accounts = outcome.fired.get(one.edge.id, [])
        read = sight.values(accounts, _names(one.edge)) if accounts else {}
        for account_id in accounts:
            reason = {"trigger": one.edge.id, "kind": "edge", "says": one.edge.says, "values": read[account_id]}
            yield account_id, reason


def _look(sight: Sight, deployed: Deployed, watched: Sequence[_Watched]) -> sa.Subquery:
    """Masks and truths of the accounts in work. Fenced, so that no condition is worked out twice."""
    words = memories.words(one.bit for one in watched)
    return (
        sa.select(
            sight.account_id.label("account_id"),
            sight.zone.label("zone"),
            sight.country.label("country"),
            sight.truth(deployed.compiled.audience).label("audience"),
            *(sight.source.c[f"{mask}_{word}"] for word in words for mask in MASKS),
            *(sight.truth(one.edge.trips).label(one.trips) for one in watched),
            *(sight.truth(one.edge.rearms).label(one.rearms) for one in watched),
        )
        .select_from(work.join(sight.source, sight.account_id == work.c.account_id))
        .offset(0)
        .subquery("look")
    )


def _matters(look: sa.Subquery, watched: Sequence[_Watched], deployed: Deployed) -> sa.ColumnElement[bool]:
    """Rows in which some edge fires, dwells, or counts as existing where the author includes these."""
    parts: list[sa.ColumnElement[bool]] = []
    for one in watched:
        seen, tripped, holding = (one.bit.in_(look, mask) for mask in MASKS)
        true = look.c[one.trips].is_(True)
        parts += [sa.and_(seen, ~tripped, ~holding, true), holding]
        if deployed.compiled.entry.existing == "include":
            parts.append(sa.and_(~seen, true, look.c.audience.is_(True)))
    return sa.or_(*parts)


def _settle_quietly(sight: Sight, look: sa.Subquery, watched: Sequence[_Watched]) -> sa.Update:
    """What changes a memory and nothing else, for all accounts at once: first sights, and re-arming."""
    values: dict[sa.ColumnElement[Any], sa.ColumnElement[Any]] = {}
    changes: list[sa.ColumnElement[bool]] = []
    for word in memories.words(one.bit for one in watched):
        mine = [one for one in watched if one.bit.word == word]
        seen: sa.ColumnElement[int] = look.c[f"seen_{word}"]
        tripped: sa.ColumnElement[int] = look.c[f"tripped_{word}"]
        for one in mine:
            first = sa.and_(~one.bit.in_(look, "seen"), look.c[one.trips].is_not(None))
            existing = sa.and_(~one.bit.in_(look, "seen"), look.c[one.trips].is_(True))
            rearmed = sa.and_(
                one.bit.in_(look, "tripped"), look.c[one.rearms].is_(True), look.c[one.trips].is_not(True)
            )
            changes += [first, rearmed]
            seen = seen.bitwise_or(_bit_if(first, one.bit))
            tripped = tripped.bitwise_or(_bit_if(existing, one.bit)).bitwise_and(
                _bit_if(rearmed, one.bit).bitwise_not()
            )
        values |= {sight.source.c[f"seen_{word}"]: seen, sight.source.c[f"tripped_{word}"]: tripped}
    same = sight.account_id == look.c.account_id
    return sa.update(sight.source).values(values).where(same, sa.or_(*changes))


def _bit_if(when: sa.ColumnElement[bool], bit: Bit) -> sa.ColumnElement[int]:
    return sa.case((when, sa.literal(bit.value, sa.BigInteger)), else_=sa.literal(0, sa.BigInteger))


def _candidates(
    conn: sa.Connection,
    sight: Sight,
    deployed: Deployed,
    watched: Sequence[_Watched],
    rows: Sequence[sa.RowMapping],
) -> _Outcome:
    outcome = _Outcome()
    dwelling = [row["account_id"] for row in rows if any(one.bit.is_in(row, "holding") for one in watched)]
    holds = memories.holds(conn, deployed.playbook, dwelling) if dwelling else {}
    for row in rows:
        for one in watched:
            account_id, edge = row["account_id"], one.edge
            before = _memory(row, one.bit, holds.get((account_id, edge.id)))
            due = (
                add(sight.now, parse_duration(edge.dwell), sight.place(row["zone"], row["country"]))
                if edge.dwell
                else None
            )
            after, happened = advance(before, trips=row[one.trips], rearms=row[one.rearms], now=sight.now, due=due)
            included = deployed.compiled.entry.existing == "include" and row["audience"] is True
            if happened == "fired" or (happened == "existing" and included):
                outcome.fired.setdefault(edge.id, []).append(account_id)
            # First sights and re-arming were settled for all accounts at once.
            if after != before and before.seen and not before.tripped:
                outcome.steps.append(
                    Step(account_id=account_id, trigger=edge.id, bit=one.bit, before=before, after=after)
                )
    return outcome


def _memory(row: sa.RowMapping, bit: Bit, hold: sa.Row[Any] | None) -> Memory:
    if not bit.is_in(row, "seen"):
        return UNSEEN
    if bit.is_in(row, "tripped"):
        return TRIPPED
    if hold is None:
        return ARMED
    return Memory(seen=True, holding=True, since=hold.since, due_at=hold.due_at, suspended_at=hold.suspended_at)


def _names(edge: Edge) -> list[str]:
    """What its condition reads, extremes included."""
    extremes = [extreme_name(one.way, one.field, one.window) for one in edge.trips.expression.extremes]
    return [*edge.trips.reads, *extremes]
