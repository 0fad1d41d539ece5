"""Builds the message as it travels (RFC 5322): text and HTML, the same bytes on every attempt."""

import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime
from functools import lru_cache

from connectors.email.port import OutgoingMail
from connectors.errors import Rejected
from engine.mail.addresses import mixed_scripts

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>")
_LINK = re.compile(r"https://[!-;=?-~]+")
_MOST_OF_A_HEADER = 900
_MOST_OF_A_NAME = 120
_MOST_OF_A_WORD = 60
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A mail of which every part fits into a message, whoever writes that message in the end."""

    sender: Address
    recipient: Address
    reply_to: tuple[Address, ...]
    subject: str
    headers: Mapping[str, str]
    """All others that the mail brings along, in ASCII."""
    plain: str = field(repr=False)
    html: str = field(repr=False)


def parts_of(mail: OutgoingMail, *, international: bool = False) -> Parts:
    """The mail's parts; raises Rejected, naming the part, for what no header can hold.

    `international` lets the recipient's name before the @ be other than ASCII, which few providers carry.
    """
    headers = {
        "Message-ID": _matching(_MESSAGE_ID, mail.message_id, "message id"),
        "Auto-Submitted": "auto-generated",
    }
    if mail.unsubscribe_url is not None:
        headers["List-Unsubscribe"] = f"<{_matching(_LINK, mail.unsubscribe_url, 'unsubscribe link')}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Parts(
        sender=_address(mail.from_address, mail.from_name, "sender"),
        recipient=_address(mail.to_address, mail.to_name, "recipient", international=international),
        reply_to=tuple(_address(one, "", "reply-to") for one in _repliers(mail)),
        subject=_line(mail.subject),
        headers=headers,
        plain=_unix(mail.plain),
        html=_unix(mail.html),
    )


def build_message(mail: OutgoingMail, *, international: bool = False) -> bytes:
    """The message with CRLF line ends, in ASCII where the recipient's address is; raises Rejected as `parts_of`.

    Written here and not by the library, which would parse again each header that it is given, for ten times as long.
    """
    parts = parts_of(mail, international=international)
    headers = {"From": _mailbox(parts.sender), "To": _mailbox(parts.recipient)}
    if parts.reply_to:
        headers["Reply-To"] = ",\r\n ".join(map(_mailbox, parts.reply_to))
    headers |= {"Subject": _words(parts.subject, "Subject"), "Date": _date(mail.at), **parts.headers}
    # No body in quoted-printable can hold `=_`, and a second attempt must not look like another mail.
    boundary = f"=_{hashlib.sha256(mail.message_id.encode()).hexdigest()[:32]}"
    headers |= {"MIME-Version": "1.0", "Content-Type": f'multipart/alternative;\r\n boundary="{boundary}"'}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    pieces = [head.encode(), b""]
    for subtype, text in (("plain", parts.plain), ("html", parts.html)):
        pieces += [f"--{boundary}\r\n{_PART.format(subtype=subtype)}".encode(), _quoted(text)]
    return b"\r\n".join((*pieces, f"--{boundary}--\r\n".encode()))


_PART = 'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n'


@lru_cache(maxsize=1024)  # the same sender for all mails, and each recipient in envelope and header
def envelope_address(address: str, what: str, *, international: bool = False) -> str:
    """The address as SMTP takes it, an international domain in its ASCII form; raises Rejected for what is none."""
    from email_validator import EmailNotValidError, validate_email

    try:
        # Whether the domain exists is the provider's to say. `test_environment` lets names in .test pass: that is where
        # demos and tests stay.
        checked = validate_email(
            address, check_deliverability=False, allow_smtputf8=international, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        raise Rejected(f"the {what}'s address cannot be mailed to: {error}") from error
    if scripts := mixed_scripts(checked.domain):
        # No customer has such a domain; whoever wants to pass for one does.
        raise Rejected(
            f"the {what}'s domain {checked.ascii_domain} mixes {' and '.join(scripts)} letters, as look-alikes do"
        )
    return checked.ascii_email or f"{checked.local_part}@{checked.ascii_domain}"


@lru_cache(maxsize=8)  # a batch is sent at one instant
def _date(at: datetime) -> str:
    return format_datetime(at)


def _repliers(mail: OutgoingMail) -> tuple[str, ...]:
    """A person reads every reply, whoever else does."""
    if mail.replies_to is None:
        return (mail.reply_to,) if mail.reply_to else ()
    return (mail.reply_to or mail.from_address, mail.replies_to)


def _mailbox(address: Address) -> str:
    name = address.display_name
    if not name:
        return address.addr_spec
    if _is_plain(name):
        shown = name if _ATOMS.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    else:
        shown = _words(name, "Reply-To")
    # A mailbox may begin a line of its own, and longer ones do.
    space = " " if len(shown) + len(address.addr_spec) < 60 else "\r\n "
    return f"{shown}{space}<{address.addr_spec}>"


def _words(text: str, header: str) -> str:
    """As it is, or in encoded words (RFC 2047), folded."""
    return Header(text, "us-ascii" if _is_plain(text) else "utf-8", header_name=header).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    """ASCII with places to fold at, and nothing that would be read as an encoded word."""
    return text.isascii() and "=?" not in text and max(map(len, text.split(" "))) <= _MOST_OF_A_WORD


def _quoted(text: str) -> bytes:
    return binascii.b2a_qp(text.replace("\n", "\r\n").encode())


def _address(address: str, name: str, what: str, *, international: bool = False) -> Address:
    local, _, domain = envelope_address(address, what, international=international).rpartition("@")
    return Address(_line(name)[:_MOST_OF_A_NAME].rstrip(), username=local, domain=domain)


def _line(text: str) -> str:
    """No line break or control character survives, so no text can begin a header of its own."""
    printable = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())


def _matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    if len(text) > _MOST_OF_A_HEADER or not pattern.fullmatch(text):
        raise Rejected(f"the {what} {text[:80]!r} does not fit into a header")
    return text


def _unix(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return lines if lines.endswith("\n") else f"{lines}\n"
