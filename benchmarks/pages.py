"""The pages people live in, over a large book: how long the server takes, beside the bare statements they need."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from starlette.types import ASGIApp, Message

from benchmarks.ahead import Ahead
from benchmarks.large_book import Size, fill
from benchmarks.measure import Figure, percentile
from store.access import logins, sessions
from web.access import SESSION_COOKIE
from web.app import create_app
from web.deps import WebDeps

SIZE = Size(accounts=100_000, people=200, tasks=1_000_000)
LARGE = Ahead(lambda engine: fill(engine, SIZE))
_ROUNDS, _WARM = 200, 20
_MOST_MS, _MOST_RATIO, _MOST_BYTES = 100.0, 3.0, 100_000


def figures() -> Iterator[Figure]:
    with LARGE.ground() as engine:
        autocommit = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with _browser(engine) as browser, autocommit as conn:
            bare = conn.connection.driver_connection
            yield from _page(engine, browser, bare, "inbox", lambda _: "/inbox")
            yield from _page(engine, browser, bare, "account", lambda n: f"/accounts/acc-{n + 1}")
            yield from _page(engine, browser, bare, "accounts", lambda _: "/accounts")
            yield from _page(engine, browser, bare, "search", lambda n: f"/accounts?q=number+{n + 1}")


def _page(engine: sa.Engine, browser: "_Browser", bare: Any, name: str, path: Any) -> Iterator[Figure]:
    took, alone, largest = [], [], 0
    for n in range(_WARM + _ROUNDS):
        person = n % SIZE.people
        with _statements(engine) as statements:
            answer = browser.get(person, path(person))
        assert answer.status == 200, (answer.status, path(person))
        if n >= _WARM:
            took.append(answer.took * 1_000)
            alone.append(_replayed(bare, statements) * 1_000)
            largest = max(largest, answer.size)
    ratios = [mine / sql for mine, sql in zip(took, alone, strict=True)]
    high, middle = percentile(took, 0.99), percentile(ratios, 0.5)
    book = f"{SIZE.tasks:,} tasks, {SIZE.accounts:,} accounts, {SIZE.people} people"
    yield Figure(
        name=f"{name}_page_p99",
        value=high,
        unit="ms",
        ceiling=percentile(alone, 0.99),
        target=f"<= {_MOST_MS:.0f} ms",
        holds=high <= _MOST_MS,
        note=f"median {percentile(took, 0.5):.0f} ms; {book}",
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
    """Asks the application itself, signed in as any of the people: no client takes part in what is measured."""

    def __init__(self, app: ASGIApp, loop: asyncio.Runner, secrets: list[str]) -> None:
        self._app, self._loop, self._secrets = app, loop, secrets

    def get(self, person: int, path: str) -> "_Answer":
        headers = {"host": "tenure.test", "cookie": f"{SESSION_COOKIE}={self._secrets[person]}"}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "server": ("tenure.test", 80),
            "path": path.partition("?")[0],
            "query_string": path.partition("?")[2].encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            sent.append(message)

        async def whole() -> float:
            began = time.perf_counter()
            await self._app(scope, receive, send)
            return time.perf_counter() - began

        took = self._loop.run(whole())
        return _Answer(status=sent[0]["status"], size=sum(len(one.get("body", b"")) for one in sent), took=took)


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    size: int
    """Bytes."""
    took: float
    """Seconds from the request's arrival to the last byte handed over."""


@contextmanager
def _browser(engine: sa.Engine) -> Iterator[_Browser]:
    now, secrets = datetime.now(UTC), []
    with engine.begin() as conn:
        for n in range(SIZE.people):
            logins.add_login(conn, key=f"csm-{n}", role="csm", now=now)
            secrets.append(sessions.open_session(conn, f"csm-{n}", "password", now))

    async def alive() -> bool:
        return True

    with asyncio.Runner() as loop:
        yield _Browser(create_app(WebDeps(engine=engine, temporal_answers=alive)), loop, secrets)


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


def _replayed(bare: Any, statements: list[tuple[str, Any]]) -> float:
    """Seconds, by psycopg alone: all of them prepared, and outside a transaction."""
    began = time.perf_counter()
    for statement, given in statements:
        bare.execute(statement, given, prepare=True).fetchall()
    return time.perf_counter() - began
