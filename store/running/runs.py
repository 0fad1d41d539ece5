"""What the store keeps of a run under way: where it rests, what it noted, how it ended. It knows no workflow.

Lock order, here and in everything that touches a run: the run's row first, then its account, watches, tasks and mails.
An act takes it when it writes its lines, at its end, unless it has to hold one of those before; the sweep's lock and
those of addresses go before it.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.turns.paths import ROUND, WAIT
from engine.turns.runtime import Entry, Standing, Waiting
from store import clock, errands, mails
from store.current.sight import PLACE, Sight
from store.current.touched import Touched
from store.deployed import load_compiled, load_workspace
from store.postgres.notices import RESTS
from store.postgres.statements import Row, Statement
from store.running import outbox, watches
from store.running.cutting import cut_losers
from store.schema import trace
from store.telling import Telling, tell, tell_all

__all__ = ["Outcome", "Telling", "end", "hold", "note", "note_and_stand", "read", "rest", "tell", "tell_all"]

Outcome = Literal["goal", "exit", "stop", "end", "failed"]
_TELLS_DRIVER = f"""
    (select cast(pg_notify('{RESTS}', cast(run.id as text)) as text) from clock where instant is not null)
"""  # noqa: S608 - joined from constants
"""Whoever drives a virtual clock waits for every rest; under the real clock nobody does, and nothing is told."""


def rest(
    conn: sa.Connection,
    run_id: int,
    *,
    heard: int,
    due_at: datetime | None,
    standing: Sequence[Standing] = (),
    stuck: bool = False,
    entries: Sequence[Entry] = (),
    waiting: Sequence[Waiting] = (),
    position: Mapping[str, Any] | None = None,
    missed: bool = False,
    asked_at: datetime | None = None,
) -> tuple[str, ...] | None:
    """Write where a run rests and watch what it waits for. Commit, then ask `watches.already_met` for these keys.

    Gives the keys of the watches that are new. Written twice, nothing changes. None when it is not for the caller to
    say any more: the run has ended, or rests elsewhere by a later word (`asked_at`: its worker was thought dead).
    """
    found = _lock(conn, run_id)
    if entries:
        note(conn, run_id, entries)
    if found is None:
        return None
    if asked_at and found.asked_at and asked_at < found.asked_at:
        return None
    if missed or heard < found.heard:
        # Temporal has lost what it was told since.
        outbox.tell_again(conn, run_id, heard)
    values = {
        "run": run_id,
        "heard": heard,
        "asked_at": asked_at,
        "due_at": due_at,
        "at_step": json.dumps([_stand(one, waiting) for one in standing], ensure_ascii=False),
        # With something to watch, `settled` has the last word: it may be there already.
        "standing": "going" if waiting else "stuck" if stuck else "resting",
        "position": None if position is None else json.dumps(dict(position), ensure_ascii=False, allow_nan=False),
    }
    (_RESTS_UNLESS_MET if waiting else _RESTS).write(conn, values)
    return watches.follow(conn, run_id, found.account_id, waiting, clock.now(conn))


def settled(conn: sa.Connection, run_id: int, *, stuck: bool, asked_at: datetime | None = None) -> None:
    """Nothing that the run waits for is there already: it rests indeed. Of a rest that another has followed meanwhile
    that is not for the caller to say: `asked_at` as in `rest`."""
    _SETTLED.write(conn, {"run": run_id, "standing": "stuck" if stuck else "resting", "asked_at": asked_at})


def wake_due(conn: sa.Connection, now: datetime) -> int:
    """Under a virtual clock: tell the runs whose moment has come; how many."""
    return tell(conn, _DUE.read_column(conn, {"now": now}), "wake", at=now)


def hold(conn: sa.Connection, run_id: int) -> None:
    """Nobody else touches the run until the caller commits."""
    _LOCK.read(conn, {"run": run_id})


def note(conn: sa.Connection, run_id: int, entries: Sequence[Entry]) -> bool:
    """Write trace lines; whether the run is open still, which it then stays until the caller commits.

    Written twice, nothing changes: a line that is there stays as it is. Where Temporal was set back, a run may walk
    another way than before: then its lines follow those of the first walk, and the end closes the trace all the same.
    """
    return _note(conn, run_id, entries, _NOTE, {})


def note_and_stand(
    conn: sa.Connection, run_id: int, entries: Sequence[Entry], standing: Standing, asked_at: datetime | None
) -> bool:
    """The same, and where the run rests when it waits for nothing but what an act has begun; by one statement.

    The position stays as it was: a run that goes on from there asks for the act again, and the ledger answers.
    """
    at_step = json.dumps([_stand(standing)], ensure_ascii=False)
    return _note(conn, run_id, entries, _NOTE_AND_STAND, {"asked_at": asked_at, "at_step": at_step})


def _note(
    conn: sa.Connection, run_id: int, entries: Sequence[Entry], statement: Statement, more: Mapping[str, object]
) -> bool:
    rows = [
        {"run_id": run_id, "seq": one.seq, "at": one.at, "path": one.path, "what": one.what, "detail": dict(one.detail)}
        for one in entries
    ]
    lines = json.dumps(rows, ensure_ascii=False, allow_nan=False, default=datetime.isoformat)
    [found] = statement.read(conn, {"run": run_id, "lines": lines, **more})
    news = rows if len(found.written) == len(rows) else _append(conn, run_id, rows, found.written)
    cut_losers(conn, run_id, news)
    if not found.is_open and any(row["what"] != "end" for row in news):
        _put_end_last(conn, run_id)
    return bool(found.is_open)


def _append(
    conn: sa.Connection, run_id: int, rows: Sequence[dict[str, Any]], written: Sequence[int]
) -> list[dict[str, Any]]:
    """Lines some of whose numbers are taken: repeats, or else of another walk, which are written; those. As `written`
    were those whose numbers were free: they stand behind the others of their walk, in its order."""
    conn.execute(sa.delete(trace).where(trace.c.run_id == run_id, trace.c.seq.in_(written)))
    there = [line._asdict() for line in conn.execute(sa.select(trace).where(trace.c.run_id == run_id))]
    known = {identity for line in there for identity in _identities(line)}
    taken = {line["seq"] for line in there}
    others = [row for row in rows if known.isdisjoint(_identities(row))]
    for row in others:
        # Not behind all others: an act beside this one may have come first, and left room for what is a repeat here.
        number = next(n for n in itertools.count(row["seq"]) if n not in taken)
        taken.add(number)
        conn.execute(sa.insert(trace).values(row | {"seq": number}))
    return others


def _identities(line: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """By which of two lines is known that they say the same."""
    path, what = line["path"], line["what"]
    yield path, what, line["at"]
    yield path, what, line["seq"]
    if ROUND not in path:
        # Of steps side by side, another walk may number the lines in another way, and later; but it says them once.
        yield path, what, json.dumps(line["detail"], sort_keys=True, default=datetime.isoformat)


def end(
    conn: sa.Connection,
    run_id: int,
    *,
    outcome: Outcome,
    reason: str,
    at: datetime,
    withdraw: bool = True,
) -> bool:
    """The run is over: nothing is watched, no unsent mail leaves, open tasks are taken back unless told otherwise.

    The first end stands; False for a further one. The account is looked at again, as a crossing may wait for this.
    """
    ended = _ENDS.read_one(conn, {"run": run_id, "at": at, "outcome": outcome, "reason": reason})
    if ended is None:
        return False
    watches.close(conn, run_id)
    if withdraw:
        _WITHDRAW.write(conn, {"run": run_id, "at": at})
    mails.skip_unsent(conn, run_id, at)
    errands.skip_unsent(conn, run_id, at)
    _LOOK_AGAIN.read(conn, {"account": ended.account_id, "touched": int(Touched.NOTHING)})
    return True


def read(conn: sa.Connection, run_id: int, fields: Sequence[str]) -> Mapping[str, Any]:
    """Values of the run's account as the last sweep left them, as JSON; a name that is not known is left out.

    `place` gives the account's zone and calendar, `highest(health.score, 14 days)` the extreme in force,
    `count(event.login, 14 days)` an aggregate that the run's plan has.
    """
    row = _WALKS.read_one(conn, {"run": run_id})
    if row is None:
        raise LookupError(f"there is no run {run_id}")
    account_id = row.account_id
    sight = Sight(conn, load_workspace(conn), clock.now(conn))
    values = dict(sight.values([account_id], fields).get(account_id, {}))
    if rest := {name for name in fields if "(" in name and name not in values}:
        plan = load_compiled(conn, row.playbook, row.version).plan
        values |= sight.aggregates(account_id, [node for node in plan.aggregates() if node.text in rest])
    return values | {PLACE: sight.place_of(account_id).model_dump(mode="json")} if PLACE in fields else values


def _put_end_last(conn: sa.Connection, run_id: int) -> None:
    """The end closes the trace, also where a worker died with it written, and the walk after that one hears more before
    it comes there. Nothing is done where no line tells of an end."""
    end_at, *later = _FROM_END.read_column(conn, {"run": run_id}) or [0]
    if later:
        # One by one, as no two lines may have one number at any moment.
        moves = [(end_at, 0), *((n, n - 1) for n in later), (0, later[-1])]
        for old, new in moves:
            _RENUMBER.write(conn, {"run": run_id, "old": old, "new": new})


def _lock(conn: sa.Connection, run_id: int) -> Row | None:
    """The row of an open run, which is now ours; None for an ended one."""
    row = _LOCK.read_one(conn, {"run": run_id})
    if row is None:
        raise LookupError(f"there is no run {run_id}")
    return row if row.state == "open" else None


def _stand(one: Standing, waiting: Sequence[Waiting] = ()) -> dict[str, Any]:
    told = {
        "path": one.path,
        "step": one.step,
        "says": one.says,
        "until": one.until.isoformat() if one.until else None,
    }
    # What a watch may end sooner, a date or an event, lasts so long at most.
    watched = any(one.path == f"{wait.key.partition('#')[0]}{WAIT}" for wait in waiting)
    return told | {"at_most": True} if watched else told


_DUE = Statement("select id from run where state = 'open' and due_at <= %(now)s order by id")
_LOCK = Statement("select account_id, state, heard, asked_at from run where id = %(run)s for no key update")
_RESTS_UNLESS_MET = Statement("""
    update run set heard = %(heard)s, asked_at = %(asked_at)s, due_at = %(due_at)s, standing = %(standing)s,
        at_step = cast(%(at_step)s as jsonb), position = coalesce(cast(%(position)s as jsonb), position)
    where id = %(run)s
