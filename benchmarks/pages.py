"""The pages people live in, over a large book: how long the server takes, beside the bare statements they need."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from app.embedded import Servers
from app.files import read_folder
from benchmarks.measure import ROOT, Figure, percentile
from engine.project import read_project
from store import clock
from store.access import logins, sessions
from store.database import engine_for
from store.deploy import Publication, deploy
from store.migrate import migrate
from web.access import SESSION_COOKIE
from web.app import create_app
from web.deps import WebDeps

ACCOUNTS, PEOPLE, TASKS = 100_000, 200, 1_000_000
_NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
_ROUNDS, _WARM = 200, 20
_MOST_MS, _MOST_RATIO, _MOST_BYTES = 100.0, 3.0, 100_000


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home), durable=False) as servers:
        migrate(servers.database_url())
        engine = engine_for(servers.database_url())
        _fill(engine)
        with _browser(engine) as browser:
            yield from _page(engine, browser, "inbox", lambda _: "/inbox")
            yield from _page(engine, browser, "account", lambda n: f"/accounts/acc-{n + 1}")
            yield from _page(engine, browser, "accounts", lambda _: "/accounts")
        engine.dispose()


def _page(engine: sa.Engine, browser: "_Browser", name: str, path: Any) -> Iterator[Figure]:
    took, bare, largest = [], [], 0
    for n in range(_WARM + _ROUNDS):
        person = n % PEOPLE
        with _statements(engine) as statements:
            began = time.perf_counter()
            answer = browser.get(person, path(person))
            spent = time.perf_counter() - began
        assert answer.status_code == 200, (answer.status_code, path(person))
        if n >= _WARM:
            took.append(spent * 1_000)
            bare.append(_replayed(engine, statements) * 1_000)
            largest = max(largest, len(answer.content))
    ratios = [mine / sql for mine, sql in zip(took, bare, strict=True)]
    high, middle = percentile(took, 0.99), percentile(ratios, 0.5)
    yield Figure(
        name=f"{name}_page_p99",
        value=high,
        unit="ms",
        ceiling=percentile(bare, 0.99),
        target=f"<= {_MOST_MS:.0f} ms",
        holds=high <= _MOST_MS,
        note=f"median {percentile(took, 0.5):.0f} ms; {TASKS:,} tasks, {ACCOUNTS:,} accounts, {PEOPLE} people",
    )
    yield Figure(
        name=f"{name}_page_ratio",
        value=middle,
        unit="x bare SQL",
        target=f"<= {_MOST_RATIO:g} x",
        holds=middle <= _MOST_RATIO,
        note="median of the requests; the same statements by psycopg alone",
    )
    yield Figure(
        name=f"{name}_page_size",
        value=largest / 1_000,
        unit="kB",
        target=f"< {_MOST_BYTES / 1_000:.0f} kB",
        holds=largest < _MOST_BYTES,
    )


class _Browser:
    """One client, signed in as any of the people."""

    def __init__(self, client: TestClient, secrets: list[str]) -> None:
        self._client, self._secrets = client, secrets

    def get(self, person: int, path: str) -> Any:
        return self._client.get(path, headers={"cookie": f"{SESSION_COOKIE}={self._secrets[person]}"})


@contextmanager
def _browser(engine: sa.Engine) -> Iterator[_Browser]:
    now, secrets = datetime.now(UTC), []
    with engine.begin() as conn:
        for n in range(PEOPLE):
            logins.add_login(conn, key=f"csm-{n}", role="csm", now=now)
            secrets.append(sessions.open_session(conn, f"csm-{n}", "password", now))

    async def alive() -> bool:
        return True

    with TestClient(create_app(WebDeps(engine=engine, temporal_answers=alive))) as client:
        yield _Browser(client, secrets)


@contextmanager
def _statements(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        if statement.lstrip().lower().startswith(("select", "with")):
            found.append((statement, given))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def _replayed(engine: sa.Engine, statements: list[tuple[str, Any]]) -> float:
    raw = engine.raw_connection()
    try:
        cursor: Any = raw.cursor()
        began = time.perf_counter()
        for statement, given in statements:
            cursor.execute(statement, given)
            cursor.fetchall()
        return time.perf_counter() - began
    finally:
        raw.close()


def _fill(engine: sa.Engine) -> None:
    """A book by SQL alone: everybody has as many accounts, a third of all tasks is open."""
    folder = ROOT / "playbooks"
    project = read_project(read_folder(folder), str(folder))
    assert project.workspace is not None
    publications = [
        Publication(
            compiled=one.compiled, source=one.source, texts={h: t.model_dump(mode="json") for h, t in one.texts.items()}
        )
        for one in project.playbooks.values()
        if one.compiled is not None
    ]
    with engine.begin() as conn:
        clock.set_virtual(conn, _NOW)
        deploy(conn, project.workspace, publications, _NOW)
    given = {"accounts": ACCOUNTS, "people": PEOPLE, "each": TASKS // ACCOUNTS, "now": _NOW, "ago": timedelta(days=1)}
    for statement in _BOOK:
        with engine.begin() as conn:
            conn.execute(sa.text(statement), given)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("vacuum analyze"))


_BOOK = (
    """
    insert into person (key, name, role, learned_at)
    select 'csm-' || n, 'Person ' || n, 'csm', :now from generate_series(0, :people - 1) n
    on conflict do nothing
    """,
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
    insert into score (account_id, card, at, value, band, known_weight, contributions)
    select id, 'health', cast(:now as timestamptz) - n * 9 * :ago, (id * 31 + n * 3) % 100,
           case when (id * 31 + n * 3) % 100 < 40 then 'red' else 'green' end, 1,
           '[{"id": "usage", "value": 3, "points": 40, "weight": 30, "state": "known"}]'
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
