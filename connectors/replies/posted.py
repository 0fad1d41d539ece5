"""Reads what SendGrid's Inbound Parse posts: a form with the whole mail in it, or with its parts.

SendGrid signs nothing of this; whoever knows the secret in the address may post.
"""

import json
import re
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.policy import SMTP

from pydantic import Field

from connectors.errors import Misconfigured
from engine.values import Value

_HEAD_LINE = re.compile(r"^[!-9;-~]+:")
_LEAST_SECRET = 16
_KEPT_HEADS = ("from", "date", "message-id", "in-reply-to", "references", "auto-submitted", "precedence", "subject")


class InboundSettings(Value):
    """The account's Inbound Parse posts to /hooks/replies/SECRET."""

    address: str = Field(description="an address at the parsed domain; each mail has its own, with a + and a token")
    secret_env: str = Field(min_length=1, description="the environment variable that holds the secret in the address")


class Malformed(Exception):
    """The post is no form, or holds no mail; the message says which."""


def secret_of(settings: InboundSettings, secret: Callable[[str], str | None]) -> str:
    """The secret; raises Misconfigured where it is not set, or could be guessed."""
    value = secret(settings.secret_env)
    if value is None or len(value) < _LEAST_SECRET or not re.fullmatch(r"[A-Za-z0-9._~-]+", value):
        raise Misconfigured(
            f"the environment variable {settings.secret_env} holds no secret: "
            f"it takes {_LEAST_SECRET} characters or more that can stand in an address"
        )
    return value


def mail_in(content_type: str, body: bytes) -> bytes:
    """The mail as it travelled, or one with the same head and words; raises Malformed."""
    fields = _fields(content_type, body)
    if fields.get("email"):
        return fields["email"]
    if "headers" not in fields and "text" not in fields and "html" not in fields:
        raise Malformed("the form has neither the mail nor its parts")
    return _put_together(fields)


def _fields(content_type: str, body: bytes) -> Mapping[str, bytes]:
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import FormParser, parse_options_header

    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Malformed("the post is no multipart form")
    fields: dict[str, bytes] = {}

    def take(field: object) -> None:
        name, value = getattr(field, "field_name", None), getattr(field, "value", None)
        if isinstance(name, bytes) and isinstance(value, bytes) and len(fields) < _MOST_FIELDS:
            fields.setdefault(name.decode("utf-8", "replace"), value)

    # Files are attachments, and go nowhere.
    parser = FormParser("multipart/form-data", take, lambda _file: None, boundary=options[b"boundary"])
    try:
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError, AttributeError) as error:
        raise Malformed("the form cannot be read") from error
    return fields


_MOST_FIELDS = 200


def _put_together(fields: Mapping[str, bytes]) -> bytes:
    charsets = _charsets(fields.get("charsets", b""))
    message = EmailMessage(policy=SMTP)
    for name, value in _heads(fields.get("headers", b"").decode("utf-8", "replace")):
        if name.lower() in _KEPT_HEADS and name not in message:
            message[name] = value
    for address in _envelope(fields.get("envelope", b"")):
        message.add_header("X-Original-To", address)
    part, kind = ("text", "plain") if fields.get("text") else ("html", "html")
    raw = fields.get(part, b"")
    try:
        text = raw.decode(charsets.get(part, "utf-8"), "replace")
    except LookupError:
        text = raw.decode("utf-8", "replace")
    message.set_content("".join(char for char in text if not "\ud800" <= char <= "\udfff"), subtype=kind)
    return message.as_bytes()


def _heads(text: str) -> list[tuple[str, str]]:
    """Names and values, unfolded, without what no header may hold."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if _HEAD_LINE.match(line):
            name, _, value = line.partition(":")
            found.append((name, _clean(value)))
        elif line[:1].isspace() and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {_clean(line)}")
    return found


def _clean(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:2_000]


def _charsets(raw: bytes) -> Mapping[str, str]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _envelope(raw: bytes) -> list[str]:
    try:
        to = json.loads(raw)["to"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return []
    return [_clean(one) for one in to[:50] if isinstance(one, str)] if isinstance(to, list) else []