""")
_RESTS = Statement(f"{_RESTS_UNLESS_MET.text} returning {_TELLS_DRIVER}")
_SETTLED = Statement(f"""
    update run set standing = %(standing)s
    where id = %(run)s and state = 'open'
        and coalesce(asked_at <= cast(%(asked_at)s as timestamptz), true)
    returning {_TELLS_DRIVER}
""")  # noqa: S608 - joined from constants
# No line is written before the run is ours: another walk of it, whose worker was thought dead, may be ending it now.
_NOTED = """
    locked as (
        select id, state from run where id = %(run)s for no key update
    ), noted as (
        insert into trace (run_id, seq, at, path, what, detail)
        select run_id, seq, at, path, what, detail
        from locked join json_to_recordset(cast(%(lines)s as json)) as line(
            run_id bigint, seq int, at timestamptz, path text, what text, detail jsonb) on line.run_id = locked.id
        on conflict do nothing returning seq
    )
"""
_NOTE_ANSWERS = "select state = 'open' as is_open, array(select seq from noted) as written from locked"
_NOTE = Statement(f"with {_NOTED} {_NOTE_ANSWERS}")
_NOTE_AND_STAND = Statement(f"""
    with {_NOTED}, stands as (
        update run set asked_at = %(asked_at)s, due_at = null, standing = 'resting',
            at_step = cast(%(at_step)s as jsonb)
        from locked
        where run.id = locked.id and locked.state = 'open' and (asked_at is null or asked_at <= %(asked_at)s)
    )
    {_NOTE_ANSWERS}
""")  # noqa: S608 - joined from constants
_FROM_END = Statement("""
    select seq from trace
    where run_id = %(run)s and seq >= (select max(seq) from trace where run_id = %(run)s and what = 'end') order by seq
""")
_RENUMBER = Statement("update trace set seq = %(new)s where run_id = %(run)s and seq = %(old)s")
_WALKS = Statement("select account_id, playbook, version from run where id = %(run)s")
_ENDS = Statement(f"""
    update run set state = 'ended', ended_at = %(at)s, outcome = %(outcome)s, reason = %(reason)s,
        at_step = '[]'::jsonb, due_at = null
    where id = %(run)s and state = 'open' returning account_id, {_TELLS_DRIVER}
""")  # noqa: S608 - joined from constants
_WITHDRAW = Statement("""
    update task set state = 'withdrawn', outcome = 'withdrawn', settled_at = %(at)s
    where run_id = %(run)s and state = 'open'
""")
_LOOK_AGAIN = Statement("""
    with looked as (insert into change (account_id, touched) values (%(account)s, %(touched)s))
    select cast(pg_notify('tenure_facts', '') as text)
""")
