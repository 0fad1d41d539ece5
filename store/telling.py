"""What runs are told: numbered facts in the outbox of each; it knows nothing of what they mean or who brings them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from engine.turns.runtime import FactKind, Values
from store.postgres.statements import Statement


@dataclass(frozen=True, kw_only=True)
class Telling:
    """One fact for one run; its number is given when it is written."""

    run_id: int
    kind: FactKind
    of: str = ""
    values: Values = field(default_factory=dict)


def tell(
    conn: sa.Connection,
    run_ids: int | Iterable[int],
    kind: FactKind,
    *,
    of: str = "",
    values: Values | None = None,
    at: datetime,
    held_until: datetime | None = None,
) -> int:
    """Put one fact into the outbox of each run that is open; how many were told.

    `held_until`, of the real clock, keeps it there so long: `take_back` may undo it; what is told later waits behind.
    """
    ids = [run_ids] if isinstance(run_ids, int) else list(run_ids)
    tellings = [Telling(run_id=one, kind=kind, of=of, values=values or {}) for one in ids]
    return tell_all(conn, tellings, at, held_until=held_until)


def take_back(conn: sa.Connection, run_id: int, kind: FactKind, of: str, visit: int) -> bool:
    """Forget a fact that is still held; False when it has left. Its number is not given again."""
    return _TAKE_BACK.write(conn, {"run": run_id, "kind": kind, "of": of, "visit": visit}) > 0


def tell_all(
    conn: sa.Connection, tellings: Sequence[Telling], at: datetime, *, held_until: datetime | None = None
) -> int:
    """The same for many facts at once; each run hears its own in this order. Ended runs hear nothing."""
    if not tellings:
        return 0
    facts = [{"at": at.isoformat(), "kind": one.kind, "of": one.of, "values": dict(one.values)} for one in tellings]
    given = {
        "runs": [one.run_id for one in tellings],
        "facts": [json.dumps(fact, ensure_ascii=False, allow_nan=False) for fact in facts],
        "at": at,
        "held_until": held_until,
    }
    told = _TELL.write(conn, given)
    if told:
        _RING.read(conn, {})
    return told


# Rows are locked in order of id, so that two tellers of the same runs cannot wait for each other. As the number is
# given under that lock, a run's numbers become visible in their order.
_TELL = Statement("""
    with said as (
        select run_id, cast(fact as jsonb) as fact, place
        from unnest(cast(%(runs)s as bigint[]), cast(%(facts)s as text[])) with ordinality as told(run_id, fact, place)
    ), counted as (
        select run_id, count(*) as n from said group by run_id
    ), locked as (
        select id from run where id in (select run_id from counted) and state = 'open' order by id for no key update
    ), numbered as (
        update run set outbox_n = outbox_n + counted.n
        from counted join locked on locked.id = counted.run_id
        where run.id = counted.run_id
        returning run.id, run.playbook, run.outbox_n - counted.n as before
    ), placed as (
        select said.run_id, said.fact, numbered.playbook,
            before + row_number() over (partition by said.run_id order by place) as n
        from said join numbered on numbered.id = said.run_id
    )
    insert into outbox (run_id, n, kind, lane, fact, created_at, held_until)
    select run_id, n, 'tell', 'tell ' || playbook, fact || jsonb_build_object('n', n), %(at)s,
        cast(%(held_until)s as timestamptz)
    from placed order by run_id, n
""")
_TAKE_BACK = Statement("""
    delete from outbox
    where run_id = %(run)s and delivered_at is null and held_until is not null
    and fact ->> 'kind' = %(kind)s and fact ->> 'of' = %(of)s and fact -> 'values' ->> 'visit' = cast(%(visit)s as text)
""")
_RING = Statement("select pg_notify('tenure_outbox', '')")
