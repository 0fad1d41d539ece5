"""A small book of business, written straight into the tables, for tests of what reads them."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from engine.compile import compile_playbook
from engine.documents.document import load_document
from engine.mail.addresses import address_key
from engine.plan import Compiled
from engine.values import content_hash
from engine.workspace import Workspace, load_workspace
from store import clock, schema
from store.current.columns import ensure_columns
from store.current.contributions import STATES

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)

TENURE = b"""
name: Harbour Analytics
zone: Europe/Berlin
roles:
  staff: { csm: account.csm, csm.manager: manager of csm }
metrics:
  logins_30d: number
  csat: number
"""
HEALTH = b"""
scorecard: health
components:
  - { id: logins, metric: logins_30d, scale: { 0: 0, 20: 60, 60: 100 }, weight: 60 }
  - { id: csat, metric: csat, bands: { 0..2: 20, 3..5: 100 }, weight: 40 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""


def days(n: float) -> timedelta:
    return timedelta(days=n)


class Book:
    """Every method writes one row and gives its id."""

    def __init__(self, conn: sa.Connection, now: datetime = NOW) -> None:
        self.conn = conn
        self.now = now
        clock.set_virtual(conn, now)

    def account(self, key="acme", name="Acme Freight", **fields):
        account_id = self._insert(schema.account, key=key, learned_at=self.now)
        for field, value in {"account.name": name, **fields}.items():
            row = {"field": field, "value": value, "at": self.now, "learned_at": self.now}
            self._add(schema.account_value, account_id=account_id, **row)
        return account_id

    def person(self, key="kim", name="Kim Novak", role="csm", manager=None):
        self._add(schema.person, key=key, name=name, role=role, manager=manager, learned_at=self.now)
        return key

    def contact(self, account_id, key="ada", name="Ada Moreau", roles=("champion",)):
        address = f"{key}@acme.example"
        times = {"at": self.now, "learned_at": self.now}
        return self._insert(
            schema.contact, account_id=account_id, key=key, name=name, email=address, roles=list(roles), **times
        )

    def score(self, account_id, value, band, at=None):
        parts = [{"id": "logins", "value": 10.0, "points": 30.0, "weight": 60.0, "state": "known"}]
        row = {"known_weight": 1.0, "at": at or self.now} | self.made_of(parts)
        return self._insert(schema.score, account_id=account_id, card="health", value=value, band=band, **row)

    def made_of(self, parts):
        """The columns of a score to which these came: id, value, points, weight, state of each."""
        of = [{"id": part["id"], "weight": part["weight"], "type": "number"} for part in parts]
        key = content_hash(json.dumps(of))
        self.conn.execute(insert(schema.score_parts).values(key=key, parts=of).on_conflict_do_nothing())
        inputs, points = ([part[name] for part in parts] for name in ("value", "points"))
        return {
            "made_by": key,
            "inputs": inputs,
            "points": points,
            "states": "".join(STATES[part["state"]] for part in parts),
        }

    def run(self, account_id, playbook="risk-recovery", *, started_at=None, **values):
        n = self.conn.execute(sa.select(sa.func.count()).select_from(schema.run)).scalar_one() + 1
        started = started_at or self.now - days(3)
        row = {"version": 1, "plan_hash": "p1", "priority": 50, "standing": "resting", "outbox_n": 1} | values
        row |= {"workflow_id": f"{playbook}/{account_id}/{n}", "started_at": started}
        return self._insert(schema.run, account_id=account_id, playbook=playbook, **row)

    def ended_run(self, account_id, playbook="risk-recovery", **values):
        ended = {"state": "ended", "outcome": "goal", "reason": "goal reached", "ended_at": self.now - days(1)} | values
        return self.run(account_id, playbook, **ended)

    def crossing(self, account_id, playbook="risk-recovery", *, at=None, state="started", **values):
        reasons = [{"trigger": "t1", "kind": "edge", "says": "health fell below 60", "values": {"health.score": 41.5}}]
        row = {"version": 1, "reasons": reasons, "at": at or self.now - days(3), "state": state} | values
        return self._insert(schema.crossing, account_id=account_id, playbook=playbook, **row)

    def trace(self, run_id, *lines) -> None:
        for seq, (ago, path, what, detail) in enumerate(lines, 1):
            at = self.now - days(ago)
            self._add(schema.trace, run_id=run_id, seq=seq, at=at, path=path, what=what, detail=detail)

    def task(self, run_id, account_id, title="Call the champion", step="call", **values):
        row = {
            "visit": 1,
            "outcomes": ["reached", "no_answer", "leaving"],
            "assignee": "kim",
            "due_at": self.now + days(2),
            "created_at": self.now - days(1),
        }
        return self._insert(schema.task, run_id=run_id, account_id=account_id, title=title, step=step, **row | values)

    def mail(self, run_id, account_id, contact_id, subject="Checking in", step="checking_in", **values):
        self.conn.execute(sa.text("insert into text values ('t1', '{}') on conflict do nothing"))
        row = {
            "visit": 1,
            "text_hash": "t1",
            "category": "service",
            "to_address": "ada@acme.example",
            "from_name": "Harbour Analytics",
            "from_address": "team@harbour.example",
            "html": "<p>Hello Ada</p>",
            "plain": "Hello Ada",
            "message_id": f"<{run_id}.{step}@tenure.example>",
            "stream": "stored",
            "priority": 50,
            "due_at": self.now - days(1),
            "created_at": self.now - days(1),
        }
        ids = {"run_id": run_id, "account_id": account_id, "contact_id": contact_id}
        to_key = address_key(str(values.get("to_address", row["to_address"])))
        return self._insert(schema.mail, to_key=to_key, subject=subject, step=step, **ids, **row | values)

    # --- deployed ---

    def workspace(self) -> Workspace:
        made = load_workspace({"tenure.yaml": TENURE, "scorecards/health.yaml": HEALTH})
        self._add(schema.workspace, document=made.to_json(), hash="w1", deployed_at=self.now - days(30))
        ensure_columns(self.conn, made, bits=4)
        return made

    def playbook(self, source: bytes, workspace: Workspace, state="active") -> Compiled:
        """Deployed as version 1; its edges take the bits from 0 on."""
        name = load_document(source, "playbook.yaml").data["playbook"]
        compilation = compile_playbook(source, "playbook.yaml", name, {}, workspace)
        compiled = compilation.compiled
        assert compiled is not None, compilation.problems
        self._add(schema.playbook, id=name, state=state, version=1)
        content = {"compiled": compiled.model_dump(mode="json"), "hash": compiled.hash, "plan_hash": compiled.plan.hash}
        version = {"playbook": name, "version": 1, "source": source.decode(), "deployed_at": self.now} | content
        self._add(schema.playbook_version, **version)
        bits = iter(range(62))
        for trigger in compiled.triggers:
            bit = next(bits) if trigger.kind == "edge" else None
            self._add(schema.trigger, playbook=name, id=trigger.id, bit=bit, since=self.now - days(30))
        return compiled

    def facts(self, account_id, seen=0, tripped=0, holding=0, **fields) -> None:
        """The account's row of current facts, as a sweep would leave it."""
        names = {name.replace("__", "."): value for name, value in fields.items()}
        row = {"account_id": account_id, "seen_0": seen, "tripped_0": tripped, "holding_0": holding} | names
        table = sa.table("account_now", *(sa.column(name) for name in row))
        self.conn.execute(sa.insert(table).values(row))

    def _insert(self, table, **values):
        return self.conn.execute(sa.insert(table).values(**values).returning(table.c.id)).scalar_one()

    def _add(self, table, **values) -> None:
        self.conn.execute(sa.insert(table).values(**values))
