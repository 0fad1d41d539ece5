"""A portfolio of any number of accounts, as a sweep finds it: deployed, projected, scored and seen; by set-based SQL.

Facts are told through `account_value` for those accounts that a bench will change; what was told of the others stands
in the projection, as after the sweep that saw it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from benchmarks.ahead import filling
from benchmarks.ground import ground, pour, settle
from engine.compile import compile_playbook
from engine.workspace import Workspace, load_workspace
from store import clock
from store.current.touched import Touched
from store.deciding.sweep import SweepReport, sweep
from store.deploying.deploy import Publication, deploy

_LARGE = 1_000_000
"""Accounts: filling it takes so long that others are filled beside it."""
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
METRICS = ("usage", "adoption", "support", "nps", "contact")

_WORKSPACE = b"""
name: Bench
zone: UTC
metrics: { usage: number, adoption: number, support: number, nps: number, contact: number }
fields: { account.arr: number }
"""
_CARD = b"""
scorecard: health
components:
  - { id: usage, metric: usage, scale: { 0: 0, 25: 50, 60: 100 }, weight: 35 }
  - { id: adoption, metric: adoption, scale: { 0: 0, 20: 30, 50: 100 }, weight: 20 }
  - { id: support, metric: support, bands: { 0..20: 0, 21..60: 50, 61..100: 100 }, weight: 15 }
  - { id: nps, metric: nps, bands: { 0..60: 10, 61..80: 60, 81..100: 100 }, weight: 15 }
  - { id: contact, metric: contact, scale: { 0: 100, 90: 50, 180: 0 }, weight: 15 }
bands: { red: 0..<50, yellow: 50..<75, green: 75..100 }
minimum_known: 50%
"""
_PLAYBOOKS = {
    "risk": "triggers: [{ score: health, falls_below: 50, rearm_at: 58 }, { metric: nps, falls_below: 20 }]",
    "growth": "triggers: [{ metric: usage, rises_above: 95 }, { metric: adoption, rises_above: 97 }]",
    "care": "triggers: [{ metric: support, falls_below: 3 }, { becomes: days_since(account.signup_date) > 3000 }]",
}
_FRAME = """
playbook: {name}
title: {name}
audience: account.arr >= 1000
entry: {{ again_after: 30 days }}
{triggers}
steps: [{{ wait: 300 days }}]
"""


@dataclass(frozen=True)
class Portfolio:
    """A database with its accounts."""

    engine: sa.Engine
    accounts: int

    def run(self, sql: str, **values: object) -> None:
        with self.engine.begin() as conn:
            conn.execute(sa.text(sql), values)

    def settle(self) -> None:
        """As the autovacuum would in a quiet minute."""
        settle(self.engine)

    def pass_time(self, by: timedelta) -> None:
        with self.engine.begin() as conn:
            clock.set_virtual(conn, clock.now(conn) + by)

    def sweep(self) -> tuple[SweepReport, float]:
        began = time.perf_counter()
        report = sweep(self.engine, wait=True)
        spent = time.perf_counter() - began
        assert report is not None
        assert not report.failed, report.failed
        return report, spent

    def change(self, every: int, shift: int) -> int:
        """Tell one account in so many other metrics; how many accounts."""
        with self.engine.begin() as conn:
            now = clock.now(conn)
            told = conn.execute(_TELL, {"every": every, "shift": shift, "at": now, "n": self.accounts})
            return int(told.rowcount)


@contextmanager
def portfolio(accounts: int) -> Iterator[Portfolio]:
    with ground() as engine:
        yield filling(lambda: furnish(engine, accounts)) if accounts >= _LARGE else furnish(engine, accounts)


def furnish(engine: sa.Engine, accounts: int) -> Portfolio:
    here = Portfolio(engine, accounts)
    with engine.begin() as conn:
        clock.set_virtual(conn, START)
        deploy(conn, workspace(), publications(workspace()), START)
    here.sweep()
    for statement in _FURNISH:
        pour(engine, statement, n=accounts, at=START - DAY)
    here.settle()
    # The first look over all of them: scores, and what every trigger sees for the first time.
    here.pass_time(DAY)
    here.sweep()
    here.settle()
    return here


def workspace() -> Workspace:
    return load_workspace({"tenure.yaml": _WORKSPACE, "scorecards/health.yaml": _CARD})


def publications(of: Workspace) -> list[Publication]:
    found = []
    for name, triggers in _PLAYBOOKS.items():
        source = _FRAME.format(name=name, triggers=triggers)
        compilation = compile_playbook(source.encode(), f"{name}/playbook.yaml", name, {}, of)
        assert compilation.compiled is not None, compilation.problems
        found.append(Publication(compiled=compilation.compiled, source=source, texts={}))
    return found


def metric(name: str, account: str) -> str:
    """A value from 0 to 100, the same for an account in every run."""
    return f"(hashint8extended({account}, {METRICS.index(name)}) & 1048575) % 10001 / 100.0"


def _wiggle(name: str) -> str:
    """Some points up or down, so that a few of the changed accounts cross a threshold."""
    return f"(hashint8extended(id + :shift, {METRICS.index(name)}) & 1048575) % 1001 / 100.0 - 5"


_COLUMNS = ", ".join(f'"metric.{name}"' for name in METRICS)
_VALUES = ", ".join(metric(name, "id") for name in METRICS)
_FURNISH = (
    "insert into account (key, learned_at) select 'account-' || n, :at from generate_series(1, :n) as n",
    f"""
    insert into account_now (account_id, "account.arr", "account.signup_date", {_COLUMNS})
    select id, 1000 + id % 50000, date '2020-01-01' + (id % 2000)::int, {_VALUES} from account
    """,  # noqa: S608 - joined from constants
)
_TELL = sa.text(f"""
    with chosen as materialized (
        select id from account where (id + :shift) % :every = 0
    ), told (field, value, account_id) as (
        select 'account.arr', to_jsonb(1000 + id % 50000), id from chosen
        union all select 'account.signup_date', to_jsonb(date '2020-01-01' + (id % 2000)::int), id from chosen
        {
    "".join(
        f"union all select 'metric.{name}', to_jsonb({metric(name, 'id')} + {_wiggle(name)}), id from chosen "
        for name in METRICS
    )
}
    ), noted as (
        insert into change (account_id, touched) select id, {int(Touched.VALUES)} from chosen
    ), written as (
        insert into account_value (account_id, field, value, at, learned_at)
        select account_id, field, value, :at, :at from told order by account_id, field
    )
    select from chosen
""")  # noqa: S608 - joined from constants
