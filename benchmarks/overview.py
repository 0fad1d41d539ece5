"""How long the overview takes over a hundred thousand accounts, measure by measure and as a page, beside bare scans."""

from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from benchmarks.ahead import filling
from benchmarks.ground import ground, pour, settle
from benchmarks.measure import Figure, interleaved, timed
from engine.workspace import Workspace, load_workspace
from store import clock, schema
from store.current.columns import ensure_columns
from store.queries.business.book import Book
from web.figures import figures as measured

ACCOUNTS = 100_000
_NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
_ROUNDS = 3
# Every table that the measures read, once, without an index.
_SCAN = """
    select (select sum("account.arr") from account_now), (select count(distinct band) from score),
    (select count(starts_at) from record), (select count(value) from account_value), (select count(due_at) from task),
    (select count(ended_at) from run)
"""


def figures() -> Iterator[Figure]:
    with ground() as engine:
        workspace = filling(lambda: furnish(engine, ACCOUNTS))
        with engine.connect() as conn:

            def ours() -> None:
                measured(Book(conn=conn, workspace=workspace, now=_NOW))

            def bare() -> None:
                conn.execute(sa.text(_SCAN)).all()

            mine, ceiling = interleaved(_ROUNDS, lambda: timed(ours), lambda: timed(bare))
    yield Figure(
        name="overview",
        value=mine.wall,
        unit="s",
        ceiling=ceiling.wall,
        note=f"all measures over {ACCOUNTS:,} accounts; the ceiling scans each table they read once",
    )


def furnish(engine: sa.Engine, accounts: int) -> Workspace:
    """A book of so many accounts as sweeps would have left it: two subscriptions, a few scores and a task each."""
    workspace = load_workspace({"tenure.yaml": _TENURE, "scorecards/health.yaml": _HEALTH})
    with engine.begin() as conn:
        clock.set_virtual(conn, _NOW)
        document = {"document": workspace.to_json(), "hash": "bench", "deployed_at": _NOW}
        conn.execute(sa.insert(schema.workspace).values(**document))
        ensure_columns(conn, workspace, bits=8)
    for statement in _ROWS:
        pour(engine, statement, n=accounts, now=_NOW)
    settle(engine)
    return workspace


_TENURE = b"""
name: Bench
zone: Europe/Berlin
roles:
  staff: { csm: account.csm }
fields:
  account.arr: { type: number, from: sum(subscription.arr where active) }
records:
  subscription: { arr: number }
metrics:
  usage: number
"""
_HEALTH = b"""
scorecard: health
components: [{ id: usage, metric: usage, scale: { 0: 0, 100: 100 }, weight: 1 }]
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""
_BAND = "(array['red','yellow','green'])[1 + (i + k) % 3]"
_ROWS = (
    "insert into account (key, learned_at) select 'account-' || i, :now from generate_series(1, :n) i",
    "insert into person (key, name, learned_at) select 'csm-' || i, 'P ' || i, :now from generate_series(0, 199) i",
    """
    insert into account_value (account_id, field, value, at, learned_at)
    select i, field, to_jsonb(value), :now - interval '500 days', :now from generate_series(1, :n) i,
    lateral (values ('account.name', 'Account ' || i), ('account.csm', 'csm-' || i % 200),
    ('account.lifecycle', case when i % 17 = 0 then 'churned' else 'live' end)) as told (field, value)
    """,
    """
    insert into record (account_id, kind, key, starts_at, ends_at, props, at, learned_at)
    select i, 'subscription', 'subscription-' || i || '-' || k, :now - interval '1 day' * (700 - 350 * k),
    case when k = 0 or i % 17 = 0 then :now - interval '1 day' * (350 - 345 * k) end,
    jsonb_build_object('arr', 1000 + (i * 37 + k * 500) % 90000), :now, :now
    from generate_series(1, :n) i, generate_series(0, 1) k
    """,
    f"""
    insert into score (account_id, card, at, value, band, known_weight)
    select i, 'health', :now - interval '1 day' * (300 - k * (20 + i % 23)), (i + k) % 100, {_BAND}, 1
    from generate_series(1, :n) i, generate_series(0, 9) k
    """,  # noqa: S608 - a constant
    f"""
    insert into account_now (account_id, "account.name", "account.csm", "account.lifecycle", "account.arr",
    "account.renewal_date", "health.score", "health.band")
    select i, 'Account ' || i, 'csm-' || i % 200, case when i % 17 = 0 then 'churned' else 'live' end,
    case when i % 17 = 0 then 0 else 1000 + (i * 37 + 500) % 90000 end,
    (:now)::date + i % 365, i % 100, {_BAND} from generate_series(1, :n) i, (values (9)) as last (k)
    """,  # noqa: S608 - the same
    """
    insert into run (playbook, version, plan_hash, account_id, priority, workflow_id, started_at, state, ended_at,
    outcome, reason)
    select 'bench-' || i % 9, 1, 'p', i, 50, 'w' || i, :now - interval '40 days',
    case when i % 4 = 0 then 'open' else 'ended' end,
    case when i % 4 > 0 then :now - interval '1 day' * (i % 300) end, case when i % 4 > 0 then
    (array['goal', 'end', 'exit'])[i % 3 + 1] end, 'a reason' from generate_series(1, :n) i
    """,
    """
    insert into task (run_id, step, visit, account_id, title, outcomes, assignee, state, due_at, created_at)
    select id, 'call', k, account_id, 'Call', '{done}', 'csm-' || account_id % 200,
    case when k > 0 then 'done' else 'open' end, :now + interval '1 hour' * (account_id % 100 - 30), :now
    from run, generate_series(0, 9) k
    """,
)
