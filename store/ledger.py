"""Effects outside that were done: one row for each, written with the effect's own rows; asked again, it answers."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.runtime import Act, Receipt
from store import clock
from store.schema import ledger


def once(conn: sa.Connection, run_id: int, act: Act, do: Callable[[], Receipt], recipient: str = "") -> Receipt:
    """The receipt of an act: the stored one, or that of doing it now, kept in the caller's transaction.

    The place is taken before anything is done, so of two performers of the same act one waits and then finds the
    receipt of the other; nothing stays of an act whose transaction did not commit.
    """
    key = {"run_id": run_id, "step": act.step, "visit": act.visit, "effect": act.verb, "recipient": recipient}
    mine = conn.execute(
        insert(ledger)
        .values(**key, receipt={}, at=clock.now(conn))
        .on_conflict_do_nothing(constraint=ledger.primary_key)
        .returning(ledger.c.run_id)
    ).scalar()
    row = sa.and_(*(ledger.c[name] == value for name, value in key.items()))
    if mine is None:
        return _receipt(conn.execute(sa.select(ledger.c.receipt).where(row)).scalar_one())
    receipt = do()
    conn.execute(sa.update(ledger).where(row).values(receipt=_json(receipt)))
    return receipt


def _json(receipt: Receipt) -> dict[str, Any]:
    return {"outcome": receipt.outcome, "values": dict(receipt.values), "reason": receipt.reason}


def _receipt(stored: dict[str, Any]) -> Receipt:
    return Receipt(**stored)
