"""Rows that a mail needs around it, written straight into the tables."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from store import mails, schema
from tests.authoring import compiled, with_steps

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)

_numbers = itertools.count(1)


def _listening(events: Iterable[str]) -> dict[str, Any]:
    """A playbook that compiles, whose plan hears these mail events."""
    made = compiled(with_steps("  - wait: 1 day\n")).compiled
    assert made is not None
    document: dict[str, Any] = made.model_dump(mode="json")
    return document | {"plan": document["plan"] | {"listens": list(events)}}


class Post:
    """Every method is one transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        with engine.begin() as conn:
            conn.execute(insert(schema.text).values(hash="t1", content={}).on_conflict_do_nothing())

    def run(self, playbook="risk-recovery", listens=(), **values) -> int:
        number = next(_numbers)
        with self.engine.begin() as conn:
            account_id = conn.execute(
                sa.insert(schema.account).values(key=f"a{number}", learned_at=NOW).returning(schema.account.c.id)
            ).scalar_one()
            conn.execute(insert(schema.playbook).values(id=playbook, version=1).on_conflict_do_nothing())
            version = {"playbook": playbook, "version": 1, "hash": "h", "plan_hash": "p"}
            version |= {"compiled": _listening(listens)}
            conn.execute(
                insert(schema.playbook_version).values(**version, source="", deployed_at=NOW).on_conflict_do_nothing()
            )
            row = {
                "playbook": playbook,
                "version": 1,
                "plan_hash": "p",
                "priority": 50,
                "started_at": NOW,
                "outbox_n": 1,
            }
            row |= {"account_id": account_id, "workflow_id": f"{playbook}/a{number}/{number}"} | values
            run_id: int = conn.execute(sa.insert(schema.run).values(row).returning(schema.run.c.id)).scalar_one()
            return run_id

    def contact(self, run_id: int, key: str | None = None, email: str | None = None) -> int:
        key = key or f"c{next(_numbers)}"
        with self.engine.begin() as conn:
            account_id = conn.execute(sa.select(schema.run.c.account_id).where(schema.run.c.id == run_id)).scalar_one()
            row = {"account_id": account_id, "key": key, "name": key, "email": email or f"{key}@customer.test"}
            values = row | {"at": NOW, "learned_at": NOW}
            made = conn.execute(sa.insert(schema.contact).values(values).returning(schema.contact.c.id))
            contact_id: int = made.scalar_one()
            return contact_id

    def draft(self, run_id: int, contact_id: int, **changes) -> mails.Draft:
        with self.engine.begin() as conn:
            row = conn.execute(sa.select(schema.contact).where(schema.contact.c.id == contact_id)).one()
        values = {
            "run_id": run_id,
            "step": "checking_in",
            "visit": 1,
            "account_id": row.account_id,
            "contact_id": contact_id,
            "text_hash": "t1",
            "category": "service",
            "to_address": row.email,
            "to_name": row.name,
            "from_address": "success@corp.test",
            "from_name": "Corp",
            "subject": "How is it going?",
            "html": "<p>Hello</p>",
            "plain": "Hello",
            "stream": "email",
            "priority": 50,
            "due_at": NOW,
        }
        return mails.Draft(**(values | changes))

    def prepare(self, *drafts: mails.Draft) -> list[int]:
        with self.engine.begin() as conn:
            return [mails.prepare(conn, draft, NOW) for draft in drafts]

    def mail(self, run_id: int | None = None, **changes) -> int:
        """One prepared mail to a new contact, of a new run unless one is given."""
        run_id = run_id or self.run()
        return self.prepare(self.draft(run_id, self.contact(run_id), **changes))[0]

    def find(self, mail_id: int) -> mails.Mail:
        with self.engine.begin() as conn:
            found = mails.find_mail(conn, mail_id)
        assert found is not None
        return found

    def states(self) -> set[str]:
        """Those in which mails are."""
        with self.engine.begin() as conn:
            return set(conn.execute(sa.select(schema.mail.c.state)).scalars())

    def change(self, table: sa.Table, row_id: int | str, **values) -> None:
        with self.engine.begin() as conn:
            conn.execute(sa.update(table).where(table.c.id == row_id).values(**values))

    def told(self, run_id: int) -> list[dict]:  # type: ignore[type-arg]  # JSON
        """The facts in a run's outbox, without their number and time."""
        query = sa.select(schema.outbox.c.fact).where(schema.outbox.c.run_id == run_id).order_by(schema.outbox.c.n)
        with self.engine.begin() as conn:
            facts = conn.execute(query).scalars().all()
        return [{key: fact[key] for key in ("kind", "of", "values")} for fact in facts]
