"""Reads what SendGrid's event webhook posts: whether it is SendGrid's own, and what was seen of which of our mails.

Posts come late, repeated and in any order; they hold events of whatever else uses the account, too.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from connectors.errors import Misconfigured
from engine.mail.seen import Seen, SeenType

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

MAIL_ARG = "tenure_mail"
"""The custom argument that names our mail: its message id without brackets. SendGrid gives it back with each event."""
SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"

_OLDEST = timedelta(hours=25)
"""SendGrid repeats for a day what we did not take. What is older is somebody else's repetition."""
_MOST_AHEAD = timedelta(minutes=5)
_TYPES: Mapping[str, SeenType] = {
    "processed": "processed",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "dropped": "dropped",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "group_unsubscribed",
}
_OWN_LISTS = ("Bounced Address", "Spam Reporting Address", "Unsubscribed Address", "Invalid")
"""Why SendGrid drops mail by itself for good, in its own words."""
_ID = re.compile(r"[!-~]{1,200}")
_PEM_LINE = re.compile(r"-----[A-Z ]+-----")
_MOST_OF_A_LINK, _MOST_OF_A_REASON = 2000, 300


class NotSendGrids(Exception):
    """The post is not signed by the key, or too long ago; the message says which."""


class Malformed(Exception):
    """Signed or not, the post is no list of events."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """What a post tells of mails with our argument, and how many of its events are none of ours."""

    seen: tuple[Seen, ...]
    ignored: int
    """Of other programs, of kinds we do not know, or without what every event has."""


def verify(key: str, body: bytes, signature: str | None, timestamp: str | None, now: datetime) -> timedelta:
    """How old the post is; raises NotSendGrids, or Misconfigured for a key that is none.

    `key` is the base64 that SendGrid shows; the raw bytes were signed, behind the timestamp.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    public = _public_key(key)
    if not signature or not timestamp:
        raise NotSendGrids("the post is not signed")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotSendGrids("the post's timestamp is no number of seconds")
    try:
        public.verify(base64.b64decode(signature, validate=True), timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise NotSendGrids("the post's signature is not that of the key") from error
    age = now - datetime.fromtimestamp(0, UTC) - timedelta(seconds=int(timestamp))
    if not -_MOST_AHEAD <= age <= _OLDEST:
        raise NotSendGrids("the post was signed too long ago, or in the future")
    return age


def read_post(body: bytes) -> Post:
    """The events in the order in which they happened; raises Malformed for what is no list of events."""
    try:
        events = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("the post is not JSON") from error
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Malformed("the post is no list of events")
    seen = [one for event in events if (one := _seen(event)) is not None]
    seen.sort(key=lambda one: (one.at, one.key))
    return Post(seen=tuple(seen), ignored=len(events) - len(seen))


def _seen(event: Mapping[str, Any]) -> Seen | None:
    type_ = _TYPES.get(str(event.get("event")))
    mail, id_, at = event.get(MAIL_ARG), event.get("sg_event_id"), _instant(event.get("timestamp"))
    if type_ is None or at is None or not _is_id(mail) or not _is_id(id_):
        return None
    link = event.get("url") if type_ == "clicked" else None
    reason = event.get("reason") or event.get("response")
    return Seen(
        message_id=f"<{mail}>",
        type=type_,
        key=f"sendgrid/{id_}",
        at=at,
        link=_clean(link, _MOST_OF_A_LINK),
        reason=_clean(reason, _MOST_OF_A_REASON),
        machine=str(event.get("sg_machine_open", "")).lower() == "true",
        stops=_stops(type_, event),
    )


def _stops(type_: SeenType, event: Mapping[str, Any]) -> Literal["bounced", "complained", "provider"] | None:
    match type_:
        case "bounced":
            # `blocked` is a refusal of this one mail, or for the time being: the address may be as good as ever.
            return None if event.get("type") == "blocked" else "bounced"
        case "complained":
            return "complained"
        case "unsubscribed" | "group_unsubscribed":
            return "provider"
        case "dropped":
            return "provider" if event.get("reason") in _OWN_LISTS else None
    return None


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 946_684_800 <= value < 4_102_444_800:
        return None
    return datetime.fromtimestamp(int(value), UTC)


def _clean(text: object, most: int) -> str | None:
    if not isinstance(text, str):
        return None
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())[:most] or None


@lru_cache(maxsize=4)
def _public_key(key: str) -> "EllipticCurvePublicKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        found = load_der_public_key(base64.b64decode("".join(_PEM_LINE.sub("", key).split()), validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise Misconfigured("the verification key of SendGrid's events is no base64 of a public key") from error
    if not isinstance(found, EllipticCurvePublicKey):
        raise Misconfigured("the verification key of SendGrid's events is of another kind than SendGrid's")
    return found
