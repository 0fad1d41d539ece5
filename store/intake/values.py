"""Judges and writes values of accounts, metrics among them: a number of lines at once, whatever they came from."""

from collections.abc import Hashable, Iterable, Sequence
from operator import itemgetter

import sqlalchemy as sa

from engine.facts import ValueLine
from store.current.touched import Touched
from store.intake.accounts import LOCK_TOLD, TOLD_ACCOUNTS
from store.intake.report import Verdict
from store.intake.staging import Shape, Staged, Statement
from store.intake.turns import turns

CONFLICT = "{field} has another value from the same instant; the first one stays"


def judge_values(conn: sa.Connection, lines: Sequence[ValueLine]) -> dict[int, Verdict]:
    """Write what is new, with change rows; the verdicts, by place, of all that is not.

    Of the same account, field and instant the first line counts. Lines without an instant are news only if they differ
    from what held when they were learned, so they are judged one after the other.
    """
    verdicts: dict[int, Verdict] = {}
    gone = conn.execute(_GONE).scalar()
    for turn in _turns(lines):
        told = lines if len(turn) == len(lines) else [lines[place] for place in turn]
        staged = Staged.of_columns(conn, _SHAPE, [turn, *(list(map(cell, told)) for cell in _CELLS)])
        staged.execute(_LOCK)
        dated = None not in map(_AT, told)
        statement = (_DATED if dated else _ANY) if gone is None else _PARTLY_GONE
        given = {} if gone is None else {"gone": gone}
        verdicts.update((row.n, row.verdict) for row in staged.execute(statement, **given))
    return verdicts


def _turns(lines: Sequence[ValueLine]) -> Sequence[Sequence[int]]:
    """Places of lines that can be judged at once: none asks what another of them says."""
    # Most sources say one thing of each account at a time, which takes a fifth of the time to see.
    if _differ(map(_ACCOUNT, lines), lines) or (_differ(map(_IDENTITY, lines), lines) and None not in map(_AT, lines)):
        return [range(len(lines))]
    undated = {(line.account, line.field) for line in lines if line.at is None}

    def identity(place: int) -> tuple[object, ...]:
        account, field, _, at, _ = lines[place]
        return (account, field) if (account, field) in undated else (account, field, at)

    return turns(range(len(lines)), identity)


def _differ(identities: Iterable[Hashable], lines: Sequence[ValueLine]) -> bool:
    return len(set(identities)) == len(lines)


_CELLS = tuple(map(itemgetter, range(len(ValueLine._fields))))
_ACCOUNT, _, _, _AT, _ = _CELLS
_IDENTITY = itemgetter(0, 1, 3)
_SHAPE = Shape(
    "values",
    {
        "n": "int",
        "account": "text",
        "field": "text",
        "value": "jsonb",
        "at": "timestamptz",
        "learned_at": "timestamptz",
    },
)

_LOCK = Statement(_SHAPE, LOCK_TOLD)

_JUDGE_AND_WRITE = """
    with told as materialized (
        select told.n, account.id as account_id, told.field, told.value, coalesce(told.at, told.learned_at) as at,
            told.at is null as undated, told.learned_at
        from {told} left join <accounts> as account on account.key = told.account
    ), judged as materialized (
        select told.n, told.account_id, told.field, told.value, told.at, told.learned_at,
            case
                when told.account_id is null then 'unknown_account'
                when <gone> then 'outdated'
                when <held> then 'repeat'
                when same.account_id is null then 'new'
                when same.value is not distinct from told.value then 'repeat'
                else 'conflict'
            end as verdict
        from told
        left join account_value as same
            on same.account_id = told.account_id and same.field = told.field and same.at = told.at
        <latest>
    ), written as (
        insert into account_value (account_id, field, value, at, learned_at)
        select account_id, field, value, at, learned_at from judged
        where verdict = 'new' order by account_id, field, at
    ), noted as (
        insert into change (account_id, touched)
        select distinct account_id, {touched} from judged where verdict = 'new'
    )
    select n, verdict from judged where verdict <> 'new'
""".replace("<accounts>", TOLD_ACCOUNTS)

_KEPT = _JUDGE_AND_WRITE.replace("<gone>", "false")
_DATED = Statement(_SHAPE, _KEPT.replace("<held>", "false").replace("<latest>", ""), Touched.VALUES)

# Without a source time a value holds from the instant it is learned, and is news only if it differs from what held.
_HELD = "told.undated and latest.id is not null and latest.value is not distinct from told.value"
_LATEST = """
        left join lateral (
            select id, value from account_value as v
            where told.undated and v.account_id = told.account_id and v.field = told.field and v.at <= told.learned_at
            order by at desc, id desc limit 1
        ) as latest on true
"""
_ANY = Statement(_SHAPE, _KEPT.replace("<held>", _HELD).replace("<latest>", _LATEST), Touched.VALUES)

# Retention has deleted it, or would: another value took its place before what is kept.
_SINCE_REPLACED = """
    told.at < cast(:gone as timestamptz) and same.account_id is null and exists (
        select from account_value as later
        where later.account_id = told.account_id and later.field = told.field
            and later.at > told.at and later.at <= cast(:gone as timestamptz)
    )
"""
_PARTLY_GONE = Statement(
    _SHAPE,
    _JUDGE_AND_WRITE.replace("<gone>", _SINCE_REPLACED).replace("<held>", _HELD).replace("<latest>", _LATEST),
    Touched.VALUES,
)
_GONE = sa.text("select at from kept_since where what = 'history'")
