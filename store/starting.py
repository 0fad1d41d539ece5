"""How a run comes to be: its row, its watches and its start in the outbox, in one go; and starts by hand."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.plan import Compiled
from store import watches

MAX_WORKFLOW_ID = 200
"""Bytes; Temporal's SQL stores index no more."""


@dataclass(frozen=True, kw_only=True)
class Starting:
    """An account that may start."""

    compiled: Compiled
    version: int
    account_id: int
    account_key: str
    entry_key: str = ""


def start_all(conn: sa.Connection, startings: Sequence[Starting], at: datetime) -> Mapping[int, int]:
    """Start runs; the ids by place in the list. One is missing where the same or its group's run is open by now.

    The unique indexes judge, so this holds on every road in, whoever else is starting at the same time.
    """
    if not startings:
        return {}
    ids = conn.execute(_NEXT_IDS, {"n": len(startings)}).scalars().all()
    places = {run_id: place for place, run_id in enumerate(ids)}
    rows = [_row(one, run_id) for one, run_id in zip(startings, ids, strict=True)]
    made = conn.execute(_BEGIN, {"rows": json.dumps(rows, ensure_ascii=False), "at": at}).scalars().all()
    begun = {places[run_id]: run_id for run_id in sorted(made)}
    if begun:
        watches.open_for_runs(conn, [(run_id, startings[place]) for place, run_id in begun.items()], at)
        conn.execute(_SEND_STARTS, {"runs": list(begun.values()), "at": at})
        conn.execute(_RING)
    return begun


def workflow_id(playbook: str, account_key: str, run_id: int) -> str:
    """playbook/account/run; an account's key that would make it too long is replaced by its hash."""
    plain = f"{playbook}/{account_key}/{run_id}"
    if len(plain.encode()) <= MAX_WORKFLOW_ID:
        return plain
    return f"{playbook}/{hashlib.sha256(account_key.encode()).hexdigest()[:16]}/{run_id}"


def _row(one: Starting, run_id: int) -> dict[str, object]:
    compiled = one.compiled
    return {
        "id": run_id,
        "playbook": compiled.playbook,
        "version": one.version,
        "plan_hash": compiled.plan.hash,
        "account_id": one.account_id,
        "entry_key": one.entry_key,
        "exclusive": compiled.entry.exclusive,
        "priority": compiled.priority,
        "workflow_id": workflow_id(compiled.playbook, one.account_key, run_id),
    }


_NEXT_IDS = sa.text("select nextval(pg_get_serial_sequence('run', 'id')) from generate_series(1, :n)")
_BEGIN = sa.text("""
    insert into run (id, playbook, version, plan_hash, account_id, entry_key, exclusive, priority, workflow_id,
        started_at, outbox_n)
    select starting.*, :at, 1 from json_to_recordset(cast(:rows as json)) as starting(
        id bigint, playbook text, version int, plan_hash text, account_id bigint, entry_key text, exclusive text,
        priority int, workflow_id text)
    order by starting.id
    on conflict do nothing returning id
""")
_SEND_STARTS = sa.text("""
    insert into outbox (run_id, n, kind, lane, created_at)
    select id, 1, 'start', 'start ' || playbook, :at from run
    where id = any(cast(:runs as bigint[])) order by array_position(cast(:runs as bigint[]), id)
""")
_RING = sa.text("select pg_notify('tenure_outbox', '')")
