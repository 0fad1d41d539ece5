"""Judges and writes events; the source's key, or the content where it has none, tells one from the next."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.facts import EventFact, fact_hash
from store.intake.report import Verdict
from store.intake.staging import Row, Shape, Staged, Statement, json_cell
from store.intake.turns import turns
from store.touched import Touched

CONFLICT = "the event was told before with other content; the first one stays"


def event_row(n: int, fact: EventFact, account_id: int, learned_at: object) -> Row:
    return (n, account_id, fact.type, fact.key or fact_hash(fact), fact.at, json_cell(fact.props), learned_at)


def judge_events(conn: sa.Connection, rows: Sequence[Row]) -> dict[int, Verdict]:
    """Write what is new, each with its change row; the verdicts, by number, of all that are not."""
    gone = {row.what: row.at for row in conn.execute(_GONE)} if rows else {}
    old = [row for row in rows if _is_gone(row, gone)] if gone else []
    verdicts: dict[int, Verdict] = dict.fromkeys((row[0] for row in old), "outdated")
    rows = [row for row in rows if row[0] not in verdicts] if old else rows
    for turn in turns(rows, lambda row: (row[2], row[3])):
        taken = set(Staged.of(conn, _SHAPE, turn).execute(_WRITE).scalars())
        if taken:
            known = Staged.of(conn, _SHAPE, [row for row in turn if row[0] in taken])
            verdicts.update((row.n, row.verdict) for row in known.execute(_KNOWN))
    return verdicts


def _is_gone(row: Row, gone: Mapping[str, datetime]) -> bool:
    since = gone.get(f"event.{row[2]}")
    return since is not None and row[4] < since


_GONE = sa.text("select what, at from kept_since where what <> 'history'")

_SHAPE = Shape(
    "events",
    {
        "n": "int",
        "account_id": "bigint",
        "type": "text",
        "key": "text",
        "at": "timestamptz",
        "props": "jsonb",
        "learned_at": "timestamptz",
    },
)

# Another intake may tell the same at the same time: which keys are taken shows when writing, what they hold afterwards.
_WRITE = Statement(
    _SHAPE,
    """
    with told as materialized (select * from {told}), made as (
        insert into event (account_id, type, key, at, props, learned_at)
        select account_id, type, key, at, props, learned_at from told order by account_id, type, at, key
        on conflict (type, key) do nothing
        returning id, account_id, type, key
    ), noted as (
        insert into change (account_id, event_id, touched) select account_id, id, {touched} from made order by id
    )
    select told.n from told left join made using (type, key) where made.id is null
    """,
    Touched.EVENTS,
)

_KNOWN = Statement(
    _SHAPE,
    """
    select told.n,
        case when (e.account_id, e.at, e.props) is not distinct from (told.account_id, told.at, told.props)
            then 'repeat' else 'conflict' end as verdict
    from {told} join event as e on e.type = told.type and e.key = told.key
    """,
)
