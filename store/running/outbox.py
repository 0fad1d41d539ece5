"""What runs must still be told: starts and facts, in order, at least once, each run handed to one worker at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store import clock
from store.deployed import plan_json
from store.postgres.distinct_values import distinct_values
from store.postgres.statements import Row, Statement
from store.running.first_reads import Answer, first_answers
from store.schema import outbox, run


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a workflow is started with."""

    run_id: int
    playbook: str
    account_key: str
    priority: int
    at: datetime
    """The instant of the crossing: where the run's own clock begins."""
    plan: Mapping[str, Any]
    plan_hash: str
    position: Mapping[str, Any] | None
    """Where it last rested, when it is started again."""
    first: Answer | None
    """What it asks before all else, when it is new."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """All that one run has not been told, in order; the start first where it is among it."""

    run_id: int
    workflow_id: str
    playbook: str
    account_key: str
    start: Start | None
    facts: tuple[Mapping[str, Any], ...]
    """engine.turns.runtime.Fact in JSON."""
    last_n: int
    ids: tuple[int, ...]


def batches(conn: sa.Connection, limit: int = 100, *, at: datetime | None = None) -> list[Batch]:
    """Up to `limit` runs with undelivered rows, held for the caller until its transaction ends.

    `at`, of the real clock, leaves alone what a person may still take back, and what comes behind it.

    Starts and facts of each playbook are lanes of their own that share the limit: a hundred thousand starts of one hold
    up neither the facts for its runs nor other playbooks. Within a pass, playbooks of higher priority go first.
    A run's first undelivered row stands for the run: who has locked it delivers all of that run, so that no second
    worker can overtake with a later fact.
    """
    lanes = _LANES.read_column(conn, {})
    if not lanes:
        return []
    share = max(1, limit // len(lanes))
    heads = _HEADS.read_column(conn, {"lanes": lanes, "share": share, "at": at})
    if not heads:
        return []
    rows = _OF_RUNS.read(conn, {"runs": heads})
    grouped: dict[int, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.run_id, []).append(row)
    for told in grouped.values():
        del told[next((i for i, row in enumerate(told) if at and row.held_until and row.held_until > at), len(told)) :]
    # The order in which the heads were found.
    new = [row for row in rows if row.kind == "start" and row.position is None]
    answers = first_answers(conn, new) if new else {}
    return [_batch(conn, grouped[run_id], answers.get(run_id)) for run_id in heads]


def delivered(conn: sa.Connection, ids: Sequence[int], note: str | None = None) -> None:
    """These rows need no further delivery; `note` says why where they did not reach a run."""
    _DELIVERED.write(conn, {"ids": list(ids), "now": clock.now(conn), "note": note})


def again(conn: sa.Connection, run_id: int) -> None:
    """Temporal has lost an open run: start it once more, and tell what it had not yet heard when it last rested."""
    heard = conn.execute(sa.select(run.c.heard).where(run.c.id == run_id)).scalar_one()
    _undeliver(conn, outbox.c.run_id == run_id, sa.or_(outbox.c.n == 1, outbox.c.n > heard))
    conn.execute(sa.update(run).where(run.c.id == run_id).values(standing="starting"))


def tell_again(conn: sa.Connection, run_id: int, heard: int) -> None:
    """A run goes on from an earlier moment: tell it what came after that."""
    _undeliver(conn, outbox.c.run_id == run_id, outbox.c.n > max(heard, 1))


def tell_latest_again(conn: sa.Connection, span: timedelta) -> int:
    """Temporal may have lost its last moments: tell runs again what was delivered in them; how many facts.

    Also those that have ended since: in Temporal they may be open again, and end as they did.
    """
    last = conn.execute(sa.select(sa.func.max(outbox.c.delivered_at))).scalar()
    return _undeliver(conn, outbox.c.delivered_at > last - span, outbox.c.n > 1) if last else 0


def is_open(conn: sa.Connection, run_id: int) -> bool:
    """Whether the run has not ended, as far as we know."""
    return conn.execute(sa.select(run.c.state).where(run.c.id == run_id)).scalar() == "open"


def _undeliver(conn: sa.Connection, *which: sa.ColumnElement[bool]) -> int:
    values = {"delivered_at": None, "note": "delivered again"}
    told = conn.execute(sa.update(outbox).where(outbox.c.delivered_at.is_not(None), *which).values(values)).rowcount
    if told:
        conn.execute(sa.text("select pg_notify('tenure_outbox', '')"))
    return told


def _batch(conn: sa.Connection, rows: Sequence[Row], first_answer: Answer | None) -> Batch:
    first = rows[0]
    start = None
    if first.kind == "start":
        start = Start(
            run_id=first.run_id,
            playbook=first.playbook,
            account_key=first.account_key,
            priority=first.priority,
            at=first.started_at,
            plan=plan_json(conn, first.playbook, first.version, first.plan_hash),
            plan_hash=first.plan_hash,
            position=first.position,
            first=first_answer,
        )
    return Batch(
        run_id=first.run_id,
        workflow_id=first.workflow_id,
        playbook=first.playbook,
        account_key=first.account_key,
        start=start,
        facts=tuple(row.fact for row in rows if row.kind == "tell"),
        last_n=rows[-1].n,
        ids=tuple(row.id for row in rows),
    )


_UNDELIVERED = outbox.c.delivered_at.is_(None)

_LANES = Statement(distinct_values("outbox", "lane", where="delivered_at is null"))

_HEADS = Statement("""
    select head.run_id
    from unnest(cast(%(lanes)s as text[])) as open(lane)
    cross join lateral (
        select id, run_id from outbox
        where outbox.lane = open.lane and delivered_at is null
        and (held_until is null or cast(%(at)s as timestamptz) is null or held_until <= %(at)s)
        and not exists (
            select from outbox as before
            where before.run_id = outbox.run_id and before.n < outbox.n and before.delivered_at is null)
        order by id limit %(share)s
        for update skip locked
    ) as head
    join run on run.id = head.run_id
    order by run.priority desc, head.id
""")

_OF_RUNS = Statement("""
    select outbox.id, outbox.run_id, outbox.n, outbox.kind, outbox.fact, outbox.held_until, run.workflow_id,
        run.account_id, run.playbook, run.version, run.plan_hash, run.priority, run.started_at, run.position,
        account.key as account_key
    from outbox join run on run.id = outbox.run_id join account on account.id = run.account_id
    where outbox.run_id = any(%(runs)s) and outbox.delivered_at is null
    order by outbox.run_id, outbox.n
""")

_DELIVERED = Statement("""
    update outbox set delivered_at = %(now)s, note = %(note)s where id = any(%(ids)s) and delivered_at is null
""")
