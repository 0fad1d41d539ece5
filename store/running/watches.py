"""What open runs wait for: goals, exits, awaited conditions and events, as rows that the sweep looks at set by set."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from engine.calendars import Place, add
from engine.durations import parse_duration
from engine.plan import Plan
from engine.triggers.memory import ARMED, TRIPPED, Memory, advance
from engine.turns.runtime import Waiting
from engine.values import Condition
from store.current.sight import Sight, View
from store.deployed import load_workspace
from store.expressions.rows import Rows
from store.postgres.kept import Kept
from store.postgres.statements import Given, Row, Statement, kept
from store.schema import watch, work_event
from store.telling import Telling, tell_all

GOAL, EXIT, AGE = "goal", "exit/", "exit/age"
"""Keys of what ends a run from outside; the last is no condition, only a moment."""


def open_for_runs(conn: sa.Connection, begun: Sequence[tuple[int, int, Plan]], at: datetime) -> None:
    """Watch the goal and the exits of runs that start: each with its id, its account and its plan."""
    plans = {plan.hash: plan for _, _, plan in begun}
    watched = [
        {"plan": name, "place": n, **row} for name, plan in plans.items() for n, row in enumerate(_asked_by(plan, at))
    ]
    values = {
        "runs": [run_id for run_id, _, _ in begun],
        "accounts": [account_id for _, account_id, _ in begun],
        "plans": [plan.hash for _, _, plan in begun],
        "watched": json.dumps(watched, ensure_ascii=False, allow_nan=False),
    }
    _OPEN.write(conn, {**values, "at": at})


def follow(
    conn: sa.Connection, run_id: int, account_id: int, waiting: Sequence[Waiting], now: datetime
) -> tuple[str, ...]:
    """Watch exactly this beside goal and exits. Gives the keys that are new, or mean something else than before.

    The caller holds the run's row.
    """
    known = {row.key: row for row in _OWN.read(conn, {"run": run_id})}
    gone = [key for key in known if key not in {one.key for one in waiting}]
    if gone:
        _FORGET.write(conn, {"run": run_id, "keys": gone})
    fresh = [one for one in waiting if one.key not in known or not _same(one, known[one.key])]
    if fresh:
        rows = [
            {
                "key": one.key,
                "condition": None if one.condition is None else dict(one.condition),
                "event": one.event,
                "opened_at": (one.since or now).isoformat(),
            }
            for one in fresh
        ]
        waits = json.dumps(rows, ensure_ascii=False, allow_nan=False)
        _FOLLOW.write(conn, {"run": run_id, "account": account_id, "rows": waits})
    return tuple(one.key for one in fresh)


_FORGET = Statement("delete from watch where run_id = %(run)s and key = any(cast(%(keys)s as text[]))")
_FOLLOW = Statement("""
    insert into watch (run_id, account_id, key, condition, event, opened_at)
    select %(run)s, %(account)s, key, condition, event, opened_at
    from json_to_recordset(cast(%(rows)s as json)) as waits(
        key text, condition jsonb, event text, opened_at timestamptz)
    on conflict (run_id, key) do update set condition = excluded.condition, event = excluded.event,
        opened_at = excluded.opened_at, since = null, due_at = null, suspended_at = null, met_at = null
""")


def close(conn: sa.Connection, run_id: int) -> None:
    """Watch nothing any more for this run."""
    _CLOSE.write(conn, {"run": run_id})


_CLOSE = Statement("delete from watch where run_id = %(run)s")


def already_met(conn: sa.Connection, run_id: int, keys: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Which of these are met by what is known already; asked again, the answer stands.

    To be asked after the transaction that began to watch: what the sweep learns from then on, it tells by itself.
    """
    if not keys:
        return ()
    _hold(conn, [run_id])
    rows = _MINE.read(conn, {"run": run_id, "keys": list(keys)})
    unmet = [row for row in rows if row.met_at is None]
    if not unmet:
        return tuple(row.key for row in rows)
    sight = Sight(conn, load_workspace(conn), now)
    met = [row.id for row in unmet if row.event is not None and _came_already(conn, sight, row)]
    conditions = [row for row in unmet if row.event is None and row.condition is not None]
    if conditions:
        truths = sight.truths(conditions[0].account_id, [Condition.model_validate(row.condition) for row in conditions])
        met += [row.id for row, truth in zip(conditions, truths, strict=True) if truth]
    if met:
        _ARE_MET.write(conn, {"watches": met, "now": now})
    return tuple(row.key for row in rows if row.met_at is not None or row.id in met)


