"""What crosses: edges over the accounts that are looked at, times and events; only candidates reach Python.

Whether a crossing starts anything is for the rules of entry to say.
"""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any

import sqlalchemy as sa

from engine.calendars import add
from engine.durations import parse_duration
from engine.triggers.base import Edge
from engine.triggers.memory import ARMED, TRIPPED, UNSEEN, Memory, advance
from store.current.columns import MASKS, extreme_name
from store.current.overrides import Override, overrides_among
from store.current.sight import Sight, View
from store.deciding import memories
from store.deciding.event_triggers import happened
from store.deciding.memories import Bit, Step
from store.deciding.moment_triggers import reached
from store.deployed import Deployed
from store.postgres.statements import Given, Row, Statement

Reason = Mapping[str, Any]


def propose(
    conn: sa.Connection,
    sight: Sight,
    playbooks: Mapping[Deployed, datetime | None],
    *,
    sweep_id: int,
    with_events: bool = True,
) -> int:
    """Advance the memories of these playbooks' triggers and write their crossings, for each account one of each; how
    many. With each playbook the instant since when its times have not been looked at.

    `with_events`: whether any event was taken or has settled.
    """
    reasons: dict[tuple[Deployed, int], list[Reason]] = {}
    for deployed, account_id, reason in _found(conn, sight, playbooks, with_events=with_events):
        reasons.setdefault((deployed, account_id), []).append(reason)
    if not reasons:
        return 0
    rows = [
        {"playbook": one.playbook, "version": one.version, "account_id": account_id, "reasons": why}
        for (one, account_id), why in reasons.items()
    ]
    values = {"at": sight.now, "sweep": sweep_id, "rows": json.dumps(rows, ensure_ascii=False, allow_nan=False)}
    _CROSS.write(conn, values)
    return len(rows)


def _found(
    conn: sa.Connection, sight: Sight, playbooks: Mapping[Deployed, datetime | None], *, with_events: bool
) -> Iterator[tuple[Deployed, int, Reason]]:
    yield from _edges(conn, sight, tuple(playbooks))
    for deployed, since in playbooks.items():
        for account_id, reason in reached(conn, sight, deployed, since):
            yield deployed, account_id, reason
        for account_id, reason in happened(conn, sight, deployed) if with_events else ():
            yield deployed, account_id, reason


_CROSS = Statement("""
    insert into crossing (playbook, version, account_id, at, reasons, state, sweep_id)
    select playbook, version, account_id, %(at)s, reasons, 'proposed', %(sweep)s
    from json_to_recordset(cast(%(rows)s as json)) as crossed(
        playbook text, version int, account_id bigint, reasons jsonb)
    order by playbook collate "C", account_id
    on conflict do nothing
""")


@dataclass(frozen=True, eq=False)
class _Watched:
    """An edge and its place in the masks."""

    deployed: Deployed
    edge: Edge
    bit: Bit

    @property
    def at_once(self) -> bool:
        """Whether it fires as soon as it is true."""
        return self.edge.dwell is None

    @property
    def includes_existing(self) -> bool:
        return self.deployed.compiled.entry.existing == "include"


@dataclass
class _Outcome:
    """What the candidates came to."""

    steps: list[Step] = field(default_factory=list)
    fired: dict[_Watched, list[int]] = field(default_factory=dict)
    """Accounts by edge."""


