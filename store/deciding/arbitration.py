"""Brings crossings before the rules of entry, set by set, and carries the rulings out; the rules are engine/entry's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.entry import Claim, OpenRun, Outlook, Ruling, entry_key, is_held_out, judge, same_term
from engine.plan import Compiled
from store.current.columns import NOW
from store.current.in_work import is_in_work
from store.current.sight import Sight, View
from store.deciding import breaker, entry_rate
from store.deployed import Deployed
from store.postgres.statements import Given, Row, Statement, kept
from store.running.starting import Starting, start_all
from store.schema import account, crossing, run
from store.telling import Telling, tell_all

_ROUNDS = 3
"""How often starts that lost a race against another road in are judged again; each time somebody else has got on."""


@dataclass(frozen=True, kw_only=True)
class Ruled:
    """A crossing and what became of it."""

    crossing_id: int
    playbook: str
    account_id: int
    account_key: str
    reasons: tuple[Mapping[str, Any], ...]
    ruling: Ruling
    run_id: int | None = None
    was_held: bool = False
    """Ruled on before."""


def rule(
    conn: sa.Connection,
    sight: Sight,
    playbooks: Sequence[Deployed],
    now: datetime,
    *,
    crossing_id: int | None = None,
    trying: bool = False,
) -> list[Ruled]:
    """Judge the crossings that are proposed, of accounts that are looked at, or held until now; or this one alone.
    Start the runs that may start, and write what was ruled. `trying`: only judge, and give no number to anything."""
    by_name = {one.playbook: one for one in playbooks}
    pending = _pending(conn, now, crossing_id, everyone=sight.everyone)
    if not pending:
        return []
    pending.sort(key=lambda row: (-by_name[row.playbook].compiled.priority, row.at, row.id))
    if trying:
        would = _admit(conn, sight, by_name, pending, now, trying=True)
        return [_ruled(row, would[row.id], None)[1] for row in pending]
    ruled: list[tuple[Row, Ruled]] = []
    for _ in range(_ROUNDS):
        rulings = _admit(conn, sight, by_name, pending, now)
        begun = _start(conn, by_name, pending, rulings, now)
        lost = [row for row in pending if rulings[row.id].state == "started" and row.id not in begun]
        ruled += [_ruled(row, rulings[row.id], begun.get(row.id)) for row in pending if row not in lost]
        pending = lost
        if not pending:
            break
    crowded = Ruling(state="held", why="another start was under way", retry_at=now)
    ruled += [_ruled(row, crowded, None) for row in pending]
    _write(conn, ruled, now)
    return [one for _, one in ruled]


def _admit(
    conn: sa.Connection,
    sight: Sight,
    by_name: Mapping[str, Deployed],
    pending: Sequence[Row],
    now: datetime,
    *,
    trying: bool = False,
) -> dict[int, Ruling]:
    """Rulings after the breaker and the rates of entry; whoever is held back there stands in nobody's way."""
    held: dict[int, Ruling] = {}
    standing = _standing(conn, sight, by_name, pending)
    while True:
        asking = [row for row in pending if row.id not in held]
        rulings = _judge(standing, by_name, asking, now)
        more = breaker.hold_back(conn, sight, asking, rulings, trying=trying)
        more = more or entry_rate.hold_back(conn, by_name, asking, rulings, now)
        if not more:
            return rulings | held
        held |= more


# --- looking ---------------------------------------------------------------------------------------------------------


