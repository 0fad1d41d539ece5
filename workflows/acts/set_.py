"""Writes account fields and tags; the next sweep acts on them like on any other fact."""

from engine.turns.runtime import Act, Receipt
from store.current import setting
from store.running import runs
from workflows.acts.acting import Acting


def set_fields(acting: Acting, act: Act) -> Receipt:
    """Params: values by field, null for unknown; tag and untag, where there are any."""
    values, tags = act.params["values"], {name: act.params[name] for name in ("tag", "untag") if name in act.params}
    if tags:
        # As whoever answers a survey of this run has it before the account.
        runs.hold(acting.conn, acting.run_id)
        changed = setting.retagged(acting.conn, acting.account_id, tags["tag"], tags["untag"], acting.now)
        setting.set_fields(acting.conn, acting.account_id, values | {setting.TAGS: changed}, acting.now)
    else:
        setting.set_fields(acting.conn, acting.account_id, values, acting.now)
    return Receipt(outcome="done", values={"outcome": "set", **values, **tags})
