"""A small house for acts that reach outward: an account, people on both sides, a run, and acts performed by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.connectors import own_tasks
from connectors.email.stored import StoredTransport
from engine.facts import AccountFact, ContactFact, PersonFact
from engine.texts.document import MailText
from engine.turns.runtime import Act, Receipt
from engine.workspace import Workspace, load_workspace
from store import clock, schema
from store.current.projection import project
from store.deploying.deploy import deploy
from store.intake import take_in
from store.responses.links import Links
from store.running.ledger import once
from tests.databases import engine_of
from tests.mailing import NOW, Post
from workflows.acts import PERFORM
from workflows.acts.acting import Acting
from workflows.mail_stream import MailStream
from workflows.ports import STREAM, Ports

WORKSPACE = b"""
name: Corp
zone: Europe/Berlin
sender: { name: Corp Success, address: success@corp.test, reply_to: desk@corp.test }
postal_address: Example Street 1
locales: [en, de]
roles:
  contacts: { champion: [champion, admin, any], admin: [admin] }
  staff: { csm: account.csm, csm.manager: manager of csm }
metrics: { nps: number }
connectors:
  crm: { kind: webhook, url: "https://crm.example/" }
  team: { kind: chat }
surveys: { at_most_every: 90 days }
mail: { hold: 0 minutes }
"""
HELLO = MailText(
    subject="Hello {{ recipient.first_name }}",
    body="From *{{ sender.first_name or workspace.name }}* to {{ account.name }}.\n",
)
HALLO = MailText(subject="Hallo {{ recipient.first_name }}", body="Von {{ sender.first_name or workspace.name }}.\n")
KEY = "k" * 32


class Stage:
    """Acme, run by Kim (csm) and Lee (manager); Ann is champion, Bob and Cleo are admins."""

    def __init__(self, url: str, workspace: bytes = WORKSPACE) -> None:
        self.engine = engine_of(url)
        self.post = Post(self.engine)
        self.workspace: Workspace = load_workspace({"tenure.yaml": workspace})
        with self.engine.begin() as conn:
            clock.set_virtual(conn, NOW)
            deploy(conn, self.workspace, [], NOW)
            conn.execute(
                sa.insert(schema.text),
                [{"hash": one.hash, "content": one.model_dump(mode="json")} for one in (HELLO, HALLO)],
            )
        self.run_id = self.post.run(playbook="outward")
        with self.engine.begin() as conn:
            row = sa.select(schema.account.c.id, schema.account.c.key).join(schema.run)
            self.account_id, self.key = conn.execute(row.where(schema.run.c.id == self.run_id)).one()
        people = [("ann", "champion", None), ("bob", "admin", "de"), ("cleo", "admin", None)]
        self.tell(
            PersonFact(key="kim", name="Kim Lund", email="kim@corp.test", manager="lee"),
            PersonFact(key="lee", name="Lee Park", role="manager"),
            AccountFact(key=self.key, fields={"name": "Acme [GmbH]", "csm": "kim"}),
            *(
                ContactFact(
                    account=self.key,
                    key=name,
                    name=f"{name.title()} Ex",
                    email=f"{name}@acme.test",
                    roles=(role,),
                    locale=locale,
                )
                for name, role, locale in people
            ),
        )

    def tell(self, *facts: Any) -> None:
        with self.engine.begin() as conn:
            report = take_in(conn, facts, known_at=clock.now(conn))
            assert not report.problems, report.problems
            # As a sweep would, which also looks at playbooks; here there is none.
            conn.execute(sa.insert(schema.work).from_select(["account_id"], sa.select(schema.account.c.id)))
            project(conn, self.workspace, clock.now(conn))
            conn.execute(sa.delete(schema.work))

    def pass_time(self, to: datetime) -> None:
        with self.engine.begin() as conn:
            clock.set_virtual(conn, to)

    def perform(self, verb: str, step: str, *, visit: int = 1, run_id: int | None = None, **params: Any) -> Receipt:
        """An act as the activity performs it: in the ledger's transaction."""
        act = Act(step=step, path="steps[0]", verb=verb, visit=visit, seq=1, params=params)
        transports = {STREAM: StoredTransport(lambda _mail: None, lambda _id: True)}
        ports = Ports(
            tasks=own_tasks,
            transports=lambda: transports,
            links=lambda _conn: Links(public_url="https://corp.example", key=KEY),
        )
        with self.engine.begin() as conn:
            acting = Acting.of(conn, run_id or self.run_id, clock.now(conn), ports)
            return once(conn, acting.run_id, act, lambda: PERFORM[verb](acting, act))

    def mail_params(self, **changes: Any) -> dict[str, Any]:
        usual = {"text": HELLO.hash, "template": "hello", "to": "champion", "mode": "first", "from": None}
        return usual | {"translations": {"de": HALLO.hash}} | changes

    def mails(self) -> list[Mapping[str, Any]]:
        with self.engine.begin() as conn:
            return [dict(row) for row in conn.execute(sa.select(schema.mail).order_by(schema.mail.c.id)).mappings()]

    def send(self) -> None:
        with self.engine.begin() as conn:
            now = clock.now(conn)
        stream = MailStream(self.engine, {STREAM: StoredTransport(lambda _mail: None, lambda _id: True)})
        stream.dispatch_due(now)
        stream.close()

    def rows(self, table: sa.Table) -> list[Mapping[str, Any]]:
        with self.engine.begin() as conn:
            return [dict(row) for row in conn.execute(sa.select(table)).mappings()]
