"""How long a post of five thousand mail events takes, from signed bytes to committed rows, beside bare inserts."""

import base64
import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.testclient import TestClient

from app.embedded import Servers
from benchmarks.mail_rows import put_mails
from benchmarks.measure import Figure, Spent, median, timed
from connectors.email.sendgrid_events import SIGNATURE, TIMESTAMP
from store.migrate import migrate
from store.postgres.database import engine_for
from web.app import create_app
from web.deps import WebDeps

_ROUNDS = 5
_EVENTS = 5000
_MOST = 1.0
_KINDS = ("delivered", "processed", "open", "delivered", "click")
_SENT_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_KEY = ec.derive_private_key(0xBE7C, ec.SECP256R1())


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home), durable=False) as servers:
        url = servers.database_url()
        migrate(url)
        engine = engine_for(url)
        names = put_mails(engine, 0, _EVENTS, _SENT_AT, settled_at=_SENT_AT, state="sent")
        key = base64.b64encode(_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
        app = create_app(WebDeps(engine=engine, temporal_answers=_alive, sendgrid_key=lambda: key))
        ours: list[Spent] = []
        bare: list[Spent] = []
        with TestClient(app) as client:
            for n in range(_ROUNDS):
                events = _events(names, n)
                ours.append(timed(lambda: _tell(client, events)))  # noqa: B023 - called at once
                bare.append(timed(lambda: _insert(engine, events)))  # noqa: B023 - called at once
            again = timed(lambda: _tell(client, events))
        engine.dispose()
    value, ceiling = median(one.wall for one in ours), median(one.wall for one in bare)
    cpu = median(one.cpu for one in ours)
    yield Figure(
        name="webhook_intake",
        value=_EVENTS / value,
        unit="events/s",
        ceiling=_EVENTS / ceiling,
        target=f">= {_EVENTS / _MOST:.0f}",
        holds=value <= _MOST,
        note=f"a post of {_EVENTS}: {value:.2f} s, {cpu:.2f} s CPU in the web; told again: {again.wall:.2f} s",
    )


async def _alive() -> bool:
    return True


def _tell(client: TestClient, events: Sequence[dict[str, Any]]) -> None:
    body = json.dumps(events).encode()
    timestamp = str(int(datetime.now(UTC).timestamp()))
    signature = _KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: timestamp}
    answer = client.post("/hooks/sendgrid", content=body, headers=headers)
    found = answer.json()
    assert found["new"] + found["repeats"] == _EVENTS, found


def _insert(engine: sa.Engine, events: Sequence[dict[str, Any]]) -> None:
    """The same rows without a question asked: parsed, and written in one statement into a table of the same shape."""
    rows = [
        {"type": one["event"], "key": one["sg_event_id"], "at": datetime.fromtimestamp(one["timestamp"], UTC)}
        for one in json.loads(json.dumps(events))
    ]
    bare = sa.Table(
        "bare",
        sa.MetaData(),
        sa.Column("type", sa.Text),
        sa.Column("key", sa.Text, unique=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True)),
    )
    with engine.begin() as conn:
        bare.create(conn, checkfirst=True)
        conn.execute(sa.insert(bare), rows)


def _events(names: Sequence[str], round_: int) -> list[dict[str, Any]]:
    at = int((_SENT_AT + timedelta(hours=round_ + 1)).timestamp())
    return [
        {
            "event": _KINDS[n % len(_KINDS)],
            "tenure_mail": name,
            "sg_event_id": f"{round_}-{n}",
            "sg_message_id": f"14c5d75ce93.filter0001.16648.5515E0B88.{n}",
            "timestamp": at + n,
            "email": f"person{n}@customer.example",
            "url": "https://corp.example/a-link-in-the-mail",
            "useragent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0",
            "ip": "203.0.113.7",
            "category": ["service"],
        }
        for n, name in enumerate(names)
    ]
