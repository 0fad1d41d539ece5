"""Orders a request to another program: fills in its body and puts it into the errand stream, which alone sends."""

from engine.texts.filters import RenderError
from engine.texts.templates import fill
from engine.turns.runtime import Act, Receipt
from store import errands
from store.people import text_values
from workflows.acts.acting import Acting


def order_request(acting: Acting, act: Act) -> Receipt:
    """Params: to (a connector), order, templates, values, returns, resend_once."""
    params = act.params
    values = text_values(acting.conn, acting.account_id, acting.workspace)
    try:
        templates = {
            name: fill(value, values) if isinstance(value, str) else value
            for name, value in params["templates"].items()
        }
    except RenderError as error:
        return Receipt(outcome="failed", reason=str(error))
    found = templates | params["values"]
    errand_id = errands.prepare(
        acting.conn,
        errands.Order(
            run_id=acting.run_id,
            step=act.step,
            visit=act.visit,
            account_id=acting.account_id,
            kind="webhook",
            connector=params["to"],
            body={name: found[name] for name in params["order"]},
            returns=params["returns"],
            resends=int(params["resend_once"]),
        ),
        acting.now,
    )
    return Receipt(outcome="done", values={"outcome": "queued", "errand": errand_id})
