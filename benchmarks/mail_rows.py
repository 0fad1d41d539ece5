"""Mails written straight into the tables, with the runs and contacts that they need around them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.mail.addresses import address_key
from store import schema

_MAILS_OF_A_RUN = 5


def put_mails(engine: sa.Engine, first: int, count: int, at: datetime, **values: Any) -> list[str]:
    """The message ids, without brackets, of `count` mails numbered from `first`, each to a contact of its own."""
    numbers = range(first, first + count)
    address = "person{}@customer.example".format
    with engine.begin() as conn:
        account = _account(conn, at)
        people = {"account_id": account, "name": "Ada Moreau", "at": at, "learned_at": at}
        contacts = _made(conn, schema.contact, [people | {"key": f"c{n}", "email": address(n)} for n in numbers])
        run = {"playbook": "bench", "version": 1, "plan_hash": "p", "priority": 50, "account_id": account}
        run |= {"started_at": at, "outbox_n": 1}
        starts = range(first, first + count, _MAILS_OF_A_RUN)
        runs = _made(conn, schema.run, [run | {"workflow_id": f"b/{n}", "entry_key": str(n)} for n in starts])
        shared = {"step": "hello", "visit": 1, "account_id": account, "text_hash": "t", "category": "service"}
        shared |= {
            "from_address": "team@bench.example",
            "from_name": "Harbour",
            "subject": "Hello",
            "html": "<p>Hello</p>",
        }
        shared |= {"plain": "Hello", "stream": "email", "priority": 50, "due_at": at, "created_at": at} | values
        rows: list[dict[str, Any]] = [
            shared
            | {
                "run_id": runs[(n - first) // _MAILS_OF_A_RUN],
                "contact_id": contacts[n - first],
                "to_address": address(n),
                "to_key": address_key(address(n)),
                "message_id": f"<{n}@bench.example>",
            }
            for n in numbers
        ]
        conn.execute(sa.insert(schema.mail), rows)
    return [row["message_id"].strip("<>") for row in rows]


def _account(conn: sa.Connection, at: datetime) -> int:
    """The one they are all for, with the playbook that sends them; made when it is not there."""
    conn.execute(insert(schema.account).values(key="bench", learned_at=at).on_conflict_do_nothing())
    conn.execute(insert(schema.text).values(hash="t", content={}).on_conflict_do_nothing())
    conn.execute(insert(schema.playbook).values(id="bench", version=1).on_conflict_do_nothing())
    compiled = {"plan": {"listens": ["email.clicked"]}}
    version = {"playbook": "bench", "version": 1, "hash": "h", "plan_hash": "p", "source": "", "compiled": compiled}
    conn.execute(insert(schema.playbook_version).values(**version, deployed_at=at).on_conflict_do_nothing())
    found: int = conn.execute(sa.select(schema.account.c.id).where(schema.account.c.key == "bench")).scalar_one()
    return found


def _made(conn: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> list[int]:
    return list(conn.execute(sa.insert(table).returning(table.c.id, sort_by_parameter_order=True), rows).scalars())
