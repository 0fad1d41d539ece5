"""Writes account fields, as facts learned from the playbook; the next sweep acts on them like on any other."""

from engine.facts import AccountFact
from engine.runtime import Act, Receipt
from store.intake import take_in
from store.schema import account
from workflows.acts.acting import Acting

import sqlalchemy as sa


def set_fields(acting: Acting, act: Act) -> Receipt:
    """Params: values by field; null for unknown."""
    key = acting.conn.execute(sa.select(account.c.key).where(account.c.id == acting.account_id)).scalar_one()
    fact = AccountFact(key=key, fields=act.params["values"], at=acting.now)
    report = take_in(acting.conn, [fact], known_at=acting.now)
    if report.problems:
        return Receipt(outcome="failed", reason=str(report.problems[0]))
    return Receipt(outcome="done", values={"outcome": "set", **act.params["values"]})
