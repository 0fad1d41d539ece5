"""Ends a run: its row, its watches, its open tasks, its unsent mail."""

from engine.turns.runtime import Act, Receipt
from store.running import runs
from workflows.acts.acting import Acting


def end_run(acting: Acting, act: Act) -> Receipt:
    """Params: outcome, reason, withdraw."""
    params = act.params
    runs.end(
        acting.conn,
        acting.run_id,
        outcome=params["outcome"],
        reason=params["reason"],
        at=acting.now,
        withdraw=params["withdraw"],
    )
    return Receipt(outcome="done", values={"outcome": params["outcome"], "reason": params["reason"]})
