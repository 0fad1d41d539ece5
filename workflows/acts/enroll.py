"""Starts another playbook for the run's account, by the rules that every start is judged by."""

from engine.turns.runtime import Act, Receipt
from store.deciding.enrolment import CannotEnrol, enrol
from workflows.acts.acting import Acting

_OUTCOMES = {"started": "started", "held": "held"}


def enroll_account(acting: Acting, act: Act) -> Receipt:
    """Params: playbook. That it does not start, or not now, is an outcome; the reason is the ruling's."""
    playbook = act.params["playbook"]
    answer = enrol(acting.conn, playbook, acting.account_key, f"{acting.playbook}, run {acting.run_id}")
    if isinstance(answer, CannotEnrol):
        return Receipt(outcome="done", values={"outcome": "not_started", "playbook": playbook}, reason=answer.message)
    values = {"outcome": _OUTCOMES.get(answer.ruling.state, "not_started"), "playbook": playbook}
    if answer.run_id is not None:
        values["run"] = answer.run_id
    return Receipt(outcome="done", values=values, reason=answer.ruling.why or "")
