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
from benchmarks.measure import Figure, Spent, median, timed
from connectors.email.sendgrid_events import SIGNATURE, TIMESTAMP
from store import schema
from store.database import engine_for
from store.migrate import migrate
from web.app import create_app
from web.deps import WebDeps

_ROUNDS = 5
_EVENTS = 5000
_MAILS_OF_A_RUN = 5
_MOST = 1.0
_KINDS = ("delivered", "processed", "open", "delivered", "click")
_SENT_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_KEY = ec.derive_private_key(0xBE7C, ec.SECP256R1())


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home), durable=False) as servers:
        url = servers.database_url()
        migrate(url)
        engine = engine_for(url)
        names = _mails(engine)
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


def _mails(engine: sa.Engine) -> list[str]:
    """As many sent mails of open runs; their message ids without brackets."""
    runs, compiled = _EVENTS // _MAILS_OF_A_RUN, {"plan": {"listens": ["email.clicked"]}}
    with engine.begin() as conn:
        account = conn.execute(
            sa.insert(schema.account).values(key="a", learned_at=_SENT_AT).returning(schema.account.c.id)
        ).scalar_one()
        conn.execute(sa.insert(schema.text).values(hash="t", content={}))
        conn.execute(sa.insert(schema.playbook).values(id="bench", version=1))
        version = {"playbook": "bench", "version": 1, "hash": "h", "plan_hash": "p", "source": ""}
        conn.execute(sa.insert(schema.playbook_version).values(**version, compiled=compiled, deployed_at=_SENT_AT))
        contact = {"account_id": account, "name": "x", "at": _SENT_AT, "learned_at": _SENT_AT}
        contacts = conn.execute(
            sa.insert(schema.contact).returning(schema.contact.c.id),
            [contact | {"key": str(n), "email": f"c{n}@customer.example"} for n in range(_MAILS_OF_A_RUN)],
        )
        contact_ids = list(contacts.scalars())
        run = {"playbook": "bench", "version": 1, "plan_hash": "p", "priority": 50, "account_id": account}
        run |= {"started_at": _SENT_AT, "outbox_n": 1}
        run_ids = conn.execute(
            sa.insert(schema.run).returning(schema.run.c.id),
            [run | {"workflow_id": f"b/{n}", "entry_key": str(n)} for n in range(runs)],
        ).scalars()
        shared = {"step": "hello", "visit": 1, "account_id": account, "text_hash": "t", "category": "service"}
        shared |= {"to_address": "c@customer.example", "from_address": "t@corp.example", "from_name": "Corp"}
        shared |= {"subject": "Hello", "html": "<p>Hello</p>", "plain": "Hello", "stream": "email", "priority": 50}
        shared |= {"due_at": _SENT_AT, "created_at": _SENT_AT, "settled_at": _SENT_AT, "state": "sent"}
        rows = [
            shared | {"run_id": run_id, "contact_id": contact_id, "message_id": f"<{run_id}.{contact_id}@corp.example>"}
            for run_id in run_ids
            for contact_id in contact_ids
        ]
        conn.execute(sa.insert(schema.mail), rows)
    return [row["message_id"].strip("<>") for row in rows]
