"""Facts that nobody knows yet under a virtual clock: kept until their instant comes, then taken in as learned then."""

import json
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from engine.facts import IncomingFact, fact_from_json, fact_hash, fact_json
from store.intake import IntakeReport, take_in_dated
from store.postgres.statements import Statement


def stage(conn: sa.Connection, facts: Iterable[tuple[IncomingFact, datetime]]) -> tuple[bool, ...]:
    """Keep facts for the instants at which they become known; for each, whether it was not kept already."""
    rows = [
        {"n": n, "known_at": known_at.isoformat(), "fact": fact_json(fact), "hash": fact_hash(fact)}
        for n, (fact, known_at) in enumerate(facts)
    ]
    if not rows:
        return ()
    kept = set(_STAGE.read_column(conn, {"rows": json.dumps(rows, ensure_ascii=False, allow_nan=False)}))
    return tuple(row["n"] in kept for row in rows)


def arrive(conn: sa.Connection, until: datetime) -> IntakeReport:
    """Take in, in order, every fact known by `until`, each as learned at its own instant."""
    rows = _DUE.read(conn, {"until": until})
    return take_in_dated(conn, ((fact_from_json(row.fact), row.known_at) for row in rows))


def next_arrival(conn: sa.Connection) -> datetime | None:
    """When the next fact becomes known."""
    instant: datetime | None = _NEXT.read(conn, {})[0].known_at
    return instant


_NEXT = Statement("select min(known_at) as known_at from arriving")
_STAGE = Statement("""
    with told as materialized (
        select * from json_to_recordset(cast(%(rows)s as json)) as told(
            n int, known_at timestamptz, fact jsonb, hash text)
    ), kept as (
        insert into arriving (known_at, fact, hash)
        select known_at, fact, hash from told order by known_at, n
        on conflict (hash) do nothing
        returning hash
    )
    select min(told.n) from told join kept using (hash) group by hash
""")

_DUE = Statement("""
    with due as (delete from arriving where known_at <= %(until)s returning id, known_at, fact)
    select known_at, fact from due order by known_at, id
""")
