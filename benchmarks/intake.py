"""How fast files become facts: metrics and events, read, judged and noted, beside COPY into the same tables."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from app.importing import import_folder
from benchmarks.ground import ground, pour, settle
from benchmarks.measure import Figure, Spent, growth, median, timed, words
from engine.workspace import load_workspace

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
_ACCOUNTS = "insert into account (key, learned_at) select 'A-' || n, :now from generate_series(1, :n) as n"
_COPY = {
    "scores.csv": "account_value (account_id, field, value, at, learned_at)",
    "usage.csv": "event (account_id, type, key, at, props, learned_at)",
}


def figures() -> Iterator[Figure]:
    """By size, and how it grows."""
    took: dict[str, list[tuple[int, float]]] = {}
    for rows in SIZES:
        with ground() as engine:
            pour(engine, _ACCOUNTS, n=rows, now=_NOW)
            settle(engine)
            for name, file, target in (("metrics", "scores.csv", _LEAST), ("events", "usage.csv", None)):
                figure = _figure(engine, f"intake_{name}_{words(rows)}", file, rows, target)
                yield figure
                assert figure.value is not None
                took.setdefault(name, []).append((rows, rows / figure.value))
    for name, sizes in took.items():
        yield growth(f"intake_{name}", "s", sizes[-2], sizes[-1])


def _figure(engine: sa.Engine, name: str, file: str, rows: int, target: float | None) -> Figure:
    ours: list[Spent] = []
    bare: list[Spent] = []
    copy = _copying(engine, file)
    with tempfile.TemporaryDirectory(prefix="tenure-bench-") as folder:
        (Path(folder) / file).write_text(_csv(file, rows), encoding="utf-8")
        for _ in range(SIZES[rows]):
            _empty(engine, file)
            bare.append(timed(copy))
            _empty(engine, file)
            ours.append(timed(lambda: _import(engine, Path(folder))))
        # A second time is measured where that takes no minute.
        again = timed(lambda: _import(engine, Path(folder))) if rows < max(SIZES) else None
    value, ceiling = (rows / median(one.wall for one in spent) for spent in (ours, bare))
    cpu = median(one.cpu for one in ours)
    return Figure(
        name=name,
        value=value,
        unit="rows/s",
        ceiling=ceiling,
        target="" if target is None else f"ratio >= {target}",
        holds=None if target is None else value / ceiling >= target,
        note=f"{rows / value:.2f} s, {cpu:.2f} s CPU outside PostgreSQL"
        + (f"; again: {again.wall:.2f} s" if again else ""),
    )


def _empty(engine: sa.Engine, file: str) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text(f"truncate {_COPY[file].partition(' ')[0]}, change cascade"))


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
