"""How fast files become facts: metrics and events, read, judged and noted, beside COPY into the same tables."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from app.embedded import Servers
from app.importing import import_folder
from benchmarks.measure import Figure, Spent, growth, median, timed, words
from engine.workspace import load_workspace
from store.database import engine_for
from store.migrate import migrate

SIZES = {10_000: 5, 100_000: 3, 1_000_000: 1}
"""Rows, and how often they are measured."""
_LEAST = 0.4
_NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
_WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: Bench
events: { usage: { n: number } }
metrics: { nps: number }
imports:
  scores: { file: scores.csv, as: metrics, account: customer, at: day, fields: { nps: nps } }
  usage:  { file: usage.csv, as: event usage, account: customer, id: id, at: day, props: { n: count } }
"""
    }
)
_COPY = {
    "scores.csv": "account_value (account_id, field, value, at, learned_at)",
    "usage.csv": "event (account_id, type, key, at, props, learned_at)",
}


def figures() -> Iterator[Figure]:
    """By size, and how it grows."""
    for name, file, target in (("metrics", "scores.csv", _LEAST), ("events", "usage.csv", None)):
        took: list[tuple[int, float]] = []
        for rows, rounds in SIZES.items():
            figure = _figure(f"intake_{name}_{words(rows)}", file, rows, rounds, target)
            yield figure
            assert figure.value is not None
            took.append((rows, rows / figure.value))
        yield growth(f"intake_{name}", "s", took[-2], took[-1])


def _figure(name: str, file: str, rows: int, rounds: int, target: float | None) -> Figure:
    ours: list[Spent] = []
    bare: list[Spent] = []
    for _ in range(rounds):
        with _ground(rows, file) as (engine, folder):
            bare.append(timed(_copying(engine, file)))
            with engine.begin() as conn:
                conn.execute(sa.text(f"truncate {_COPY[file].partition(' ')[0]} cascade"))
            ours.append(timed(lambda: _import(engine, folder)))
            again = timed(lambda: _import(engine, folder))
    value, ceiling = (rows / median(one.wall for one in spent) for spent in (ours, bare))
    cpu = median(one.cpu for one in ours)
    return Figure(
        name=name,
        value=value,
        unit="rows/s",
        ceiling=ceiling,
        target="" if target is None else f"ratio >= {target}",
        holds=None if target is None else value / ceiling >= target,
        note=f"{rows / value:.2f} s, {cpu:.2f} s CPU outside PostgreSQL; again: {again.wall:.2f} s",
    )


@contextmanager
def _ground(accounts: int, file: str) -> Iterator[tuple[sa.Engine, Path]]:
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as home, Servers(Path(home), durable=False) as servers:
        url = servers.database_url()
        migrate(url)
        engine = engine_for(url)
        with engine.begin() as conn:
            made = "insert into account (key, learned_at) select 'A-' || n, :now from generate_series(1, :n) as n"
            conn.execute(sa.text(made), {"n": accounts, "now": _NOW})
            conn.execute(sa.text("analyze account"))
        (Path(home) / file).write_text(_csv(file, accounts), encoding="utf-8")
        yield engine, Path(home)
        engine.dispose()


def _csv(file: str, rows: int) -> str:
    if file == "scores.csv":
        return "customer,day,nps\n" + "".join(f"A-{n},2026-03-01,{n % 11}\n" for n in range(1, rows + 1))
    return "id,customer,day,count\n" + "".join(f"u{n},A-{n},2026-03-01,{n % 11}\n" for n in range(1, rows + 1))


def _import(engine: sa.Engine, folder: Path) -> None:
    report = import_folder(engine, _WORKSPACE, folder)
    assert all(problem.code == "PB520" for problem in report.problems), report.problems[:3]


def _copying(engine: sa.Engine, file: str) -> Callable[[], None]:
    """The rows as they end up, written by PostgreSQL's own fastest road."""
    day = "2026-03-01 00:00:00+00"
    with engine.connect() as conn:
        ids = conn.execute(sa.text("select id from account order by id")).scalars().all()
    if file == "scores.csv":
        lines = (f"{id_}\tmetric.nps\t{n % 11}.0\t{day}\t{day}\n" for n, id_ in enumerate(ids, start=1))
    else:
        lines = (f'{id_}\tusage\tu{n}\t{day}\t{{"n": {n % 11}.0}}\t{day}\n' for n, id_ in enumerate(ids, start=1))
    text = "".join(lines)

    def copy() -> None:
        with engine.begin() as conn:
            driver = conn.connection.driver_connection
            assert driver is not None
            with driver.cursor() as cursor, cursor.copy(f"copy {_COPY[file]} from stdin") as into:
                into.write(text)

    return copy
