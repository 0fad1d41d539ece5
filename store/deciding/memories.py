"""Trigger memories of all accounts: three bits for each edge, packed into the masks of account_now. What they mean is
engine.triggers.memory's; here a bit has a word and a place in it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.triggers.memory import Memory
from store.current.columns import BITS
from store.postgres.statements import Row, Statement, kept
from store.schema import trigger_hold


@dataclass(frozen=True)
class Bit:
    """The place of a trigger in the masks."""

    number: int

    @property
    def word(self) -> int:
        return self.number // BITS

    @property
    def value(self) -> int:
        return 1 << self.number % BITS

    def in_(self, source: sa.FromClause, mask: str) -> sa.ColumnElement[bool]:
        """Whether it is set in a row."""
        column: sa.ColumnElement[int] = source.c[f"{mask}_{self.word}"]
        return column.bitwise_and(sa.literal(self.value, sa.BigInteger)) != 0

    def is_in(self, row: Mapping[str, Any], mask: str) -> bool:
        return bool(row[f"{mask}_{self.word}"] & self.value)


@dataclass(frozen=True, kw_only=True)
class Step:
    """An account's memory of one trigger has moved on."""

    account_id: int
    playbook: str
    trigger: str
    bit: Bit
    before: Memory
    after: Memory


def words(bits: Iterable[Bit]) -> tuple[int, ...]:
    return tuple(sorted({bit.word for bit in bits}))


def write(conn: sa.Connection, steps: Sequence[Step]) -> None:
    """Put memories that moved on into masks and holds, a statement for each kind of change."""
    for word in words(step.bit for step in steps):
        changes: dict[int, list[int]] = {}
        for step in steps:
            if step.bit.word == word and _flags(step.before) != _flags(step.after):
                change = changes.setdefault(step.account_id, [0, 0, 0, 0])
                for i, (before, after) in enumerate(zip(_flags(step.before), _flags(step.after), strict=True)):
                    change[2 * i] |= step.bit.value if after and not before else 0
                    change[2 * i + 1] |= step.bit.value if before and not after else 0
        if changes:
            columns = zip(*changes.values(), strict=True)
            named = dict(zip(("trip", "untrip", "hold", "unhold"), map(list, columns), strict=True))
            setting = kept(("set bits", word), partial(_SET_BITS.format, word=word))
            setting.write(conn, {"accounts": list(changes), **named})
    over = [step for step in steps if step.before.holding and not step.after.holding]
    if over:
        columns = zip(*((step.account_id, step.playbook, step.trigger) for step in over), strict=True)
        _DROP_HOLDS.write(conn, dict(zip(("accounts", "playbooks", "triggers"), map(list, columns), strict=True)))
    holding = [step for step in steps if step.after.holding]
    if holding:
        rows = [
            {
                "account_id": step.account_id,
                "playbook": step.playbook,
                "trigger": step.trigger,
                "since": step.after.since,
                "due_at": step.after.due_at,
                "suspended_at": step.after.suspended_at,
            }
            for step in holding
        ]
        _HOLD.write(conn, {"rows": json.dumps(rows, ensure_ascii=False, default=datetime.isoformat)})


def holds(conn: sa.Connection, accounts: Sequence[int]) -> Mapping[tuple[int, str, str], Row]:
    """The dwells of these accounts under way, by account, playbook and trigger."""
    rows = _HOLDS.read(conn, {"accounts": list(accounts)}) if accounts else ()
    return {(row.account_id, row.playbook, row.trigger): row for row in rows}


_HOLDS = Statement(f"""
    select {", ".join(trigger_hold.columns.keys())} from trigger_hold
    where account_id = any(cast(%(accounts)s as bigint[]))
""")  # noqa: S608 - joined from constants


def look_anew(conn: sa.Connection, bits: Sequence[Bit]) -> None:
    """What is armed is unseen again: true at the next look, it is existing. What fired or dwells is remembered."""
    for word in words(bits):
        chosen = sum(bit.value for bit in bits if bit.word == word)
        conn.execute(sa.text(_UNSEE.format(word=word)), {"bits": chosen})


def forget(conn: sa.Connection, bits: Sequence[Bit]) -> None:
    """Nothing was ever seen of these."""
    for word in words(bits):
        chosen = sum(bit.value for bit in bits if bit.word == word)
        conn.execute(sa.text(_FORGET.format(word=word)), {"bits": chosen})


def forget_holds(conn: sa.Connection, playbook: str, triggers: Sequence[str]) -> None:
    """Dwells of triggers that live no more."""
    conn.execute(
        sa.delete(trigger_hold).where(trigger_hold.c.playbook == playbook, trigger_hold.c.trigger.in_(triggers))
    )


def _flags(memory: Memory) -> tuple[bool, bool]:
    return memory.tripped, memory.holding


_SET_BITS = """
    update account_now set
        tripped_{word} = (tripped_{word} | step.trip) & ~step.untrip,
        holding_{word} = (holding_{word} | step.hold) & ~step.unhold
    from unnest(cast(%(accounts)s as bigint[]), cast(%(trip)s as bigint[]), cast(%(untrip)s as bigint[]),
        cast(%(hold)s as bigint[]), cast(%(unhold)s as bigint[])) as step(account_id, trip, untrip, hold, unhold)
    where account_now.account_id = step.account_id
"""
_UNSEE = """
    update account_now set seen_{word} = seen_{word} & (tripped_{word} | holding_{word} | ~cast(:bits as bigint))
    where seen_{word} & ~tripped_{word} & ~holding_{word} & cast(:bits as bigint) <> 0
"""
_FORGET = """
    update account_now set
        seen_{word} = seen_{word} & ~cast(:bits as bigint),
        tripped_{word} = tripped_{word} & ~cast(:bits as bigint),
        holding_{word} = holding_{word} & ~cast(:bits as bigint)
    where (seen_{word} | tripped_{word} | holding_{word}) & cast(:bits as bigint) <> 0
"""
_DROP_HOLDS = Statement("""
    delete from trigger_hold
    using unnest(cast(%(accounts)s as bigint[]), cast(%(playbooks)s as text[]), cast(%(triggers)s as text[]))
        as over(account_id, playbook, id)
    where trigger_hold.account_id = over.account_id
        and trigger_hold.playbook = over.playbook and trigger_hold.trigger = over.id
""")
_HOLD = Statement("""
    insert into trigger_hold (account_id, playbook, trigger, since, due_at, suspended_at)
    select account_id, playbook, trigger, since, due_at, suspended_at
    from json_to_recordset(cast(%(rows)s as json)) as held(
        account_id bigint, playbook text, trigger text, since timestamptz, due_at timestamptz, suspended_at timestamptz)
    order by account_id, playbook, trigger
    on conflict (account_id, playbook, trigger) do update set
        since = excluded.since, due_at = excluded.due_at, suspended_at = excluded.suspended_at
""")
