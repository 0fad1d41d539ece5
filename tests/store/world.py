"""A small world for tests of deciding: a workspace, playbooks as authors write them, accounts, days that pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.compile import compile_playbook
from engine.facts import AccountFact, EventFact, MetricFact
from engine.turns.runtime import Waiting
from engine.workspace import Workspace, load_workspace
from store import clock, schema
from store.deciding.sweep import SweepReport, sweep
from store.deploying.deploy import DeployReport, Publication, deploy
from store.intake import take_in
from store.running import runs
from tests.databases import engine_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)

WORKSPACE = """
name: Test
zone: Europe/Berlin
metrics:
  nps: number
  usage: number
"""

PLAYBOOK = """
playbook: {name}
title: {name}
owner: ops@example.test
{body}
steps:
  - wait: 700 days
"""

FALLS = """
triggers:
  - metric: nps
    falls_below: 60
    rearm_at: 68
"""


def workspace(text: str = WORKSPACE, **cards: str) -> Workspace:
    files = {"tenure.yaml": text.encode()} | {f"scorecards/{name}.yaml": card.encode() for name, card in cards.items()}
    return load_workspace(files)


def publication(name: str, body: str, of: Workspace, template: str = PLAYBOOK) -> Publication:
    source = template.format(name=name, body=body)
    compilation = compile_playbook(source.encode(), f"playbooks/{name}/playbook.yaml", name, {}, of)
    assert compilation.compiled is not None, "\n".join(map(str, compilation.problems))
    return Publication(compiled=compilation.compiled, source=source, texts={})


class World:
    """A database under a virtual clock."""

    def __init__(self, url: str, start: datetime = START) -> None:
        self.engine = engine_of(url)
        self.workspace = workspace()
        with self.engine.begin() as conn:
            clock.set_virtual(conn, start)

    @contextmanager
    def tx(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as conn:
            yield conn

    @property
    def now(self) -> datetime:
        with self.tx() as conn:
            return clock.now(conn)

    def deploy(
        self, _workspace: Workspace | None = None, *, _template: str = PLAYBOOK, **playbooks: str
    ) -> DeployReport:
        self.workspace = _workspace or self.workspace
        named = {name.replace("_", "-"): body for name, body in playbooks.items()}
        publications = [publication(name, body, self.workspace, _template) for name, body in named.items()]
        with self.tx() as conn:
            return deploy(conn, self.workspace, publications, clock.now(conn))

    def account(self, key: str, **fields: Any) -> None:
        """Tell fields of an account."""
        self.tell(AccountFact(key=key, fields={f"account.{name}": value for name, value in fields.items()}))

    def metric(self, key: str, name: str, value: float | None) -> None:
        self.tell(MetricFact(account=key, metric=name, value=value))

    def event(self, key: str, type_: str, at: datetime | None = None) -> None:
        self.tell(EventFact(type=type_, account=key, at=at or self.now))

    def tell(self, *facts: Any) -> None:
        """A second later, as two values from one instant would contradict each other."""
        self.pass_time(timedelta(seconds=1))
        with self.tx() as conn:
            report = take_in(conn, facts, known_at=clock.now(conn))
        assert not report.problems, report.problems

    def pass_time(self, by: timedelta = DAY) -> None:
        with self.tx() as conn:
            clock.set_virtual(conn, clock.now(conn) + by)

    def sweep(self) -> SweepReport:
        report = sweep(self.engine, wait=True)
        assert report is not None
        assert not report.failed, report.failed
        return report

    def day(self, key: str = "acme", **metrics: float | None) -> SweepReport:
        """A day passes, metrics are told, and all is swept."""
        self.pass_time()
        for name, value in metrics.items():
            self.metric(key, name, value)
        return self.sweep()

    # --- looking ---

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.tx() as conn:
            return [tuple(row) for row in conn.execute(sa.text(query), values)]

    def crossings(self) -> list[tuple[str, str, str, str | None]]:
        """(account, playbook, state, why), in order."""
        of = "from crossing c join account a on a.id = c.account_id"
        return [
            (key, name, state, why)
            for key, name, state, why in self.rows(f"select a.key, c.playbook, c.state, c.why {of} order by c.id")
        ]

    def runs(self) -> list[tuple[int, str, str, str]]:
        """(id, account, playbook, state), in order."""
        of = "from run r join account a on a.id = r.account_id"
        return [
            (id_, key, name, state)
            for id_, key, name, state in self.rows(f"select r.id, a.key, r.playbook, r.state {of} order by r.id")
        ]

    def told(self, run_id: int) -> list[tuple[str, str, dict[str, Any]]]:
        """(kind, of, values) of what a run was told after its start."""
        query = "select fact from outbox where run_id = :run and kind = 'tell' order by n"
        return [(fact["kind"], fact["of"], fact["values"]) for (fact,) in self.rows(query, run=run_id)]

    def account_id(self, key: str = "acme") -> int:
        with self.tx() as conn:
            found: int = conn.execute(sa.select(schema.account.c.id).where(schema.account.c.key == key)).scalar_one()
            return found

    def end(self, run_id: int, outcome: Any = "end", reason: str = "worked through") -> bool:
        from store.running import runs

        with self.tx() as conn:
            return runs.end(conn, run_id, outcome=outcome, reason=reason, at=clock.now(conn))


def busy(world):
    """One sweep's worth of everything: starts, holds, dwells, replacements, moments, goals, events, cool-downs."""
    group = "entry: {{ exclusive: attention, on_conflict: {0} }}\n"
    world.deploy(
        a="priority: 10\n" + group.format("wait") + FALLS + "  - manual: true\n",
        b="priority: 90\n" + group.format("replace") + "triggers: [{ metric: usage, falls_below: 5 }]",
        c=FALLS + "    for: 1 day\ngoal: { when: metric.usage >= 50 }",
        d="entry: { again_after: 1 day }\n" + FALLS,
        e="triggers: [{ date: account.renewal_date - 10 days }]",
    )
    keys = [f"k{i}" for i in range(6)]
    renewal = (world.now + 13 * DAY).date().isoformat()
    world.tell(*(AccountFact(key=key, fields={"account.renewal_date": renewal}) for key in keys))
    tell = lambda *values: world.tell(  # noqa: E731 - a phrase of this story
        *(MetricFact(account=key, metric="nps", value=nps) for key, (nps, _) in zip(keys, values, strict=True)),
        *(MetricFact(account=key, metric="usage", value=usage) for key, (_, usage) in zip(keys, values, strict=True)),
    )
    tell(*[(80.0, 20.0)] * 6)
    world.sweep()
    world.pass_time(DAY)
    tell((50.0, 20.0), (50.0, 20.0), (80.0, 20.0), (80.0, 20.0), (50.0, 20.0), (80.0, None))
    world.sweep()
    with world.tx() as conn:
        waiting = [Waiting(key="steps[0]", event="login", since=world.now)]
        runs.rest(conn, 1, heard=1, due_at=None, waiting=waiting)
        for run_id in conn.execute(sa.text("select id from run where playbook = 'd'")).scalars().all()[:2]:
            runs.end(conn, run_id, outcome="end", reason="worked through", at=world.now)
    world.event("k0", "login")
    world.pass_time(DAY)
    tell((80.0, 4.0), (50.0, 60.0), (50.0, 4.0), (50.0, 20.0), (None, 20.0), (50.0, 20.0))
    world.sweep()
    world.pass_time(DAY + timedelta(hours=1))
    tell((50.0, 4.0), (50.0, 60.0), (80.0, 4.0), (62.0, 70.0), (50.0, 3.0), (50.0, 20.0))
    world.event("k0", "login")


TABLES = {
    "crossing": "playbook, account_id, at, reasons, state, why, entry_key, retry_at",
    "run": "playbook, account_id, entry_key, state, started_at, outbox_n",
    "watch": "key, account_id, since, due_at, suspended_at, met_at",
    "outbox": "kind, n, fact, created_at",
    "trigger_hold": "account_id, playbook, trigger, since, due_at, suspended_at",
    "account_now": "*",
    "score": "account_id, value",
    "change": "account_id",
    "work": "account_id",
    "work_playbook": "playbook",
    "sweep": "at, finished",
}


def everything(engine):
    """All that decisions left, without the numbers that a killed transaction uses up."""
    with engine.connect() as conn:
        return {
            table: sorted(map(repr, conn.execute(sa.text(f"select {columns} from {table}")).all()))
            for table, columns in TABLES.items()
        }
