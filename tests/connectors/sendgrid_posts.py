"""Posts of SendGrid's event webhook, signed as SendGrid signs them."""

import base64
import json
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.email.sendgrid_events import SIGNATURE, TIMESTAMP

_PRIVATE = ec.derive_private_key(0x7E57, ec.SECP256R1())
VERIFICATION_KEY = base64.b64encode(
    _PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def signed(body: bytes, at: datetime, key: ec.EllipticCurvePrivateKey = _PRIVATE) -> dict[str, str]:
    """The two headers of a post."""
    timestamp = str(int(at.timestamp()))
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: timestamp}


def event(kind="delivered", mail="1a2b3c@corp.test", id_="e1", at=AT, **more):
    """One event, with the fields that SendGrid gives all of them."""
    given = {"event": kind, "tenure_mail": mail, "sg_event_id": id_, "timestamp": int(at.timestamp())}
    usual = {
        "email": "kim@customer.test",
        "smtp-id": f"<{mail}>",
        "sg_message_id": "14c5d75ce93.filter0001.16648.5515E0B88.0",
        "category": ["service"],
    }
    return usual | given | more


def post(*events):
    return json.dumps(events).encode()