def evaluate(conn: sa.Connection, sight: Sight, now: datetime, *, with_events: bool = True) -> int:
    """Look at the watches of the accounts that are looked at, and tell runs what they wait for; how many were told.

    `with_events`: whether any event was taken.
    """
    changes = _looked(conn, sight, now)
    changes += _events(conn, sight, now) if with_events else []
    changes += _aged(conn, now)
    if not changes:
        return 0
    still_open = _hold(conn, sorted({row.run_id for row, _ in changes}))
    changes = [(row, memory) for row, memory in changes if row.run_id in still_open]
    _remember(conn, changes, now)
    met = [row for row, memory in changes if memory.tripped]
    # Goals before exits before awaited things: the first end that a run hears is the one that counts.
    met.sort(key=lambda row: (row.run_id, _rank(row.key), row.id))
    return tell_all(conn, [_telling(row) for row in met], now)


def _rank(key: str) -> int:
    return 0 if key == GOAL else 1 if key.startswith(EXIT) else 2


def _telling(row: Row) -> Telling:
    if row.key == GOAL:
        return Telling(run_id=row.run_id, kind="end", of="goal", values={"reason": "goal reached"})
    if row.key == AGE:
        return Telling(run_id=row.run_id, kind="end", of="stop", values={"reason": row.reason})
    if row.key.startswith(EXIT):
        return Telling(run_id=row.run_id, kind="end", of="exit", values={"reason": row.reason})
    return Telling(run_id=row.run_id, kind="met", of=row.key, values={"event": row.event} if row.event else {})


# --- rows ------------------------------------------------------------------------------------------------------------


def _asked_by(plan: Plan, at: datetime) -> list[dict[str, Any]]:
    """What each run of a plan watches from its start at this instant."""
    own = [(GOAL, plan.goal.when, plan.goal.dwell, "goal reached")] if plan.goal else []
    exits = [(f"{EXIT}{i}", exit_.when, None, exit_.reason) for i, exit_ in enumerate(plan.exits)]
    # A day more or less of the account's zone does not matter at such an age.
    oldest = add(at, parse_duration(plan.max_age), Place())
    rows = [
        {"key": key, "condition": when.model_dump(mode="json"), "dwell": dwell, "reason": reason}
        for key, when, dwell, reason in [*own, *exits]
    ]
    return [*rows, {"key": AGE, "reason": f"older than {plan.max_age}", "due_at": oldest.isoformat()}]


_OPEN = Statement("""
    insert into watch (run_id, key, account_id, condition, dwell, reason, due_at, opened_at)
    select run_id, key, account_id, condition, dwell, reason, due_at, %(at)s
    from unnest(cast(%(runs)s as bigint[]), cast(%(accounts)s as bigint[]), cast(%(plans)s as text[])) as begun(
        run_id, account_id, plan)
    join json_to_recordset(cast(%(watched)s as json)) as watched(
        plan text, place int, key text, condition jsonb, dwell text, reason text, due_at timestamptz) using (plan)
    order by run_id, place
""")


_OWN = Statement("""
    select key, condition, event, opened_at from watch
    where run_id = %(run)s and key <> 'goal' and not starts_with(key, 'exit/')
""")
"""The watches of a run's steps: neither its goal nor its exits."""