def _pending(conn: sa.Connection, now: datetime, crossing_id: int | None, *, everyone: bool) -> list[Row]:
    of = crossing.c

    def make() -> sa.Select[Any]:
        proposed: sa.ColumnClause[str] = sa.literal_column("'proposed'")
        held: sa.ColumnClause[str] = sa.literal_column("'held'")
        query = sa.select(crossing, account.c.key.label("account_key")).join(account, account.c.id == of.account_id)
        if crossing_id is not None:
            which: sa.ColumnElement[bool] = of.id == Given("crossing", sa.BigInteger)
        elif everyone:
            which = sa.true()
        else:
            which = sa.or_(of.state == proposed, is_in_work(of.account_id), of.retry_at <= NOW)
        return query.where(of.state.in_((proposed, held)), which)

    asked = kept(("pending", crossing_id is not None, everyone), make)
    return asked.read(conn, {"now": now, "crossing": crossing_id})


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """How things stand with the accounts of crossings, before any of them is ruled on."""

    outlooks: Mapping[str, Mapping[int, Outlook]]
    """By playbook and account."""
    open_runs: Mapping[int, Sequence[OpenRun]]
    last_ends: Mapping[tuple[int, str], datetime]


def _standing(conn: sa.Connection, sight: Sight, by_name: Mapping[str, Deployed], pending: Sequence[Row]) -> _Standing:
    accounts = sorted({row.account_id for row in pending})
    return _Standing(
        outlooks={
            name: outlooks_of(sight, by_name[name], [row.account_id for row in pending if row.playbook == name])
            for name in sorted({row.playbook for row in pending})
        },
        open_runs=_open_runs(conn, accounts),
        last_ends=_last_ends(conn, accounts),
    )


def _judge(
    standing: _Standing, by_name: Mapping[str, Deployed], pending: Sequence[Row], now: datetime
) -> dict[int, Ruling]:
    """In the order given; a run that starts by one ruling stands in the way of the next."""
    open_runs = {account_id: list(mine) for account_id, mine in standing.open_runs.items()}
    rulings = {}
    for row in pending:
        compiled = by_name[row.playbook].compiled
        own = open_runs.setdefault(row.account_id, [])
        ruling = rulings[row.id] = judge(
            compiled,
            by_name[row.playbook].state,
            Claim(
                triggers=tuple(dict.fromkeys(reason["trigger"] for reason in row.reasons)),
                held=row.state == "held",
                replaces=row.replaces,
            ),
            replace(standing.outlooks[row.playbook][row.account_id], held_out=_is_held_out(compiled, row.account_key)),
            own,
            standing.last_ends.get((row.account_id, row.playbook)),
            now=now,
        )
        if ruling.state == "started":
            own.append(
                OpenRun(
                    id=None,
                    playbook=row.playbook,
                    entry_key=ruling.entry_key or "",
                    exclusive=compiled.entry.exclusive,
                    priority=compiled.priority,
                )
            )
    return rulings


def _is_held_out(compiled: Compiled, account_key: str) -> bool:
    return is_held_out(compiled.playbook, account_key, compiled.entry.holdout)


def outlooks_of(sight: Sight, deployed: Deployed, accounts: Sequence[int]) -> Mapping[int, Outlook]:
    """What a playbook's conditions say of these accounts now."""
    compiled = deployed.compiled
    edges = [one for one in compiled.triggers if one.kind == "edge"]
    others = tuple(one.id for one in compiled.triggers if one.kind != "edge")
    plan = compiled.plan
    key = ("outlooks", compiled.hash)
    rows = sight.read_mappings(key, lambda view: _outlooks(view, compiled), accounts=list(accounts))
    seen = {
        row["account"]: Outlook(
            place=sight.place(row["zone"], row["country"]),
            audience=row["audience"],
            goal=row["goal"],
            exits=tuple(row[f"exit_{i}"] for i in range(len(plan.exits))),
            trips={edge.id: row[f"trips_{i}"] for i, edge in enumerate(edges)},
            rearms={edge.id: row[f"rearms_{i}"] for i, edge in enumerate(edges)},
            others=others,
            key=row["key"],
        )
        for row in rows
    }
    # An account that no sweep has seen yet: all is unknown.
    blank = Outlook(
        place=sight.place(None, None),
        audience=None,
        exits=(None,) * len(plan.exits),
        trips={edge.id: None for edge in edges},
        rearms={edge.id: None for edge in edges},
        others=others,
    )
    return {id_: seen.get(id_, blank) for id_ in accounts}


