"""Writes account fields; the next sweep acts on them like on any other fact."""

from engine.runtime import Act, Receipt
from store import setting
from workflows.acts.acting import Acting


def set_fields(acting: Acting, act: Act) -> Receipt:
    """Params: values by field; null for unknown."""
    values = act.params["values"]
    setting.set_fields(acting.conn, acting.account_id, values, acting.now)
    return Receipt(outcome="done", values={"outcome": "set", **values})
