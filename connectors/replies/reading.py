"""Reads a mail that came in: who wrote, to whom, about which mail of ours, and whether a person or a machine did.

Nothing in it is trusted, and nothing makes this fail: a mail that is no mail at all is an empty one.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email import policy
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime

from connectors.replies.quoting import plain_of, without_quotation
from engine.mail.incoming import MOST_SAID, Incoming, IncomingKind

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,300}>")
_TO = ("To", "Cc", "Delivered-To", "X-Original-To", "X-Forwarded-To", "Envelope-To", "X-Envelope-To")
_MOST_PARTS = 100
_MOST_OF_A_LINE = 300
_MOST_IDS = 50
_AUTOMATIC_SUBJECT = re.compile(
    r"(auto(matic|mated)?[ -]?(reply|response|antwort)|automatische antwort|out of( the)? office|abwesenheit|"
    r"réponse automatique|absence du bureau|respuesta automática|fuera de la oficina)\b",
    re.IGNORECASE,
)
_MACHINES = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply)@", re.IGNORECASE)


def read_mail(raw: bytes, now: datetime) -> Incoming:
    """The mail in these bytes. `now` stands in for a date that is none, or is ahead."""
    message = BytesParser(policy=policy.default).parsebytes(raw)
    report = _delivery_report(message)
    kind: IncomingKind = _reported(report) if report is not None else _kind(message)
    names = [*_ids(message, "In-Reply-To"), *reversed(_ids(message, "References"))]
    if report is not None:
        names = [*_returned_ids(message), *names]
    author = next(iter(_addresses(message, ("From", "Reply-To", "Sender"))), ("", ""))
    return Incoming(
        key=_key(message, raw),
        kind=kind,
        to=tuple(dict.fromkeys(address.lower() for _, address in _addresses(message, _TO) if address)),
        about=tuple(dict.fromkeys(names))[:_MOST_IDS],
        from_name=author[0],
        from_address=author[1],
        subject=_header(message, "Subject"),
        says="" if report is not None else without_quotation(_text(message))[:MOST_SAID],
        reason=_why(report) if report is not None else None,
        at=_date(message, now),
    )


# --- who wrote it -----------------------------------------------------------------------------------------------------


def _kind(message: Message) -> IncomingKind:
    """RFC 3834 has programs say so; many say it otherwise."""
    submitted = _header(message, "Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return "auto_replied"
    if _header(message, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply"):
        return "auto_replied"
    if any(message.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "List-Id")):
        return "auto_replied"
    if _header(message, "X-Auto-Response-Suppress").lower() == "all" and _AUTOMATIC_SUBJECT.search(
        _header(message, "Subject")
    ):
        return "auto_replied"
    if _header(message, "Return-Path") == "<>" or _AUTOMATIC_SUBJECT.match(_header(message, "Subject")):
        return "auto_replied"
    author = next((address for _, address in _addresses(message, ("From",))), "")
    return "auto_replied" if _MACHINES.match(author) else "replied"


# --- what a report on delivery says -----------------------------------------------------------------------------------


def _delivery_report(message: Message) -> Message | None:
    """The fields about the recipient (RFC 3464); None when this is no report, or one about a mail that was read."""
    for part in _parts(message):
        if part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            fields = [one for one in blocks if isinstance(one, Message)] if isinstance(blocks, list) else []
            return next((one for one in fields if one.get("Action") or one.get("Status")), Message())
    return None


def _reported(report: Message) -> IncomingKind:
    action, status = _header(report, "Action").lower(), _header(report, "Status")
    if action in ("delivered", "relayed", "expanded"):
        return "auto_replied"
    return "deferred" if action == "delayed" or (not action and status.startswith("4")) else "bounced"


def _why(report: Message) -> str | None:
    said = _header(report, "Diagnostic-Code").partition(";")[2].strip()
    return " ".join(one for one in (_header(report, "Status"), said) if one) or None


def _returned_ids(message: Message) -> list[str]:
    """Of the mail that comes back: as a whole, or its head alone."""
    found: list[str] = []
    for part in _parts(message):
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            whole = inner[0] if isinstance(inner, list) and inner else None
            found += _ids(whole, "Message-ID") if isinstance(whole, Message) else []
        elif part.get_content_type() == "text/rfc822-headers":
            found += _ids(BytesParser(policy=policy.default).parsebytes(_bytes(part)), "Message-ID")
    return found


# --- what stands in it ------------------------------------------------------------------------------------------------


def _text(message: Message) -> str:
    """The first plain text; else the words of the first HTML."""
    for kind in ("text/plain", "text/html"):
        for part in _parts(message):
            if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
                text = _decoded(part)
                if text.strip():
                    return text if kind == "text/plain" else plain_of(text)
    return ""


def _decoded(part: Message) -> str:
    raw, charset = _bytes(part), part.get_content_charset() or "utf-8"
    try:
        text = raw.decode(charset, "replace")
    except (LookupError, ValueError):
        text = raw.decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in _unix(text))


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _bytes(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except Exception:  # noqa: BLE001 - the library's decoders raise whatever they meet
        return b""
    return payload if isinstance(payload, bytes) else b""


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= _MOST_PARTS:
            return
        yield part


def _header(message: Message, name: str) -> str:
    try:
        value = str(message.get(name, ""))
    except Exception:  # noqa: BLE001 - the library's header parsers raise whatever they meet
        return ""
    clean = "".join(char if char.isprintable() else " " for char in value)
    return " ".join(clean.split())[:_MOST_OF_A_LINE]


def _raw_headers(message: Message, name: str) -> list[str]:
    try:
        return [str(value)[:10_000] for value in message.get_all(name, [])]
    except Exception:  # noqa: BLE001 - as above
        return []


def _addresses(message: Message, names: Iterable[str]) -> list[tuple[str, str]]:
    values = [value for name in names for value in _raw_headers(message, name)]
    clean = ["".join(char if char.isprintable() else " " for char in value) for value in values]
    return [(name[:200], address[:320]) for name, address in getaddresses(clean) if "@" in address]


def _ids(message: Message, name: str) -> list[str]:
    return [found for value in _raw_headers(message, name) for found in _MESSAGE_ID.findall(value)]


def _key(message: Message, raw: bytes) -> str:
    own = next(iter(_ids(message, "Message-ID")), None)
    return own or hashlib.sha256(raw).hexdigest()


def _date(message: Message, now: datetime) -> datetime:
    try:
        found = parsedate_to_datetime(_header(message, "Date"))
    except (TypeError, ValueError, IndexError, OverflowError):
        return now
    at = found if found.tzinfo else found.replace(tzinfo=UTC)
    return at if datetime(2000, 1, 1, tzinfo=UTC) < at < now else now
