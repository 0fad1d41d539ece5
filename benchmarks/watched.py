"""What open runs wait for, looked at by the sweep: everyone's goals, exits and awaited conditions, and a few accounts'.

Beside it: one packed pass by hand over the same facts, with the open runs in a table made for it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from benchmarks.measure import SHARES, Figure, best, growth, words
from benchmarks.portfolio import DAY, Portfolio, portfolio, workspace
from engine.compile import compile_playbook
from engine.plan import Compiled
from store import schema
from store.running import watches

SIZES = (10_000, 100_000)
"""Accounts, each with an open run that waits for three things."""
_ROUNDS = 3
_MINUTE = timedelta(minutes=1)
_PLAYBOOK = """
playbook: waits
title: Waits
triggers: [{ manual: true }]
goal: { when: metric.usage > 1000 }
exit:
  - { when: account.arr < 0, reason: gone }
  - { when: metric.nps < 0 and metric.support > 1000, reason: awaited }
steps: [{ wait: 300 days }]
"""


@dataclass(frozen=True)
class _Measured:
    """Seconds; those of the watches alone."""

    everyone: float
    by_hand: float
    changed: dict[str, tuple[float, float]]
    """By share: the watches, and the whole sweep around them."""


def figures() -> Iterator[Figure]:
    found = {size: _measure(size) for size in SIZES}
    for size, one in found.items():
        yield Figure(
            name=f"watches_full_{words(size)}",
            value=one.everyone,
            unit="s",
            ceiling=one.by_hand,
            note=f"{size:,} open runs with a goal, an exit and an awaited condition each; none is met",
        )
        for share, (spent, whole) in one.changed.items():
            rows = size // SHARES[share]
            yield Figure(
                name=f"watches_{share}_{words(size)}",
                value=1000 * spent,
                unit="ms",
                ceiling=1000 * whole,
                note=f"{rows:,} accounts changed; the ceiling is the whole sweep",
            )
    small, large = SIZES
    yield growth("watches_full", "s", (small, found[small].everyone), (large, found[large].everyone))


def _measure(size: int) -> _Measured:
    with portfolio(size) as here, _clocked() as spent:
        _wait(here)
        everyone = best(_ROUNDS, lambda: _swept(here, spent, DAY, size)[0])
        by_hand = best(_ROUNDS, lambda: _by_hand(here))
        changed = {}
        for n, (share, every) in enumerate(SHARES.items()):
            here.change(every, shift=n + 1)
            here.settle()
            changed[share] = _swept(here, spent, _MINUTE, size // every)
        return _Measured(everyone, by_hand, changed)


def _swept(here: Portfolio, spent: list[float], by: timedelta, accounts: int) -> tuple[float, float]:
    here.pass_time(by)
    spent.clear()
    report, whole = here.sweep()
    assert report.accounts == accounts, report
    assert not report.told, report
    return sum(spent), whole


@contextmanager
def _clocked() -> Iterator[list[float]]:
    """How long the sweep looks at watches, each time."""
    spent: list[float] = []
    evaluate = watches.evaluate

    def clocked(*given: Any, **options: Any) -> int:
        began = time.perf_counter()
        try:
            return evaluate(*given, **options)
        finally:
            spent.append(time.perf_counter() - began)

    with patch.object(watches, "evaluate", clocked):
        yield spent


def _wait(here: Portfolio) -> None:
    """An open run for everyone, as it stands while it waits."""
    compiled = _compiled()
    conditions = {"goal": compiled.plan.goal, **{f"exit/{n}": one for n, one in enumerate(compiled.plan.exits)}}
    conditions["steps[0]"] = conditions.pop("exit/1")
    with here.engine.begin() as conn:
        conn.execute(sa.text(_RUNS))
        for key, one in conditions.items():
            assert one is not None
            condition = sa.literal(one.when.model_dump(mode="json"), schema.watch.c.condition.type)
            made = sa.select(
                schema.run.c.id, sa.literal(key), schema.run.c.account_id, condition, schema.run.c.started_at
            )
            of = made.where(schema.run.c.playbook == "waits").order_by(schema.run.c.id)
            conn.execute(
                sa.insert(schema.watch).from_select(["run_id", "key", "account_id", "condition", "opened_at"], of)
            )
    here.run(_HAND)
    here.settle()


def _compiled() -> Compiled:
    found = compile_playbook(_PLAYBOOK.encode(), "waits/playbook.yaml", "waits", {}, workspace())
    assert found.compiled is not None, found.problems
    return found.compiled


def _by_hand(here: Portfolio) -> float:
    began = time.perf_counter()
    with here.engine.connect() as conn:
        assert not conn.execute(sa.text(_MET)).all()
    return time.perf_counter() - began


_RUNS = """
    insert into run (playbook, version, plan_hash, account_id, priority, workflow_id, standing, started_at)
    select 'waits', 1, 'waits', id, 50, 'waits/' || key || '/1', 'resting', (select instant from clock)
    from account order by id
"""
_HAND = """
    create table hand_wait as select run.id as run_id, account_id from run where playbook = 'waits' order by account_id
"""
_MET = """
    select run_id, met from hand_wait join (
        select account_id, case when "metric.usage" > 1000 then 1 else 0 end
            | case when "account.arr" < 0 then 2 else 0 end
            | case when "metric.nps" < 0 and "metric.support" > 1000 then 4 else 0 end as met
        from account_now offset 0
    ) as masks using (account_id) where met <> 0
"""
