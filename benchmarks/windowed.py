"""Metrics over windows of events: everyone's, those of changed accounts, and whose events leave a window; by size.

Beside them: the best SQL by hand over the same table of events, which reads it once and groups it by account.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from benchmarks.ahead import Ahead
from benchmarks.ground import pour, settle
from benchmarks.measure import SHARES, Figure, best, growth, timed, words
from engine.workspace import load_workspace
from store.current.ageing import due_accounts
from store.current.columns import ensure_columns
from store.current.in_work import Scope
from store.current.projection import project
from store.postgres.statements import Statement

_EACH = 10
"""Events of an account, over sixty days."""
_SIZES = {100_000: 3, 1_000_000: 3, 10_000_000: 1}
"""Events, and how often the whole is measured."""
_FULL, _IN_PROPORTION = 1.3, 1.5
_SPANS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
_WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: Bench
zone: UTC
events: { login: {}, use: { minutes: number } }
metrics:
  logins_30d: count(event.login, 30 days)
  minutes_30d: sum(event.use.minutes, 30 days)
  longest_7d: max(event.use.minutes, 7 days)
"""
    }
)


@dataclass(frozen=True)
class _Measured:
    """Seconds."""

    full: float
    full_by_hand: float
    changed: dict[str, tuple[float, float]]
    """By share: here and by hand."""
    ageing: dict[str, tuple[float, float, int]]
    """By span: here and by hand, and how many accounts."""
    scans: bool
    """Whether finding them reads the table of events from end to end."""


