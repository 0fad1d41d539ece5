"""Prepares mails: renders them for their recipients and puts rows into the mail stream, which alone sends."""

import sqlalchemy as sa

from engine.runtime import Act, Receipt
from engine.texts import Letterhead, MailText, RenderError, render_mail
from store import mails
from store.people import Contact, recipients, text_values
from store.schema import text
from workflows.acts.acting import Acting
from workflows.ports import STREAM


def prepare_mails(acting: Acting, act: Act) -> Receipt:
    """Params: text (a hash), template, to, mode, from. Nobody to write to is an outcome, not a failure."""
    params = act.params
    found = recipients(acting.conn, acting.account_id, params["to"], params["mode"], acting.workspace)
    reachable = [one for one in found if one.email]
    if not reachable:
        why = f"no contact is {params['to']}" if not found else f"{found[0].name} has no mail address"
        return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    if acting.workspace.sender is None:
        return Receipt(outcome="failed", reason="tenure.yaml has no sender")
    try:
        drafts = [_draft(acting, act, one) for one in reachable]
    except RenderError as error:
        return Receipt(outcome="failed", reason=str(error))
    ids = [mails.prepare(acting.conn, draft, acting.now) for draft in drafts]
    return Receipt(outcome="done", values={"outcome": "queued", "mails": ids})


def _draft(acting: Acting, act: Act, recipient: Contact) -> mails.Draft:
    workspace, params = acting.workspace, act.params
    sender = workspace.sender
    assert sender is not None
    assert recipient.email is not None
    values = text_values(acting.conn, acting.account_id, workspace, recipient)
    content = acting.conn.execute(sa.select(text.c.content).where(text.c.hash == params["text"])).scalar_one()
    mail_text = MailText.model_validate(content)
    role = params["from"]
    from_name = (values.get(f"{role}.name") if role else None) or sender.name
    reply_to = (values.get(f"{role}.email") if role else None) or sender.reply_to
    letterhead = Letterhead(sender_name=workspace.name, postal_address=workspace.postal_address or "")
    rendered = render_mail(mail_text, values, letterhead)
    return mails.Draft(
        run_id=acting.run_id,
        step=act.step,
        visit=act.visit,
        account_id=acting.account_id,
        contact_id=recipient.id,
        text_hash=params["text"],
        category=mail_text.category,
        to_address=recipient.email,
        to_name=recipient.name,
        from_address=sender.address,
        from_name=from_name,
        reply_to=reply_to,
        subject=rendered.subject,
        html=rendered.html,
        plain=rendered.plain,
        stream=STREAM,
        priority=acting.priority,
        due_at=acting.now,
    )
