"""How long ten thousand metrics in one request of the API take, and one page of a person's book of business.

Beside them: one bare insert of the same rows, and a look at as many accounts by their keys.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

from app.embedded import Servers
from benchmarks.ground import pour, settle
from benchmarks.measure import Figure, median, timed
from engine.workspace import load_workspace
from store import clock, schema
from store.access.scope import book_of
from store.current.columns import ensure_columns
from store.migrate import migrate
from store.postgres.database import engine_for
from web.app import create_app
from web.deps import WebDeps

_ROUNDS = 5
_METRICS = 10_000
_MOST = 1.0
_ACCOUNTS, _PEOPLE = 100_000, 200
_TOKEN = "the token of this measurement"  # noqa: S105 - of a database that ends with it
_SINCE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home), durable=False) as servers:
        url = servers.database_url()
        migrate(url)
        engine = engine_for(url)
        _make(engine)
        yield _intake(engine)
        yield _book(engine)
        engine.dispose()


def _intake(engine: sa.Engine) -> Figure:
    app = create_app(WebDeps(engine=engine, temporal_answers=_alive, api_token=_TOKEN))
    ours: list[float] = []
    bare: list[float] = []
    with TestClient(app, headers={"authorization": f"Bearer {_TOKEN}"}) as client:
        for n in range(_ROUNDS):
            body = json.dumps(_metrics(n)).encode()
            ours.append(timed(lambda: _tell(client, body)).wall)  # noqa: B023 - called at once
            bare.append(timed(lambda: _insert(engine, n)).wall)  # noqa: B023 - called at once
    value, ceiling = median(ours), median(bare)
    return Figure(
        name="api_intake",
        value=_METRICS / value,
        unit="metrics/s",
        ceiling=_METRICS / ceiling,
        target=f">= {_METRICS / _MOST:.0f}",
        holds=value <= _MOST,
        note=f"{_METRICS:,} metrics of {_METRICS:,} accounts in one request: {value:.2f} s",
    )


def _book(engine: sa.Engine) -> Figure:
    """The first page of one person's accounts."""
    account, ours, bare = schema.account, [], []
    plain = sa.select(account.c.id).where(account.c.key.in_([f"a{n}" for n in range(0, 50 * _PEOPLE, _PEOPLE)]))
    for _ in range(30):
        with engine.connect() as conn:
            ours.append(timed(lambda: _first_page(conn)).wall)
            bare.append(timed(lambda: conn.execute(plain).all()).wall)
    value, ceiling = median(ours) * 1000, median(bare) * 1000
    return Figure(
        name="book_first_page",
        value=value,
        unit="ms",
        ceiling=ceiling,
        target="<= 20",
        holds=value <= 20,
        note=f"{_ACCOUNTS:,} accounts, {_PEOPLE} people; who is covered and led is looked up each time",
    )


def _first_page(conn: sa.Connection) -> None:
    account = schema.account
    book = book_of(conn, "p0", _SINCE)
    found = conn.execute(sa.select(account.c.id).where(book.sees(account.c.id)).order_by(account.c.id).limit(51)).all()
    assert len(found) == 51


async def _alive() -> bool:
    return True


def _make(engine: sa.Engine) -> None:
    workspace = load_workspace({"tenure.yaml": b"name: W\nmetrics: { csat: number }\n"})
    with engine.begin() as conn:
        clock.set_virtual(conn, _SINCE)
        ensure_columns(conn, workspace)
        row = {"document": workspace.to_json(), "hash": "w", "deployed_at": _SINCE}
        conn.execute(sa.insert(schema.workspace).values(**row))
        conn.execute(
            sa.text("""
            insert into person (key, name, role, learned_at)
            select 'p' || n, 'P', 'csm', :at from generate_series(0, :people - 1) as n
        """),
            {"at": _SINCE, "people": _PEOPLE},
        )
    pour(engine, _BOOK_ACCOUNTS, at=_SINCE, accounts=_ACCOUNTS)
    pour(engine, _BOOK_NOW, people=_PEOPLE)
    settle(engine)


_BOOK_ACCOUNTS = """
    insert into account (key, learned_at) select 'a' || n, :at from generate_series(0, :accounts - 1) as n
"""
_BOOK_NOW = """
    insert into account_now (account_id, "account.csm")
    select id, 'p' || (substr(key, 2)::int % :people) from account
"""


def _metrics(n: int) -> Sequence[dict[str, Any]]:
    at = (_SINCE - timedelta(days=n + 1)).isoformat()
    return [{"kind": "metric", "account": f"a{i}", "metric": "csat", "value": i % 5, "at": at} for i in range(_METRICS)]


def _tell(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/v1/facts", content=body, headers={"content-type": "application/json"})
    assert answer.json()["counts"] == {"metric": _METRICS}, answer.text[:500]


_BARE = sa.text("""
    insert into account_value (account_id, field, value, at, learned_at)
    select account.id, 'metric.bare', to_jsonb(n % 5), :at, :at
    from generate_series(0, :metrics - 1) as n join account on account.key = 'a' || n
""")


def _insert(engine: sa.Engine, n: int) -> None:
    with engine.begin() as conn:
        conn.execute(_BARE, {"at": _SINCE - timedelta(days=n + 1), "metrics": _METRICS})