def _outlooks(view: View, compiled: Compiled) -> sa.Select[Any]:
    entry, plan, unknown = compiled.entry, compiled.plan, sa.null()
    edges = [one for one in compiled.triggers if one.kind == "edge"]
    columns = [
        view.account_id.label("account"),
        view.zone.label("zone"),
        view.country.label("country"),
        view.truth(compiled.audience).label("audience"),
        (view.truth(plan.goal.when) if plan.goal else unknown).label("goal"),
        (view.field(entry.key) if entry.key else unknown).label("key"),
        *(view.truth(exit_.when).label(f"exit_{i}") for i, exit_ in enumerate(plan.exits)),
        *(view.truth(edge.trips).label(f"trips_{i}") for i, edge in enumerate(edges)),
        *(view.truth(edge.rearms).label(f"rearms_{i}") for i, edge in enumerate(edges)),
    ]
    return sa.select(*columns).select_from(view.source).where(view.account_id == sa.func.any(Given("accounts", _IDS)))


def _open_runs(conn: sa.Connection, accounts: Sequence[int]) -> dict[int, list[OpenRun]]:

    def make() -> sa.Select[Any]:
        return (
            sa.select(run.c.account_id, run.c.id, run.c.playbook, run.c.entry_key, run.c.exclusive, run.c.priority)
            .where(run.c.account_id == sa.func.any(Given("accounts", _IDS)), run.c.state == "open")
            .order_by(run.c.id)
        )

    rows = kept(("open runs",), make).read(conn, {"accounts": list(accounts)})
    found: dict[int, list[OpenRun]] = {}
    for row in rows:
        found.setdefault(row.account_id, []).append(
            OpenRun(
                id=row.id,
                playbook=row.playbook,
                entry_key=row.entry_key,
                exclusive=row.exclusive,
                priority=row.priority,
            )
        )
    return found


def _last_ends(conn: sa.Connection, accounts: Sequence[int]) -> dict[tuple[int, str], datetime]:
    """Of runs, and of crossings that were held out, which stand for runs."""
    rows = kept(("last ends",), _ends).read(conn, {"accounts": list(accounts)})
    return {(row.account_id, row.playbook): row.ended_at for row in rows}


def _ends() -> sa.Select[Any]:
    ids, of = Given("accounts", _IDS), crossing.c
    ends = sa.union_all(
        sa.select(run.c.account_id, run.c.playbook, run.c.ended_at.label("at")).where(
            run.c.account_id == sa.func.any(ids), run.c.state == "ended"
        ),
        sa.select(of.account_id, of.playbook, of.decided_at.label("at")).where(
            of.account_id == sa.func.any(ids), of.state == "held_out"
        ),
    ).subquery()
    return sa.select(ends.c.account_id, ends.c.playbook, sa.func.max(ends.c.at).label("ended_at")).group_by(
        ends.c.account_id, ends.c.playbook
    )


# --- doing -----------------------------------------------------------------------------------------------------------


def _start(
    conn: sa.Connection,
    by_name: Mapping[str, Deployed],
    pending: Sequence[Row],
    rulings: Mapping[int, Ruling],
    now: datetime,
) -> dict[int, int]:
    """Run ids by crossing; one is missing where somebody else was faster."""
    chosen = [row for row in pending if rulings[row.id].state == "started"]
    startings = [
        Starting(
            compiled=by_name[row.playbook].compiled,
            version=by_name[row.playbook].version,
            account_id=row.account_id,
            account_key=row.account_key,
            entry_key=rulings[row.id].entry_key or "",
        )
        for row in chosen
    ]
    return {chosen[place].id: run_id for place, run_id in start_all(conn, startings, now).items()}


