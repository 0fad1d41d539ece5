"""Mail inside the house: one row for one colleague; the rules for customers do not hold for it."""

from collections.abc import Mapping
from typing import Any

from engine.texts.document import MailText
from engine.texts.mail import Letterhead, render_mail
from engine.workspace import Sender
from store import mails
from store.people import Colleague
from workflows.acts.acting import Acting
from workflows.ports import STREAM

INTERNAL = "internal"
"""The category of mail to colleagues."""
_LONGEST_SUBJECT = 80


def write_colleague(  # noqa: PLR0917 - read aloud: of this step's visit, to her, from him, about that, in these words
    acting: Acting,
    step: str,
    visit: int,
    to: Colleague,
    sender: Sender,
    subject: str,
    text: str,
    values: Mapping[str, Any],
) -> int:
    """The id of the mail, the same however often it is asked for; `text` is a template in Markdown.

    RenderError for a text that cannot be filled in; the colleague has an address.
    """
    assert to.email is not None
    letterhead = Letterhead(sender_name=acting.workspace.name, postal_address="")
    rendered = render_mail(MailText(subject="-", body=text), values, letterhead)
    draft = mails.Draft(
        run_id=acting.run_id,
        step=step,
        visit=visit,
        account_id=acting.account_id,
        contact_id=None,
        person=to.key,
        text_hash=None,
        category=INTERNAL,
        to_address=to.email,
        to_name=to.name,
        from_address=sender.address,
        from_name=sender.name,
        subject=subject if len(subject) <= _LONGEST_SUBJECT else f"{subject[: _LONGEST_SUBJECT - 1]}…",
        html=rendered.html,
        plain=rendered.plain,
        stream=STREAM,
        priority=acting.priority,
        due_at=acting.now,
    )
    return mails.prepare(acting.conn, draft, acting.now)
