"""How a run comes to be: its row, its watches and its start in the outbox, in one go; and starts by hand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.plan import Compiled
from store.postgres.statements import Statement
from store.running import watches

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
    rows = [_row(one, place) for place, one in enumerate(startings)]
    given = {"rows": json.dumps(rows, ensure_ascii=False), "at": at, "longest": MAX_WORKFLOW_ID}
    begun = {row.place: row.id for row in _BEGIN.read(conn, given)}
    if begun:
        started = [(run_id, startings[place]) for place, run_id in begun.items()]
        watches.open_for_runs(conn, [(run_id, one.account_id, one.compiled.plan) for run_id, one in started], at)
    return begun


def _row(one: Starting, place: int) -> dict[str, object]:
    compiled = one.compiled
    return {
        "place": place,
        "playbook": compiled.playbook,
        "version": one.version,
        "plan_hash": compiled.plan.hash,
        "account_id": one.account_id,
        "account_key": one.account_key,
        "entry_key": one.entry_key,
        "exclusive": compiled.entry.exclusive,
        "priority": compiled.priority,
    }


_BEGIN = Statement("""
    with starting as materialized (
        select nextval(pg_get_serial_sequence('run', 'id')) as id, asked.* from (
            select * from json_to_recordset(cast(%(rows)s as json)) as one(
                place int, playbook text, version int, plan_hash text, account_id bigint, account_key text,
                entry_key text, exclusive text, priority int)
            order by place
        ) as asked
    ), made as (
        insert into run (id, playbook, version, plan_hash, account_id, entry_key, exclusive, priority, workflow_id,
            started_at, outbox_n)
        select id, playbook, version, plan_hash, account_id, entry_key, exclusive, priority,
            case when octet_length(playbook || '/' || account_key || '/' || id) <= %(longest)s then
                playbook || '/' || account_key || '/' || id
            else
                playbook || '/' || left(encode(sha256(convert_to(account_key, 'UTF8')), 'hex'), 16) || '/' || id
            end, %(at)s, 1
        from starting order by id
        on conflict do nothing returning id, playbook
    ), sent as (
        insert into outbox (run_id, n, kind, lane, created_at)
        select id, 1, 'start', 'start ' || playbook, %(at)s from made order by id
    ), rung as materialized (
        select pg_notify('tenure_outbox', '') from made limit 1
    )
    select place, made.id from made join starting using (id) left join rung on true order by id
""")
"""The workflow's id is playbook/account/run; an account's key that would make it too long is replaced by its hash. The
first statement of a start is all of it but what it watches."""
