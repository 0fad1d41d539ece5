"""Writes a mail for one contact: in the language that contact reads, in the name that the author chose."""

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.contacts import by_address
from engine.mail.addresses import address_key
from engine.mail.locales import in_locale
from engine.mail.policy import topic_of
from engine.texts.document import MailText
from engine.texts.mail import FilledText, Letterhead, fill_mail, render_filled, render_mail
from engine.texts.scale import Scale
from engine.turns.runtime import Act, Receipt
from store import mails
from store.people import Contact, recipients, text_values
from store.postgres.statements import Statement
from workflows.acts.acting import Acting
from workflows.ports import STREAM


def reachable(acting: Acting, act: Act) -> list[Contact] | Receipt:
    """Whom the act's `to` and `mode` mean, each address once; or why nobody is written to, which is an outcome."""
    found = recipients(acting.conn, acting.account_id, act.params["to"], act.params["mode"], acting.workspace)
    written_to = by_address(found)
    if not written_to:
        why = f"no contact is {act.params['to']}" if not found else f"{found[0].name} has no mail address"
        return Receipt(outcome="skipped", values={"outcome": "skipped"}, reason=why)
    if acting.workspace.sender is None:
        return Receipt(outcome="failed", reason="tenure.yaml has no sender")
    return written_to


class Letter:
    """One contact's mail. Raises RenderError where a value is missing, Misconfigured where a setting is."""

    def __init__(self, acting: Acting, act: Act, recipient: Contact) -> None:
        self._acting, self._act, self._recipient = acting, act, recipient
        self.values = _values(acting, act.params["from"], recipient)
        locale = recipient.locale or self.values.get("account.locale")
        self.hash = in_locale(act.params.get("translations") or {}, locale, act.params["text"])
        self.text = _text(acting.conn, self.hash)
        workspace = acting.workspace
        self._topic = topic_of(self.text.category, self.text.topic)
        self.language = self._language_of(act.params.get("translations") or {})
        self._page = self._preferences_page()
        self._letterhead = Letterhead(
            sender_name=workspace.name,
            postal_address=workspace.postal_address or "",
            unsubscribe_url=self._page,
            preferences_url=f"{self._page}#topics" if self._page else None,
        )
        assert workspace.sender is not None
        self._message_id = mails.message_id(
            acting.conn, acting.run_id, act.step, act.visit, recipient.id, workspace.sender.address
        )

    def filled(self) -> FilledText:
        """The text for a reviewer."""
        return fill_mail(self.text, self.values, language=self.language)

    def draft(self, *, scale: Scale | None = None) -> mails.Draft:
        """The mail as the author's text gives it."""
        rendered = render_mail(
            self.text, self.values, self._letterhead, scale=scale, language=self.language, through=self._through()
        )
        return self._draft(rendered.subject, rendered.html, rendered.plain)

    def approved(self, filled: FilledText) -> mails.Draft:
        """The mail as its reviewer left it."""
        rendered = render_filled(filled, self._letterhead, language=self.language, through=self._through())
        return self._draft(rendered.subject, rendered.html, rendered.plain)

    def _draft(self, subject: str, html: str, plain: str) -> mails.Draft:
        acting, act, recipient = self._acting, self._act, self._recipient
        sender, role = acting.workspace.sender, act.params["from"]
        assert sender is not None
        assert recipient.email is not None
        return mails.Draft(
            run_id=acting.run_id,
            step=act.step,
            visit=act.visit,
            account_id=acting.account_id,
            contact_id=recipient.id,
            text_hash=self.hash,
            category=self.text.category,
            topic=self._topic,
            to_address=recipient.email,
            to_name=recipient.name,
            from_address=sender.address,
            from_name=self.values["sender.name"] or sender.name,
            # Mailboxes offer their one click over HTTPS alone (RFC 8058); the link on the mail is there all the same.
            unsubscribe_url=self._page if self._page and self._page.startswith("https:") else None,
            reply_to=(self.values.get(f"{role}.email") if role else None) or sender.reply_to,
            replies_to=self._replies_to(),
            subject=subject,
            html=html,
            plain=plain,
            stream=STREAM,
            priority=acting.priority,
            # What the recipient has ordered is not held.
            due_at=acting.now if self._topic is None else acting.now + acting.workspace.mail.hold_time,
            on_unknown=acting.on_unknown,
        )

    def _preferences_page(self) -> str | None:
        """Where the recipient leaves the mail's topic; raises Misconfigured where nobody could reach it."""
        if self._topic is None or self._recipient.email is None:
            return None
        acting = self._acting
        links = acting.ports.links(acting.conn)
        return links.preferences(address_key(self._recipient.email), self._topic, self.language)

    def _through(self) -> Callable[[str], str] | None:
        """Where links lead instead, when clicks are to be seen."""
        if not self._acting.workspace.mail.track_clicks:
            return None
        links = self._acting.ports.links(self._acting.conn)
        return lambda target: links.click(self._message_id, target)

    def _replies_to(self) -> str | None:
        address = self._acting.workspace.reply_address()
        if address is None:
            return None
        return self._acting.ports.links(self._acting.conn).reply(address, self._message_id)

    def _language_of(self, translations: Mapping[str, str]) -> str:
        own = next(iter(self._acting.workspace.locales), "en")
        if self.hash == self._act.params["text"]:
            return own
        return next((locale for locale, hash_ in translations.items() if hash_ == self.hash), own)


def _text(conn: sa.Connection, hash_: str) -> MailText:
    row = _TEXT.read_one(conn, {"hash": hash_})
    if row is None:
        raise LookupError(f"there is no text {hash_}")
    return MailText.model_validate(row.content)


_TEXT = Statement("select content from text where hash = %(hash)s")


def _values(acting: Acting, role: str | None, recipient: Contact) -> Mapping[str, Any]:
    """What the text reads; `sender` is the colleague in whose name it is sent, where there is one."""
    values = text_values(acting.conn, acting.account_id, acting.workspace, recipient)
    if not role or not values.get(f"{role}.name"):
        return values
    sender = {f"sender.{part}": values[f"{role}.{part}"] for part in ("name", "first_name", "email")}
    return ChainMap(sender, values)  # type: ignore[arg-type]  # nobody writes