def _edges(conn: sa.Connection, sight: Sight, playbooks: Sequence[Deployed]) -> Iterator[tuple[Deployed, int, Reason]]:
    watched = [
        _Watched(deployed, edge, Bit(bit))
        for deployed in playbooks
        for edge in deployed.compiled.triggers
        if edge.kind == "edge" and (bit := deployed.bit(edge.id)) is not None
    ]
    if not watched:
        return
    key = ("edges", *((one.deployed.compiled.hash, one.edge.id, one.bit) for one in watched))
    rows = _looked(sight, watched, key)
    outcome = _candidates(conn, sight, watched, rows)
    memories.write(conn, outcome.steps)
    names = {name for one in outcome.fired for name in _names(one.edge)}
    fired = [id_ for ids in outcome.fired.values() for id_ in ids]
    read = sight.values(fired, sorted(names)) if names else {}
    overridden = overrides_among(conn, fired, sight.now) if names else {}
    for one in watched:
        edge = one.edge
        for account_id in outcome.fired.get(one, ()):
            values = {name: read[account_id][name] for name in _names(edge) if name in read[account_id]}
            says = "; ".join([edge.says, *_whose_word(edge, overridden.get(account_id, {}))])
            yield one.deployed, account_id, {"trigger": edge.id, "kind": "edge", "says": says, "values": values}


def _whose_word(edge: Edge, overridden: Mapping[str, Override]) -> Iterator[str]:
    """A score that is somebody's word is told with the word's reason."""
    cards = {name.partition(".")[0] for name in edge.trips.expression.reads}
    cards |= {one.field.partition(".")[0] for one in edge.trips.expression.extremes}
    yield from (overridden[card].says() for card in sorted(cards & overridden.keys()))


# --- one pass over the accounts --------------------------------------------------------------------------------------

_Truths = Sequence[tuple[_Watched, sa.ColumnElement[bool]]]
_NO_BITS = sa.literal(0, sa.BigInteger)
_PARTS = ("trips", "known", "rearms", "wanted")
"""Beside the masks of memory, those of this look: true; known, where that matters; true to re-arm, where it tripped;
true, and wanted though existing."""


def _looked(sight: Sight, watched: Sequence[_Watched], key: Hashable) -> Sequence[Mapping[str, Any]]:
    if not sight.everyone:
        return sight.read_mappings(key, lambda view: _look(view, watched, view.looks_at))
    # As an aggregate that writes nothing, PostgreSQL has several processors go over everyone.
    [moving] = sight.read(("moving", key), lambda view: _moving(view, watched))
    ids: list[int] = moving.ids or []
    if not ids:
        return []
    if len(ids) > _MANY:
        return sight.read_mappings(key, lambda view: _look(view, watched, sa.true()))
    named = sa.func.any(Given("accounts", sa.ARRAY(sa.BigInteger)))
    return sight.read_mappings(("some", key), lambda view: _look(view, watched, view.account_id == named), accounts=ids)


def _moving(view: View, watched: Sequence[_Watched]) -> sa.Select[Any]:
    looked = _truths(view, watched, sa.true()).subquery("looked")
    return sa.select(sa.func.array_agg(looked.c.account_id).label("ids")).where(_moves(looked, watched))


_MANY = 20_000
"""Accounts from which going over everyone is quicker than finding them one by one."""


