"""Tells colleagues: by a mail inside the house, or by a message into a chat channel."""

from engine.runtime import Act, Receipt
from engine.texts.document import MailText
from engine.texts.filters import RenderError
from engine.texts.mail import Letterhead, render_mail
from engine.texts.templates import fill, render_line
from store import errands, mails
from store.assigning import assignee_for
from store.people import colleague, text_values
from workflows.acts.acting import Acting
from workflows.ports import STREAM

INTERNAL = "internal"
"""The category of mail to colleagues: rules for customers do not hold for it."""
_LONGEST_SUBJECT = 80


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
    letterhead = Letterhead(sender_name=workspace.name, postal_address="")
    rendered = render_mail(MailText(subject="-", body=act.params["text"]), values, letterhead)
    mail_id = mails.prepare(
        acting.conn,
        mails.Draft(
            run_id=acting.run_id,
            step=act.step,
            visit=act.visit,
            account_id=acting.account_id,
            contact_id=None,
            person=to.key,
            text_hash=None,
            category=INTERNAL,
            to_address=to.email,
            to_name=to.name,
            from_address=workspace.sender.address,
            from_name=workspace.sender.name,
            subject=subject if len(subject) <= _LONGEST_SUBJECT else f"{subject[: _LONGEST_SUBJECT - 1]}…",
            html=rendered.html,
            plain=rendered.plain,
            stream=STREAM,
            priority=acting.priority,
            due_at=acting.now,
        ),
        acting.now,
    )
    return Receipt(outcome="done", values={"outcome": "queued", "mails": [mail_id]})