_MINE = Statement(f"""
    select {", ".join(watch.columns.keys())} from watch
    where run_id = %(run)s and key = any(cast(%(keys)s as text[])) order by id
""")  # noqa: S608 - joined from constants
_ARE_MET = Statement("update watch set met_at = %(now)s where id = any(cast(%(watches)s as bigint[]))")
_AWAITED = Statement("""
    select distinct watch.event, watch.condition
    from watch join event on event.account_id = watch.account_id and event.type = watch.event
    join work_event on work_event.event_id = event.id
    where watch.met_at is null order by watch.event, watch.condition
""")


def _aged(conn: sa.Connection, now: datetime) -> list[tuple[Row, Memory]]:
    """The runs that have grown too old."""

    def make() -> sa.Select[Any]:
        due_by = Given("now", sa.DateTime(timezone=True))
        return sa.select(watch).where(watch.c.key == _TEXT_OF_AGE, watch.c.due_at <= due_by, watch.c.met_at.is_(None))

    return [(row, TRIPPED) for row in kept(("aged",), make).read(conn, {"now": now})]


_TEXT_OF_AGE: sa.ColumnClause[str] = sa.literal_column(f"'{AGE}'")


def _same(one: Waiting, row: Row) -> bool:
    condition = dict(one.condition) if one.condition is not None else None
    return (condition, one.event) == (row.condition, row.event) and one.since in (None, row.opened_at)


def _hold(conn: sa.Connection, run_ids: Sequence[int]) -> Mapping[int, bool]:
    """Lock the rows of those runs that are open, in order."""
    return dict.fromkeys(_HOLD.read_column(conn, {"runs": list(run_ids)}), True)


_HOLD = Statement("""
    select id from run where id = any(cast(%(runs)s as bigint[])) and state = 'open' order by id for no key update
""")


# --- looking ---------------------------------------------------------------------------------------------------------


def _looked(conn: sa.Connection, sight: Sight, now: datetime) -> list[tuple[Row, Memory]]:
    """The watches of conditions whose state changes: one pass over all, each row asked what it watches."""
    asked = {row.means: row.id for row in sight.read("means", _meanings)}
    if not asked:
        return []
    conditions = _conditions(conn, sight.view, asked)
    rows = sight.read(("watches", *conditions), lambda view: _watched(view, conditions))
    looked = [(row, _advance(sight, row, now)) for row in rows]
    return [(row, memory) for row, memory in looked if memory != _memory(row)]


def _conditions(conn: sa.Connection, view: View, asked: Mapping[str, int]) -> Mapping[str, Condition]:
    """What these mean, each with a watch that says it; also what earlier sweeps asked, so that one statement serves
    them all."""
    known = _asked.get(view, dict)
    if unknown := asked.keys() - known.keys():
        if len(known) + len(unknown) > _MOST_ASKED:
            known.clear()
            unknown = set(asked)
        some = sa.select(watch.c.means, watch.c.condition).where(watch.c.id.in_([asked[one] for one in unknown]))
        known |= {row.means: Condition.model_validate(row.condition) for row in conn.execute(some)}
    return dict(sorted(known.items()))


_asked: Kept[dict[str, Condition]] = Kept(64)
_MOST_ASKED = 256


def _asks(view: View) -> tuple[sa.FromClause, sa.ColumnElement[bool]]:
    """The watches of conditions that are still to be met, for the accounts that are looked at."""
    rows = view.source.join(watch, watch.c.account_id == view.account_id)
    return rows, sa.and_(view.looks_at, watch.c.met_at.is_(None), watch.c.event.is_(None), watch.c.means.is_not(None))


def _meanings(view: View) -> sa.Select[Any]:
    """What is asked, each with one of those who ask."""
    rows, asks = _asks(view)
    return (
        sa.select(watch.c.means, sa.func.min(watch.c.id).label("id"))
        .select_from(rows)
        .where(asks)
        .group_by(watch.c.means)
    )


