"""A large book of business by SQL alone, for benchmarks of pages: everybody has as many accounts, and many tasks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from app.files import read_folder
from benchmarks.ground import pour, settle
from benchmarks.measure import ROOT
from engine.project import read_project
from store import clock
from store.deploying.deploy import deploy, publications

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Size:
    accounts: int
    people: int
    tasks: int
    """A third of them is open."""


def fill(engine: sa.Engine, size: Size) -> None:
    """The shipped workspace is deployed, then accounts, runs, tasks, scores, contacts and events are there."""
    _deploy(engine)
    given = {
        "accounts": size.accounts,
        "people": size.people,
        "each": size.tasks // size.accounts,
        "now": NOW,
        "ago": timedelta(days=1),
    }
    with engine.begin() as conn:
        conn.execute(sa.text(_PEOPLE), given)
    for statement in _BOOK:
        pour(engine, statement, **given)
    settle(engine)


def _deploy(engine: sa.Engine) -> None:
    folder = ROOT / "playbooks"
    project = read_project(read_folder(folder), str(folder))
    assert project.workspace is not None
    with engine.begin() as conn:
        clock.set_virtual(conn, NOW)
        deploy(conn, project.workspace, publications(project), NOW)


_PEOPLE = """
    insert into person (key, name, role, learned_at)
    select 'csm-' || n, 'Person ' || n, 'csm', :now from generate_series(0, :people - 1) n
    on conflict do nothing
"""
_BOOK = (
    "insert into account (key, learned_at) select 'acc-' || n, :now from generate_series(1, :accounts) n",
    """
    insert into account_value (account_id, field, value, at, learned_at)
    select id, 'account.name', to_jsonb('Customer number ' || id), :now, :now from account
    """,
    """
    insert into account_now (account_id, "account.name", "account.arr", "account.renewal_date", "account.csm",
                             "account.lifecycle", "health.score", "health.band")
    select id, 'Customer number ' || id, (id * 7919) % 250000, cast(:now as date) + cast(id % 400 as int),
           'csm-' || (id - 1) % :people, 'live', (id * 31) % 100,
           case when (id * 31) % 100 < 40 then 'red' when (id * 31) % 100 < 70 then 'yellow' else 'green' end
    from account
    """,
    """
    insert into run (playbook, version, plan_hash, account_id, priority, workflow_id, state, started_at)
    select 'risk-recovery', 1, 'bench', id, 50, 'bench/' || id, 'open', cast(:now as timestamptz) - 5 * :ago
    from account
    """,
    """
    insert into crossing (playbook, version, account_id, at, reasons, state, run_id)
    select playbook, 1, account_id, started_at,
           '[{"trigger": "t", "kind": "edge", "says": "health fell below 60", "values": {"health.score": 41}}]',
           'started', id
    from run
    """,
    """
    insert into task (run_id, step, visit, account_id, title, checklist, outcomes, assignee, state, due_at, outcome,
                      settled_by, settled_at, created_at)
    select run.id, 'call', n, account_id, 'Call the champion for the ' || n || 'th time',
           '[{"text": "Read the tickets", "done": true}, {"text": "Agree one step", "done": false}]',
           array['reached', 'no_answer'], 'csm-' || (account_id - 1) % :people,
           case when n % 3 = 0 then 'open' else 'done' end, cast(:now as timestamptz) + (n - 6) * :ago,
           case when n % 3 = 0 then null else 'reached' end,
           case when n % 3 = 0 then null else 'csm-' || (account_id - 1) % :people end,
           case when n % 3 = 0 then null else cast(:now as timestamptz) - n * :ago end,
           cast(:now as timestamptz) - 20 * :ago
    from run cross join generate_series(1, :each) n
    """,
    """
    insert into score_parts (key, parts) values ('usage', '[{"id": "usage", "weight": 30, "type": "number"}]')
    """,
    """
    insert into score (account_id, card, at, value, band, known_weight, made_by, inputs, points, states)
    select id, 'health', cast(:now as timestamptz) - n * 9 * :ago, (id * 31 + n * 3) % 100,
           case when (id * 31 + n * 3) % 100 < 40 then 'red' else 'green' end, 1,
           'usage', '{3}', '{40}', 'k'
    from account cross join generate_series(0, 11) n
    """,
    """
    insert into contact (account_id, key, name, email, roles, at, learned_at)
    select id, 'c' || n, 'Contact ' || n, 'c' || n || '@' || key || '.example', array['champion'], :now, :now
    from account cross join generate_series(1, 2) n
    """,
    """
    insert into event (account_id, type, key, at, props, learned_at)
    select id, 'login', id || '-' || n, cast(:now as timestamptz) - n * :ago, '{}', :now
    from account cross join generate_series(1, 5) n
    """,
)