def _look(view: View, watched: Sequence[_Watched], which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Looks at all edges of an account at once, and writes by the way what no dwell has a say in: first sights,
    re-arming, and what fires at once. Candidates come back as they were before: edges that fire, dwell, or exist where
    the author includes these."""
    # Fenced, so that no condition is worked out thrice.
    looked = _truths(view, watched, which).offset(0).subquery("looked")
    matters = sa.select(looked).where(_moves(looked, watched)).cte("matters").prefix_with("materialized")
    written = _write_at_once(view, matters, watched)
    asked = sa.or_(*(_candidate(matters, word) != 0 for word in _words(watched)))
    return sa.select(matters).where(asked).add_cte(written)


def _moves(looked: sa.FromClause, watched: Sequence[_Watched]) -> sa.ColumnElement[bool]:
    """Whether anything does, quietly or not."""
    words = _words(watched)
    parts = (part for word in words for part in (*_quiet(looked, word), _candidate(looked, word)))
    found: sa.ColumnElement[int] = reduce(lambda all_, part: all_.bitwise_or(part), parts)
    return found != 0


def _truths(view: View, watched: Sequence[_Watched], which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Masks of memory and of truths, where anything may move."""
    words = _words(watched)
    masks = [view.source.c[f"{mask}_{word}"] for word in words for mask in MASKS]
    return (
        sa.select(
            view.account_id.label("account_id"),
            view.zone.label("zone"),
            view.country.label("country"),
            *masks,
            *(
                part.label(f"{name}_{word}")
                for word in words
                for name, part in zip(_PARTS, _parts(view, _of_word(watched, word)), strict=True)
            ),
        )
        .select_from(view.source)
        .where(which, _may_move(view, watched))
    )


def _may_move(view: View, watched: Sequence[_Watched]) -> sa.ColumnElement[bool]:
    """Lets off nearly everyone by one test: who was seen, dwells nowhere, and is tripped exactly where it trips."""
    may: list[sa.ColumnElement[bool]] = []
    for word in _words(watched):
        mine = _of_word(watched, word)
        seen, tripped, holding = (view.source.c[f"{mask}_{word}"] for mask in MASKS)
        trips = _mask([(one, view.truth(one.edge.trips)) for one in mine])
        may.append(trips != tripped.bitwise_and(_all_bits(mine)))
        may.append(seen.bitwise_not().bitwise_or(holding).bitwise_and(_all_bits(mine)) != 0)
    return sa.or_(*may)


def _words(watched: Sequence[_Watched]) -> Sequence[int]:
    return memories.words(one.bit for one in watched)


def _of_word(watched: Sequence[_Watched], word: int) -> Sequence[_Watched]:
    return [one for one in watched if one.bit.word == word]


def _parts(view: View, mine: Sequence[_Watched]) -> tuple[sa.ColumnElement[int], ...]:
    """The masks of `_PARTS` in one word. What matters for few is asked of few: one test lets the others off."""
    word = mine[0].bit.word
    seen, tripped, holding = (view.source.c[f"{mask}_{word}"] for mask in MASKS)
    all_bits = _all_bits(mine)
    trips = [(one, view.truth(one.edge.trips)) for one in mine]
    wanted = [
        (one, sa.and_(true, view.truth(one.deployed.compiled.audience))) for one, true in trips if one.includes_existing
    ]
    unsettled = seen.bitwise_not().bitwise_or(holding).bitwise_and(all_bits)
    return (
        _mask(trips),
        _mask_if(unsettled != 0, [(one, true.is_not(None)) for one, true in trips]),
        _mask_if(tripped.bitwise_and(all_bits) != 0, [(one, view.truth(one.edge.rearms)) for one in mine]),
        _mask_if(unsettled != 0, wanted),
    )


def _all_bits(mine: Sequence[_Watched]) -> sa.ColumnElement[int]:
    return sa.literal(sum(one.bit.value for one in mine), sa.BigInteger)


def _mask_if(some: sa.ColumnElement[bool], truths: _Truths) -> sa.ColumnElement[int]:
    return sa.case((some, _mask(truths)), else_=_NO_BITS) if truths else _NO_BITS


def _mask(truths: _Truths) -> sa.ColumnElement[int]:
    """Bits of what is true."""
    bits = [sa.case((true, sa.literal(one.bit.value, sa.BigInteger)), else_=_NO_BITS) for one, true in truths]
    return reduce(lambda all_, bit: all_.bitwise_or(bit), bits)


def _quiet(looked: sa.FromClause, word: int) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """What is seen for the first time; what re-arms."""
    of = looked.c
    first = of[f"known_{word}"].bitwise_and(of[f"seen_{word}"].bitwise_not())
    rearmed = of[f"rearms_{word}"].bitwise_and(of[f"tripped_{word}"]).bitwise_and(of[f"trips_{word}"].bitwise_not())
    return first, rearmed


def _candidate(looked: sa.FromClause, word: int) -> sa.ColumnElement[int]:
    of = looked.c
    existing = of[f"wanted_{word}"].bitwise_and(of[f"seen_{word}"].bitwise_not())
    mask: sa.ColumnElement[int] = _fires(looked, word).bitwise_or(of[f"holding_{word}"]).bitwise_or(existing)
    return mask


def _fires(looked: sa.FromClause, word: int) -> sa.ColumnElement[int]:
    """What was armed and is true; with a dwell it only begins to hold."""
    of = looked.c
    seen, tripped, holding = (of[f"{mask}_{word}"] for mask in MASKS)
    mask: sa.ColumnElement[int] = of[f"trips_{word}"].bitwise_and(seen)
    return mask.bitwise_and(tripped.bitwise_or(holding).bitwise_not())


def _write_at_once(view: View, matters: sa.CTE, watched: Sequence[_Watched]) -> sa.CTE:
    values: dict[str, sa.ColumnElement[Any]] = {}
    changed: list[sa.ColumnElement[bool]] = []
    for word in _words(watched):
        of, (first, rearmed) = matters.c, _quiet(matters, word)
        existing = first.bitwise_and(of[f"trips_{word}"])
        fires = _fires(matters, word).bitwise_and(_all_bits([one for one in _of_word(watched, word) if one.at_once]))
        tripped = of[f"tripped_{word}"].bitwise_or(existing).bitwise_or(fires)
        values[f"seen_{word}"] = of[f"seen_{word}"].bitwise_or(first)
        values[f"tripped_{word}"] = tripped.bitwise_and(rearmed.bitwise_not())
        changed += [first != 0, rearmed != 0, fires != 0]
    same = view.account_id == matters.c.account_id
    return sa.update(view.source).values(values).where(same, sa.or_(*changed)).cte("written")


# --- the few that may start something --------------------------------------------------------------------------------


def _candidates(
    conn: sa.Connection, sight: Sight, watched: Sequence[_Watched], rows: Sequence[Mapping[str, Any]]
) -> _Outcome:
    outcome = _Outcome()
    all_bits = {word: sum(one.bit.value for one in _of_word(watched, word)) for word in _words(watched)}
    dwelling = [row["account_id"] for row in rows if any(row[f"holding_{word}"] & all_bits[word] for word in all_bits)]
    holds = memories.holds(conn, dwelling) if dwelling else {}
    by_bits: dict[tuple[int, ...], Sequence[_Watched]] = {}
    for row in rows:
        bits = tuple(row[f"trips_{word}"] | row[f"holding_{word}"] for word in all_bits)
        if bits not in by_bits:
            by_bits[bits] = [one for one in watched if any(one.bit.is_in(row, mask) for mask in ("trips", "holding"))]
        for one in by_bits[bits]:
            account_id, edge = row["account_id"], one.edge
            before = _memory(row, one.bit, holds.get((account_id, one.deployed.playbook, edge.id)))
            trips = one.bit.is_in(row, "trips") or (False if one.bit.is_in(row, "known") else None)
            due = _end_of_dwell(sight, edge, row)
            after, happened = advance(before, trips=trips, rearms=None, now=sight.now, due=due)
            if happened == "fired" or (happened == "existing" and one.bit.is_in(row, "wanted")):
                outcome.fired.setdefault(one, []).append(account_id)
            # What no dwell has a say in was written for all accounts at once.
            if after != before and before.seen and not before.tripped and (before.holding or not one.at_once):
                outcome.steps.append(
                    Step(
                        account_id=account_id,
                        playbook=one.deployed.playbook,
                        trigger=edge.id,
                        bit=one.bit,
                        before=before,
                        after=after,
                    )
                )
    return outcome


def _end_of_dwell(sight: Sight, edge: Edge, row: Mapping[str, Any]) -> datetime | None:
    """Of one that begins now."""
    if edge.dwell is None:
        return None
    return add(sight.now, parse_duration(edge.dwell), sight.place(row["zone"], row["country"]))


def _memory(row: Mapping[str, Any], bit: Bit, hold: Row | None) -> Memory:
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
