"""Builds the message as it travels (RFC 5322): text and HTML, the same bytes on every attempt."""

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

from connectors.email.port import OutgoingMail
from connectors.errors import Rejected

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>")
_LINK = re.compile(r"https://[!-;=?-~]+")
_MOST_OF_A_HEADER = 900
_MOST_OF_A_NAME = 120


def build_message(mail: OutgoingMail) -> bytes:
    """The message with CRLF line ends; raises Rejected, naming the part, for what no header can hold."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _address(mail.from_address, mail.from_name, "sender")
    message["To"] = _address(mail.to_address, mail.to_name, "recipient")
    if mail.reply_to:
        message["Reply-To"] = _address(mail.reply_to, "", "reply-to")
    message["Subject"] = _line(mail.subject)
    message["Date"] = mail.at
    message["Message-ID"] = _matching(_MESSAGE_ID, mail.message_id, "message id")
    message["Auto-Submitted"] = "auto-generated"
    if mail.unsubscribe_url is not None:
        message["List-Unsubscribe"] = f"<{_matching(_LINK, mail.unsubscribe_url, 'unsubscribe link')}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(_unix(mail.plain), cte="quoted-printable")
    message.add_alternative(_unix(mail.html), subtype="html", cte="quoted-printable")
    # The library's own boundary is random, and a second attempt must not look like another mail.
    message.set_boundary(f"=_{hashlib.sha256(mail.message_id.encode()).hexdigest()[:32]}")
    return message.as_bytes()


def envelope_address(address: str, what: str) -> str:
    """The address as SMTP takes it, an international domain in its ASCII form; raises Rejected for what is none."""
    from email_validator import EmailNotValidError, validate_email

    try:
        # Whether the domain exists is the provider's to say. `test_environment` lets names in .test pass: that is where
        # demos and tests stay.
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError as error:
        raise Rejected(f"the {what}'s address cannot be mailed to: {error}") from error
    return checked.ascii_email or checked.normalized


class _Policy(EmailPolicy):
    """The library folds a long link into encoded words, which mailboxes do not undo: such headers stay one line."""

    def fold(self, name: str, value: Any) -> str:
        return _whole(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        whole = _whole(name, value)
        return whole.encode("ascii") if whole else super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n")


def _whole(name: str, value: Any) -> str | None:
    return f"{name}: {value}\r\n" if name in ("List-Unsubscribe", "Message-ID") else None


def _address(address: str, name: str, what: str) -> Address:
    return Address(_line(name)[:_MOST_OF_A_NAME].rstrip(), addr_spec=envelope_address(address, what))


def _line(text: str) -> str:
    """No line break or control character survives, so no text can begin a header of its own."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    if len(text) > _MOST_OF_A_HEADER or not pattern.fullmatch(text):
        raise Rejected(f"the {what} {text[:80]!r} does not fit into a header")
    return text


def _unix(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return lines if lines.endswith("\n") else f"{lines}\n"
