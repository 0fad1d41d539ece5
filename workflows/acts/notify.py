"""Tells colleagues: by a mail inside the house, or by a message into a chat channel."""

from engine.texts.filters import RenderError
from engine.texts.templates import fill, render_line
from engine.turns.runtime import Act, Receipt
from store import errands
from store.assigning import assignee_for
from store.people import colleague, text_values
from workflows.acts.acting import Acting
from workflows.acts.colleagues import write_colleague


def notify_colleagues(acting: Acting, act: Act) -> Receipt:
    """Params: to, by (mail or chat), text. Nobody to tell is an outcome."""
    try:
        return _say(acting, act) if act.params["by"] == "chat" else _write(acting, act)
    except RenderError as error:
        return Receipt(outcome="failed", reason=str(error))


def _say(acting: Acting, act: Act) -> Receipt:
    values = text_values(acting.conn, acting.account_id, acting.workspace)
    order = errands.Order(
        run_id=acting.run_id,
        step=act.step,
        visit=act.visit,
        account_id=acting.account_id,
        kind="chat",
        connector=act.params["to"],
        body={"text": fill(act.params["text"], values)},
    )
    errand_id = errands.prepare(acting.conn, order, acting.now)
    return Receipt(outcome="done", values={"outcome": "queued", "errand": errand_id})


def _write(acting: Acting, act: Act) -> Receipt:
    workspace, role = acting.workspace, act.params["to"]
    key = assignee_for(acting.conn, acting.account_id, role, workspace)
    to = colleague(acting.conn, key) if key else None
    if to is None or not to.email:
        why = f"nobody is {role} for this account" if to is None else f"{to.name} has no mail address"
        return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    if workspace.sender is None:
        return Receipt(outcome="failed", reason="tenure.yaml has no sender")
    values = text_values(acting.conn, acting.account_id, workspace)
    first_line = render_line(act.params["text"].strip().partition("\n")[0], values)
    subject = f"{values['account.name']}: {first_line}"
    mail_id = write_colleague(acting, act.step, act.visit, to, workspace.sender, subject, act.params["text"], values)
    return Receipt(outcome="done", values={"outcome": "queued", "mails": [mail_id]})
