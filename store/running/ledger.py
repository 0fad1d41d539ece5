"""Effects outside that were done: one row for each, written with the effect's own rows; asked again, it answers."""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from engine.turns.runtime import Act, Receipt
from store.leaps import certain_now
from store.postgres.statements import Statement
from store.schema import ledger


def once(conn: sa.Connection, run_id: int, act: Act, do: Callable[[], Receipt], recipient: str = "") -> Receipt:
    """The receipt of an act: the stored one, or that of doing it now, kept in the caller's transaction.

    The place is taken before anything is done, so of two performers of the same act one waits and then finds the
    receipt of the other; nothing stays of an act whose transaction did not commit.
    """
    key = {"run_id": run_id, "step": act.step, "visit": act.visit, "effect": act.verb, "recipient": recipient}
    mine = _TAKE.read_one(conn, key | {"at": certain_now(conn)})
    if mine is None:
        row = sa.and_(*(ledger.c[name] == value for name, value in key.items()))
        return _receipt(conn.execute(sa.select(ledger.c.receipt).where(row)).scalar_one())
    receipt = do()
    _KEEP.write(conn, key | {"receipt": _json(receipt)})
    return receipt


def _json(receipt: Receipt) -> str:
    told = {"outcome": receipt.outcome, "values": dict(receipt.values), "reason": receipt.reason}
    return json.dumps(told, ensure_ascii=False, allow_nan=False)


def _receipt(stored: dict[str, Any]) -> Receipt:
    return Receipt(**stored)


_TAKE = Statement("""
    insert into ledger (run_id, step, visit, effect, recipient, receipt, at)
    values (%(run_id)s, %(step)s, %(visit)s, %(effect)s, %(recipient)s, '{}', %(at)s)
    on conflict (run_id, step, visit, effect, recipient) do nothing returning run_id
""")
_KEEP = Statement("""
    update ledger set receipt = cast(%(receipt)s as jsonb)
    where run_id = %(run_id)s and step = %(step)s and visit = %(visit)s and effect = %(effect)s
        and recipient = %(recipient)s
""")