def _ruled(row: Row, ruling: Ruling, run_id: int | None) -> tuple[Row, Ruled]:
    return row, Ruled(
        crossing_id=row.id,
        playbook=row.playbook,
        account_id=row.account_id,
        account_key=row.account_key,
        reasons=tuple(row.reasons),
        ruling=ruling,
        run_id=run_id,
        was_held=row.state == "held",
    )


def _write(conn: sa.Connection, ruled: Sequence[tuple[Row, Ruled]], now: datetime) -> None:
    changed = [one for row, one in ruled if (row.state, row.why, row.retry_at) != _as_written(one.ruling)]
    # A rival is told once: as long as the crossing waits for it, its row says so already.
    ousted = [
        Telling(run_id=one.ruling.replaces, kind="end", of="stop", values={"reason": one.ruling.ends_with})
        for row, one in ruled
        if one.ruling.replaces is not None and one.ruling.replaces != row.replaces
    ]
    tell_all(conn, ousted, now)
    if not changed:
        return
    rows = [
        {
            "id": one.crossing_id,
            "state": one.ruling.state,
            "why": one.ruling.why,
            "entry_key": one.ruling.entry_key,
            "run_id": one.run_id,
            "retry_at": one.ruling.retry_at.isoformat() if one.ruling.retry_at else None,
            "replaces": one.ruling.replaces,
        }
        for one in changed
    ]
    _RULED.write(conn, {"rows": json.dumps(rows, ensure_ascii=False), "now": now})


def _as_written(ruling: Ruling) -> tuple[str, str | None, datetime | None]:
    return ruling.state, ruling.why, ruling.retry_at


_IDS = sa.ARRAY(sa.BigInteger)
_RULED = Statement("""
    update crossing set state = ruled.state, why = ruled.why, entry_key = ruled.entry_key, run_id = ruled.run_id,
        retry_at = ruled.retry_at, replaces = coalesce(ruled.replaces, crossing.replaces), decided_at = %(now)s
    from json_to_recordset(cast(%(rows)s as json)) as ruled(
        id bigint, state text, why text, entry_key text, run_id bigint, retry_at timestamptz, replaces bigint)
    where crossing.id = ruled.id
""")


# --- moving dates ----------------------------------------------------------------------------------------------------


def rekey(conn: sa.Connection, sight: Sight, playbooks: Sequence[Deployed]) -> int:
    """Open runs of accounts in work whose key date moved within the term go on under the new date."""
    return sum(_rekey(conn, sight, one) for one in playbooks if one.compiled.entry.key)


def _rekey(conn: sa.Connection, sight: Sight, deployed: Deployed) -> int:
    entry = deployed.compiled.entry
    assert entry.key is not None
    field = entry.key
    rows = sight.read(("keys", field), lambda view: _keys(view, field), playbook=deployed.playbook)
    taken = {(row.account_id, row.entry_key) for row in rows}
    moved = 0
    for row in rows:
        key = entry_key(row.key)
        if key is None or (row.account_id, key) in taken or not same_term(row.entry_key, key, entry.term):
            continue
        # Somebody may be starting a run by hand under that very key: then this one keeps its own.
        with conn.begin_nested() as nested:
            try:
                conn.execute(sa.update(run).where(run.c.id == row.id, run.c.state == "open").values(entry_key=key))
            except sa.exc.IntegrityError:
                nested.rollback()
                continue
        taken.add((row.account_id, key))
        moved += 1
    return moved


def _keys(view: View, field: str) -> sa.Select[Any]:
    return (
        sa.select(run.c.id, run.c.account_id, run.c.entry_key, view.field(field).label("key"))
        .select_from(view.source.join(run, run.c.account_id == view.account_id))
        .where(
            view.looks_at, run.c.playbook == Given("playbook", sa.Text()), run.c.state == sa.literal_column("'open'")
        )
        .order_by(run.c.id)
    )
