"""Prepares mails: renders them for their recipients and puts rows into the mail stream, which alone sends."""

from connectors.errors import Misconfigured
from connectors.tasks.port import NewTask
from engine.steps.email import DROP, SEND
from engine.texts.filters import RenderError
from engine.turns.runtime import Act, Receipt
from store import mails
from store.assigning import assignee_for
from store.inbox import drafts, tasks
from workflows.acts.acting import Acting
from workflows.acts.letters import Letter, reachable


def prepare_mails(acting: Acting, act: Act) -> Receipt:
    """Params: text (a hash), template, to, mode, from, translations, reviewed. Nobody to write to is an outcome."""
    if act.params.get("reviewed"):
        return _prepare_approved(acting, act)
    found = reachable(acting, act)
    if isinstance(found, Receipt):
        return found
    try:
        letters = [Letter(acting, act, one).draft() for one in found]
    except (RenderError, Misconfigured) as error:
        return Receipt(outcome="failed", reason=str(error))
    ids = [mails.prepare(acting.conn, letter, acting.now) for letter in letters]
    return Receipt(outcome="done", values={"outcome": "queued", "mails": ids})


def draft_mail(acting: Acting, act: Act) -> Receipt:
    """Params as of a mail, and review: a staff role, whose person gets the filled-in text as a task."""
    found = reachable(acting, act)
    if isinstance(found, Receipt):
        return found
    recipient = found[0]
    try:
        letter = Letter(acting, act, recipient)
        filled = letter.filled()
    except (RenderError, Misconfigured) as error:
        return Receipt(outcome="failed", reason=str(error))
    task = NewTask(
        run_id=acting.run_id,
        step=act.step,
        visit=act.visit,
        account_id=acting.account_id,
        title=f"Review the mail to {recipient.name}",
        description=filled.subject,
        outcomes=(SEND, DROP),
        assignee=assignee_for(acting.conn, acting.account_id, act.params["review"], acting.workspace),
        at=acting.now,
    )
    opened = acting.ports.tasks(acting.conn).open(task)
    task_id = tasks.task_of(acting.conn, acting.run_id, act.step, act.visit)
    if task_id is not None:
        drafts.keep(acting.conn, task_id, recipient.id, letter.hash, filled)
    return Receipt(outcome="done", values={"outcome": "open", **opened.values})


def _prepare_approved(acting: Acting, act: Act) -> Receipt:
    """What the reviewer approved goes to whom the reviewer saw, though roles may have changed hands since."""
    found = drafts.latest(acting.conn, acting.run_id, act.step)
    if found is None:
        return Receipt(outcome="failed", reason="the reviewed draft is gone")
    recipient, filled = found
    if not recipient.email:
        why = f"{recipient.name} has no mail address"
        return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    try:
        letter = Letter(acting, act, recipient).approved(filled)
    except (RenderError, Misconfigured) as error:
        return Receipt(outcome="failed", reason=str(error))
    mail_id = mails.prepare(acting.conn, letter, acting.now)
    return Receipt(outcome="done", values={"outcome": "queued", "mails": [mail_id]})