def _watched(view: View, conditions: Mapping[str, Condition]) -> sa.Select[Any]:
    """The rows whose condition is true, or was at the last look and dwells."""
    rows, asks = _asks(view)
    cases = {means: view.truth(condition) for means, condition in conditions.items()}
    truth = sa.case(cases, value=watch.c.means)
    # Fenced, so that no condition is worked out twice.
    looked = (
        sa.select(*_READ, truth.label("truth"), view.zone.label("zone"), view.country.label("country"))
        .select_from(rows)
        .where(asks)
        .offset(0)
        .subquery("looked")
    )
    return sa.select(looked).where(looked.c.truth.is_(True) | looked.c.since.is_not(None)).order_by(looked.c.id)


_READ = tuple(
    watch.c[name] for name in ("id", "run_id", "key", "event", "reason", "dwell", "since", "due_at", "suspended_at")
)


def _advance(sight: Sight, row: Row, now: datetime) -> Memory:
    due = add(now, parse_duration(row.dwell), sight.place(row.zone, row.country)) if row.dwell else None
    return advance(_memory(row), trips=row.truth, rearms=None, now=now, due=due)[0]


def _memory(row: Row) -> Memory:
    if row.since is None:
        return ARMED
    return Memory(seen=True, holding=True, since=row.since, due_at=row.due_at, suspended_at=row.suspended_at)


_MET = Memory(seen=True, tripped=True)


def _events(conn: sa.Connection, sight: Sight, now: datetime) -> list[tuple[Row, Memory]]:
    """The watches whose event is among those the sweep has taken."""
    awaited = _AWAITED.read(conn, {})
    found: list[Row] = []
    for one in awaited:
        rows = Rows(f"event.{one.event}", watch.c.account_id, sa.literal(now))
        asks = watch.c.condition.is_(None) if one.condition is None else watch.c.condition == _typed(one.condition)
        taken = sa.exists().where(work_event.c.event_id == rows.table.c.id)
        came = _has_come(sight, rows, one.condition, taken)
        which = (watch.c.met_at.is_(None), watch.c.event == one.event, asks, came)
        found += conn.execute(sa.select(watch).where(*which).order_by(watch.c.id)).all()
    return [(row, _MET) for row in found]


def _came_already(conn: sa.Connection, sight: Sight, row: Row) -> bool:
    rows = Rows(f"event.{row.event}", watch.c.account_id, sa.literal(sight.now))
    came = _has_come(sight, rows, row.condition)
    return conn.execute(sa.select(watch.c.id).where(watch.c.id == row.id, came)).first() is not None


def _has_come(
    sight: Sight, rows: Rows, condition: dict[str, Any] | None, *which: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """Whether among these rows an event has come since a watch was opened, of which its condition is true."""
    if condition is None:
        return sa.exists().select_from(rows.table).where(rows.where, rows.moment >= watch.c.opened_at, *which)
    account = rows.table.join(sight.source, sight.account_id == rows.table.c.account_id)
    true = sight.truth(Condition.model_validate(condition), rows)
    return sa.exists().select_from(account).where(rows.where, rows.moment >= watch.c.opened_at, true, *which)


def _typed(condition: dict[str, Any]) -> sa.ColumnElement[Any]:
    return sa.cast(condition, watch.c.condition.type)


def _remember(conn: sa.Connection, changes: Sequence[tuple[Row, Memory]], now: datetime) -> None:
    for tripped, group in groupby(sorted(changes, key=lambda one: one[1].tripped), lambda one: one[1].tripped):
        ids_and_memories = [(row.id, memory) for row, memory in group]
        if tripped:
            _ARE_MET.write(conn, {"watches": [id_ for id_, _ in ids_and_memories], "now": now})
        else:
            conn.execute(
                sa.update(watch)
                .where(watch.c.id == sa.bindparam("watch"))
                .values(since=sa.bindparam("s"), due_at=sa.bindparam("d"), suspended_at=sa.bindparam("u")),
                [
                    {"watch": id_, "s": memory.since, "d": memory.due_at, "u": memory.suspended_at}
                    for id_, memory in ids_and_memories
                ],
            )
