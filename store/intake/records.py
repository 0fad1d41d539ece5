"""Judges and writes records, every version of them; the latest by source time is in force."""

from collections.abc import Sequence

import sqlalchemy as sa

from engine.facts import RecordFact
from store.current.touched import Touched
from store.intake.report import Verdict
from store.intake.staging import Shape, Staged, Statement, json_cell

CONFLICT = "the record was told differently from the same instant; the first one stays"


def record_row(n: int, fact: RecordFact, account_id: int, learned_at: object) -> tuple[object, ...]:
    told = (fact.record, fact.key, fact.starts_at, fact.ends_at, json_cell(fact.props))
    return (n, account_id, *told, fact.at or learned_at, learned_at)


def judge_records(conn: sa.Connection, rows: Sequence[tuple[object, ...]]) -> dict[int, Verdict]:
    """The verdicts, by number, of all that are not new."""
    verdicts: dict[int, Verdict] = {
        row.n: row.verdict for row in Staged.of(conn, _SHAPE, rows).execute(_JUDGE) if row.verdict != "new"
    }
    for verdict in ("correction", "outdated", "new"):
        some = [row for row in rows if verdicts.get(row[0], "new") == verdict]  # type: ignore[call-overload]  # n: int
        if some:
            staged = Staged.of(conn, _SHAPE, some)
            if verdict == "correction":
                staged.execute(_SUPERSEDE)
            staged.execute(_WRITE, in_force=verdict != "outdated")
    return verdicts


_SHAPE = Shape(
    "records",
    {
        "n": "int",
        "account_id": "bigint",
        "kind": "text",
        "key": "text",
        "starts_at": "timestamptz",
        "ends_at": "timestamptz",
        "props": "jsonb",
        "at": "timestamptz",
        "learned_at": "timestamptz",
    },
)

_JUDGE = Statement(
    _SHAPE,
    """
    with told as materialized (select * from {told})
    select told.n,
        case
            when r.id is null then 'new'
            when (r.account_id, r.starts_at, r.ends_at, r.props) is not distinct from
                (told.account_id, told.starts_at, told.ends_at, told.props) and told.at >= r.at then 'repeat'
            when exists (
                select from record as v
                where v.kind = told.kind and v.key = told.key and v.at = told.at
                    and (v.account_id, v.starts_at, v.ends_at, v.props) is not distinct from
                        (told.account_id, told.starts_at, told.ends_at, told.props)
            ) then 'repeat'
            when told.at > r.at then 'correction'
            when told.at < r.at then 'outdated'
            else 'conflict'
        end as verdict
    from told
    left join record as r on r.kind = told.kind and r.key = told.key and r.superseded_at is null
    """,
)

# A record may move to another account: then both are looked at again.
_SUPERSEDE = Statement(
    _SHAPE,
    """
    with superseded as (
        update record set superseded_at = told.learned_at from {told}
        where record.kind = told.kind and record.key = told.key and record.superseded_at is null
        returning record.account_id
    )
    insert into change (account_id, touched) select distinct account_id, {touched} from superseded
    """,
    Touched.RECORDS,
)

_WRITE = Statement(
    _SHAPE,
    """
    with written as (
        insert into record (account_id, kind, key, starts_at, ends_at, props, at, learned_at, superseded_at)
        select account_id, kind, key, starts_at, ends_at, props, at, learned_at,
            case when not cast(:in_force as boolean) then learned_at end
        from {told} order by account_id, kind, starts_at, n
        returning account_id, superseded_at
    )
    insert into change (account_id, touched)
    select distinct account_id, {touched} from written where superseded_at is null
    """,
    Touched.RECORDS,
)
