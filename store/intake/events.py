"""Judges and writes events; the source's key, or the content where it has none, tells one from the next."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter

import sqlalchemy as sa

from engine.facts import EventFact, EventLine, fact_hash
from store.current.touched import Touched
from store.intake.accounts import LOCK_TOLD, TOLD_ACCOUNTS
from store.intake.report import Verdict
from store.intake.staging import Shape, Staged, Statement, json_cell
from store.intake.turns import turns

CONFLICT = "the event was told before with other content; the first one stays"


def event_line(fact: EventFact, learned_at: datetime) -> EventLine:
    """Of a fact without a bare date."""
    assert isinstance(fact.at, datetime)
    return EventLine(fact.account, fact.type, fact.key or fact_hash(fact), fact.at, json_cell(fact.props), learned_at)


def judge_events(conn: sa.Connection, lines: Sequence[EventLine]) -> dict[int, Verdict]:
    """Write what is new, each with its change row; the verdicts, by place, of all that are not."""
    gone = {row.what: row.at for row in conn.execute(_GONE)} if lines else {}
    verdicts: dict[int, Verdict] = {}
    if gone:
        verdicts = {place: "outdated" for place, line in enumerate(lines) if _is_gone(line, gone)}
    left = [place for place in range(len(lines)) if place not in verdicts]
    for turn in turns(left, lambda place: _IDENTITY(lines[place])):
        staged = _staged(conn, turn, lines)
        staged.execute(_LOCK)
        there = []
        for row in staged.execute(_WRITE):
            if row.unknown:
                verdicts[row.n] = "unknown_account"
            else:
                there.append(row.n)
        if there:
            verdicts.update((row.n, row.verdict) for row in _staged(conn, there, lines).execute(_KNOWN))
    return verdicts


def _staged(conn: sa.Connection, places: Sequence[int], lines: Sequence[EventLine]) -> Staged:
    told = [lines[place] for place in places]
    return Staged.of_columns(conn, _SHAPE, [places, *(list(map(cell, told)) for cell in _CELLS)])


def _is_gone(line: EventLine, gone: Mapping[str, datetime]) -> bool:
    since = gone.get(f"event.{line.type}")
    return since is not None and line.at < since


_CELLS = tuple(map(itemgetter, range(len(EventLine._fields))))
_IDENTITY = itemgetter(1, 2)
_GONE = sa.text("select what, at from kept_since where what <> 'history'")

_SHAPE = Shape(
    "events",
    {
        "n": "int",
        "account": "text",
        "type": "text",
        "key": "text",
        "at": "timestamptz",
        "props": "jsonb",
        "learned_at": "timestamptz",
    },
)

_LOCK = Statement(_SHAPE, LOCK_TOLD)

# Another intake may tell the same at the same time: which keys are taken shows when writing, what they hold afterwards.
_WRITE = Statement(
    _SHAPE,
    """
    with told as materialized (
        select told.*, account.id as account_id
        from {told} left join <accounts> as account on account.key = told.account
    ), made as (
        insert into event (account_id, type, key, at, props, learned_at)
        select account_id, type, key, at, props, learned_at from told
        where account_id is not null order by account_id, type, at, key
        on conflict (type, key) do nothing
        returning id, account_id, type, key
    ), noted as (
        insert into change (account_id, event_id, touched) select account_id, id, {touched} from made order by id
    )
    select told.n, told.account_id is null as unknown from told left join made using (type, key) where made.id is null
    """.replace("<accounts>", TOLD_ACCOUNTS),
    Touched.EVENTS,
)

_KNOWN = Statement(
    _SHAPE,
    """
    select told.n,
        case when (account.key, e.at, e.props) is not distinct from (told.account, told.at, told.props)
            then 'repeat' else 'conflict' end as verdict
    from {told} join event as e on e.type = told.type and e.key = told.key join account on account.id = e.account_id
    """,
)