def figures() -> Iterator[Figure]:
    found = {}
    for events, rounds in _SIZES.items():
        found[events] = _measure(events, rounds)
        yield from (one.at(events, max(_SIZES)) for one in _of_size(words(events), events // _EACH, found[events]))
    small, large = list(_SIZES)[-2:]
    yield growth("windowed_full", "s", (small, found[small].full), (large, found[large].full))
    yield growth("windowed_1pc", "s", (small, found[small].changed["1pc"][0]), (large, found[large].changed["1pc"][0]))


def _of_size(size: str, accounts: int, found: _Measured) -> Iterator[Figure]:
    yield Figure(
        name=f"windowed_full_{size}",
        value=found.full,
        unit="s",
        ceiling=found.full_by_hand,
        target=f"ratio <= {_FULL}",
        holds=found.full <= _FULL * found.full_by_hand,
        note=f"3 windowed metrics of {accounts:,} accounts; nothing comes out different",
    )
    each = {share: spent / (accounts // SHARES[share]) for share, (spent, _) in found.changed.items()}
    for share, (_, by_hand) in found.changed.items():
        # In proportion: an account among many changed ones costs no more than one among a hundredth of all.
        most = _IN_PROPORTION * each["1pc"] if share == "10pc" else None
        rows = accounts // SHARES[share]
        yield Figure(
            name=f"windowed_{share}_{size}",
            value=1e6 * each[share],
            unit="us/account",
            ceiling=1e6 * by_hand / rows,
            target=f"<= {_IN_PROPORTION} x that of 1 %" if most else "",
            holds=each[share] <= most if most else None,
            note=f"{rows:,} accounts changed",
        )
    for span, (spent, by_hand, due) in found.ageing.items():
        yield Figure(
            name=f"windowed_ageing_{span}_{size}",
            value=1000 * spent,
            unit="ms",
            ceiling=1000 * by_hand,
            target="by index",
            holds=not found.scans,
            note=f"{due:,} accounts have an event that left a window within a {span}",
        )


def _measure(events: int, rounds: int) -> _Measured:
    with _ground(events) as engine:
        with engine.connect() as conn:
            full = best(rounds, partial(_project, engine, "anew"))
            by_hand = best(rounds, partial(_run, conn, _FULL_BY_HAND))
            changed = {share: _changed(engine, every, rounds) for share, every in SHARES.items()}
            ageing = {name: _ageing(conn, span) for name, span in _SPANS.items()}
            plan = conn.execute(sa.text("explain " + _text(_due(conn, _SPANS["hour"])))).scalars().all()
        return _Measured(full, by_hand, changed, ageing, any("Seq Scan on event" in line for line in plan))


def _ground(events: int) -> AbstractContextManager[sa.Engine]:
    return LARGE.ground() if events == max(_SIZES) else Ahead(partial(_furnish, accounts=events // _EACH)).ground()


def _project(engine: sa.Engine, scope: Scope) -> float:
    """Seconds until everything is worked out and compared with what the statement by hand left there."""
    with engine.begin() as conn:
        began = time.perf_counter()
        differing = project(conn, _WORKSPACE, _NOW, (), scope)
        spent = time.perf_counter() - began
    assert not differing, f"{differing} accounts come out different than by hand"
    return spent


def _changed(engine: sa.Engine, every: int, rounds: int) -> tuple[float, float]:
    with engine.begin() as conn:
        conn.execute(sa.text("truncate work"))
        conn.execute(sa.text("insert into work select id from account where id % :every = 0"), {"every": every})
    ours = best(rounds, partial(_project, engine, "some"))
    with engine.connect() as conn:
        return ours, best(rounds, partial(_run, conn, _SOME_BY_HAND))


def _due(conn: sa.Connection, span: timedelta) -> sa.Select[tuple[int]]:
    return due_accounts(conn, _WORKSPACE, _NOW - span, _NOW)


def _ageing(conn: sa.Connection, span: timedelta) -> tuple[float, float, int]:
    due = len(conn.execute(_due(conn, span)).all())
    ours = best(3, lambda: timed(lambda: conn.execute(_due(conn, span)).all()).wall)
    return ours, best(3, partial(_run, conn, _AGEING_BY_HAND, span=span)), due


def _text(statement: sa.Select[tuple[int]]) -> str:
    return Statement(statement).text


def _run(conn: sa.Connection, sql: str, **given: object) -> float:
    return timed(lambda: conn.execute(sa.text(sql), {"now": _NOW, **given}).all()).wall


def _furnish(engine: sa.Engine, accounts: int) -> None:
    """Events in the order of time, as they come in: each account's rows lie far apart."""
    pour(engine, _ACCOUNTS, n=accounts, now=_NOW)
    with engine.begin() as conn:
        ensure_columns(conn, _WORKSPACE)
    pour(engine, _EVENTS, n=accounts, each=_EACH, now=_NOW)
    with engine.begin() as conn:
        conn.execute(sa.text(_KNOWN), {"now": _NOW})
    settle(engine)


_ACCOUNTS = """
    insert into account (key, learned_at) select 'account-' || n, :now from generate_series(1, :n) as n
"""
_EVENTS = """
    insert into event (account_id, type, key, at, props, learned_at)
    select account, case when lot % 10 < 3 then 'login' else 'use' end, account || '-' || n, at,
        case when lot % 10 < 3 then '{}' else jsonb_build_object('minutes', lot % 240) end, :now
    from generate_series(0, :each - 1) as n, generate_series(1, :n) as account,
    lateral (select hashint8extended(account, n) & 1048575 as lot),
    lateral (select cast(:now as timestamptz) - make_interval(days => 6 * (:each - n))
        + make_interval(secs => lot % (6 * 86400)) as at)
"""
_MADE = """
    select account_id,
        count(*) filter (where type = 'login' and at > :now - interval '30 days') as logins,
        sum((props ->> 'minutes')::float8) filter (where type = 'use' and at > :now - interval '30 days') as minutes,
        max((props ->> 'minutes')::float8) filter (where type = 'use' and at > :now - interval '7 days') as longest
    from event
    where at > :now - interval '30 days' and at <= :now and type in ('login', 'use') {which}
    group by account_id
"""
_KNOWN = f"""
    insert into account_now (account_id, "metric.logins_30d", "metric.minutes_30d", "metric.longest_7d")
    select id, coalesce(logins, 0), coalesce(minutes, 0), longest
    from account left join ({_MADE.format(which="")}) as made on made.account_id = id order by id
"""  # noqa: S608 - joined from constants
_DIFFERS = """
    select account_id, coalesce(logins, 0), coalesce(minutes, 0), longest
    from {accounts} left join ({made}) as made using (account_id)
    where coalesce(logins, 0) is distinct from "metric.logins_30d"
    or coalesce(minutes, 0) is distinct from "metric.minutes_30d" or longest is distinct from "metric.longest_7d"
"""
_FULL_BY_HAND = _DIFFERS.format(accounts="account_now", made=_MADE.format(which=""))
_SOME_BY_HAND = _DIFFERS.format(
    accounts="work join account_now using (account_id)",
    made=_MADE.format(which="and account_id = any (array(select account_id from work))"),
)
_AGEING_BY_HAND = """
    select distinct account_id from event
    where at > :now - interval '30 days' - :span and at <= :now - interval '30 days' and type in ('login', 'use')
    or at > :now - interval '7 days' - :span and at <= :now - interval '7 days' and type = 'use'
    or at > :now - :span and at <= :now
"""

LARGE = Ahead(partial(_furnish, accounts=max(_SIZES) // _EACH))
"""The ground of the largest size."""
