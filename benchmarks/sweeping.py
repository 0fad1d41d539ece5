"""Sweeps over whole portfolios, beside the best SQL that was written by hand for the same meaning: one packed pass."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from unittest.mock import patch

from benchmarks.measure import SHARES, Figure, best, growth, words
from benchmarks.portfolio import DAY, METRICS, Portfolio, portfolio
from store.current.projection import Projected, project_on
from store.deciding import sweep as store_sweep

SIZES = (10_000, 100_000, 1_000_000)
_MEANT = SIZES[-1]
"""The size for which targets are set that compare: of few accounts, the fixed part of a sweep is most of it."""
_ROUNDS = 3
_LOOKS = 20
"""Sweeps over nothing: a worker has made so many that PostgreSQL has prepared what they ask."""
_MINUTE = timedelta(minutes=1)
_MOST_OF_FULL = {"0.1pc": 0.05, "1pc": 0.20}
_FULL, _RESCORING, _NOTHING_MS = 1.3, 1.5, 5.0


@dataclass(frozen=True)
class _Measured:
    """Seconds, by what was done to a portfolio of one size."""

    deciding: float
    scoring: float
    hand_deciding: float
    hand_scoring: float
    nothing: float
    changed: dict[str, tuple[float, float, float]]
    """By share: the whole sweep, its scoring, and the same by hand."""

    @property
    def whole(self) -> float:
        return self.deciding + self.scoring


def full() -> Iterator[Figure]:
    for size in SIZES:
        found = _measure(size)
        name = f"sweep_full_{words(size)}"
        yield _beside(name, found.deciding, found.hand_deciding, _FULL, "3 playbooks, 6 edges").at(size, _MEANT)
        yield Figure(
            name=f"sweep_whole_{words(size)}",
            value=found.whole,
            unit="s",
            ceiling=found.hand_deciding + found.hand_scoring,
            note="scoring all of them as well",
        )


def incremental() -> Iterator[Figure]:
    for size in SIZES:
        found = _measure(size)
        yield Figure(
            name=f"sweep_nothing_{words(size)}",
            value=1000 * found.nothing,
            unit="ms",
            target=f"< {_NOTHING_MS:g}",
            holds=found.nothing * 1000 < _NOTHING_MS,
            note="nothing has changed",
        )
        for share, (spent, _, by_hand) in found.changed.items():
            most = _MOST_OF_FULL.get(share)
            yield Figure(
                name=f"sweep_{share}_{words(size)}",
                value=spent,
                unit="s",
                ceiling=found.whole,
                target=f"ratio <= {most:g}" if most else "",
                holds=spent / found.whole <= most if most else None,
                note="the ceiling is the full sweep",
            ).at(size, _MEANT)
            rows = size // SHARES[share]
            yield Figure(
                name=f"sweep_changed_{share}_{words(size)}",
                value=1e6 * spent / rows,
                unit="us/account",
                ceiling=1e6 * by_hand / rows,
                note=f"{rows:,} accounts changed, beside one statement by hand that writes as much",
            )


def rescoring() -> Iterator[Figure]:
    for size in SIZES:
        found = _measure(size)
        name, note = f"rescoring_{words(size)}", "nothing has changed"
        yield _beside(name, found.scoring, found.hand_scoring, _RESCORING, note).at(size, _MEANT)
        for share, (_, scoring, _) in found.changed.items():
            rows = size // SHARES[share]
            note = f"{rows:,} accounts changed, with history"
            name = f"rescoring_{share}_{words(size)}"
            yield Figure(name=name, value=1e6 * scoring / rows, unit="us/account", note=note)


def growing() -> Iterator[Figure]:
    """From a tenth of the accounts to all: ten times the time is linear."""
    small, large = _measure(SIZES[-2]), _measure(SIZES[-1])
    pairs = {
        "deciding": (small.deciding, large.deciding),
        "scoring": (small.scoring, large.scoring),
        "1pc_changed": (small.changed["1pc"][0], large.changed["1pc"][0]),
    }
    for name, (before, after) in pairs.items():
        yield growth(name, "s", (SIZES[-2], before), (SIZES[-1], after))


def _beside(name: str, value: float, ceiling: float, most: float, note: str) -> Figure:
    return Figure(
        name=name,
        value=value,
        unit="s",
        ceiling=ceiling,
        target=f"ratio <= {most}",
        holds=value <= most * ceiling,
        note=note,
    )


@cache
def _measure(size: int) -> _Measured:
    with portfolio(size) as here, _scoring_clocked() as clocked:
        _by_hand(here)
        rounds = [_full(here, clocked) for _ in range(_ROUNDS)]
        deciding, scoring, hand_deciding, hand_scoring = map(min, zip(*rounds, strict=True))
        # A worker has swept before: its statements are built.
        _changed(here, size // 10, shift=0)
        changed = {}
        for n, (share, every) in enumerate(SHARES.items()):
            clocked.clear()
            spent = _changed(here, every, shift=n + 1)
            changed[share] = (spent, sum(clocked), _timed(here, _HAND_CHANGED, every=every, shift=n + 1))
        here.settle()
        return _Measured(deciding, scoring, hand_deciding, hand_scoring, best(_LOOKS, lambda: _nothing(here)), changed)


def _full(here: Portfolio, clocked: list[float]) -> tuple[float, float, float, float]:
    """Another day: everyone is looked at, and nothing has changed."""
    here.pass_time(DAY)
    clocked.clear()
    report, spent = here.sweep()
    assert report.accounts == here.accounts
    scoring = sum(clocked)
    return spent - scoring, scoring, _timed(here, _HAND_EDGES), _timed(here, _HAND_SCORES)


def _changed(here: Portfolio, every: int, shift: int) -> float:
    here.pass_time(_MINUTE)
    here.change(every, shift=shift)
    here.settle()
    return here.sweep()[1]


def _nothing(here: Portfolio) -> float:
    here.pass_time(_MINUTE)
    report, spent = here.sweep()
    assert report.accounts == 0
    return spent


def _timed(here: Portfolio, sql: str, **given: object) -> float:
    began = time.perf_counter()
    here.run(sql, **given)
    return time.perf_counter() - began


@contextmanager
def _scoring_clocked() -> Iterator[list[float]]:
    """How long the sweep's projection takes, each time."""
    spent: list[float] = []

    def clocked(*arguments: Any, **named: Any) -> Projected:
        began = time.perf_counter()
        try:
            return project_on(*arguments, **named)
        finally:
            spent.append(time.perf_counter() - began)

    with patch.object(store_sweep, "project_on", clocked):
        yield spent


# --- by hand ---------------------------------------------------------------------------------------------------------


def _by_hand(here: Portfolio) -> None:
    """The same facts and memories in a table made for this one purpose."""
    columns = ", ".join(f'"metric.{name}" as {name}' for name in METRICS)
    here.run(
        f"""
        create table hand with (fillfactor = 85) as
        select account_id as id, "account.arr" as arr, "account.signup_date" as signup, {columns},
            "health.score" as score, seen_0 as seen, tripped_0 as tripped
        from account_now order by account_id
        """  # noqa: S608 - joined from constants
    )
    here.run("alter table hand add primary key (id)")
    here.run("create table hand_run (id bigint, playbook int, reasons bigint, unique (id, playbook))")
    here.run("create table hand_score (like score including defaults including identity)")
    here.run("create unique index on hand_score (account_id, card, at desc, id desc) include (value, band)")
    here.run("create index on hand_score (at) include (account_id)")
    here.settle()


_EDGES = (
    ("score < 50", "score >= 58"),
    ("nps < 20", "nps >= 20"),
    ("usage > 95", "usage <= 95"),
    ("adoption > 97", "adoption <= 97"),
    ("support < 3", "support >= 3"),
    ("date '2026-03-04' - signup > 3000", "date '2026-03-04' - signup <= 3000"),
)
_TRIPS = " | ".join(f"case when {trips} then {1 << n} else 0 end" for n, (trips, _) in enumerate(_EDGES))
_REARMS = " | ".join(f"case when {rearms} then {1 << n} else 0 end" for n, (_, rearms) in enumerate(_EDGES))
_HAND_EDGES = f"""
    with looked as materialized (
        select * from (
            select id, arr, tripped, ({_TRIPS})::bigint as trips, ({_REARMS})::bigint as rearms from hand offset 0
        ) as masks where trips & ~tripped <> 0 or rearms & tripped & ~trips <> 0
    ), remembered as (
        update hand set tripped = (hand.tripped | looked.trips) & ~(looked.rearms & ~looked.trips)
        from looked where hand.id = looked.id
    )
    insert into hand_run
    select id, playbook, trips & ~tripped & (3::bigint << 2 * playbook)
    from looked, generate_series(0, 2) as playbook
    where arr >= 1000 and trips & ~tripped & (3::bigint << 2 * playbook) <> 0
"""  # noqa: S608 - joined from constants
_SCORED = """
        select *,
            floor((coalesce(usage_ * 35, 0) + coalesce(adoption_ * 20, 0) + coalesce(support_ * 15, 0)
                + coalesce(nps_ * 15, 0) + coalesce(contact_ * 15, 0)) / nullif(known, 0) * 10 + 0.5) / 10 as made
        from (
            select *, case when usage_ is null then 0 else 35 end + case when adoption_ is null then 0 else 20 end
                + case when support_ is null then 0 else 15 end + case when nps_ is null then 0 else 15 end
                + case when contact_ is null then 0 else 15 end::float8 as known, null::text as band
            from (
                select *,
                    case when usage <= 0 then 0 when usage <= 25 then usage * 2 when usage <= 60 then
                        50 + (usage - 25) * (50::float8 / 35) when usage is not null then 100 end as usage_,
                    case when adoption <= 0 then 0 when adoption <= 20 then adoption * 1.5::float8
                        when adoption <= 50 then 30 + (adoption - 20) * (70::float8 / 30)
                        when adoption is not null then 100 end as adoption_,
                    case when support between 0 and 20 then 0 when support between 21 and 60 then 50
                        when support between 61 and 100 then 100 end::float8 as support_,
                    case when nps between 0 and 60 then 10 when nps between 61 and 80 then 60
                        when nps between 81 and 100 then 100 end::float8 as nps_,
                    case when contact <= 0 then 100 when contact <= 90 then 100 - contact * (50::float8 / 90)
                        when contact <= 180 then 50 - (contact - 90) * (50::float8 / 90)
                        when contact is not null then 0 end as contact_
                from {facts} offset 0
            ) as points offset 0
        ) as counted offset 0
"""
_HAND_SCORES = f"""
    select count(*) from (select id, score, band, usage_, adoption_, support_, nps_, contact_, made
    from ({_SCORED.format(facts="hand")}) as all_scored) as scored where made is distinct from score
"""  # noqa: S608 - joined from constants
# What the sweep finds among change rows, this is told by its caller.
_TOLD = """(
    select hand.id, hand.arr, hand.signup, hand.score, hand.tripped, news.* from hand, lateral (
        select max(value) filter (where field = 'metric.usage') as usage,
            max(value) filter (where field = 'metric.adoption') as adoption,
            max(value) filter (where field = 'metric.support') as support,
            max(value) filter (where field = 'metric.nps') as nps,
            max(value) filter (where field = 'metric.contact') as contact
        from (
            select distinct on (field) field, value::float8 as value from account_value
            where account_id = hand.id and field like 'metric.%' order by field, at desc, id desc
        ) as newest
    ) as news
    where (hand.id + :shift) % :every = 0
) as told"""
_HAND_CHANGED = f"""
    with scored as materialized ({_SCORED.format(facts=_TOLD)}), masked as materialized (
        select *, ({_TRIPS.replace("score <", "made <")})::bigint as trips,
            ({_REARMS.replace("score >", "made >")})::bigint as rearms
        from scored
    ), remembered as (
        insert into hand_score (account_id, card, at, value, band, known_weight, made_by, inputs, points, states)
        select id, 'health', now(), made, case when made < 50 then 'red' when made < 75 then 'yellow' else 'green' end,
            known / 100, 'hand', array[usage, adoption, support, nps, contact],
            array[usage_, adoption_, support_, nps_, contact_], 'kkkkk'
        from masked where made is distinct from score order by id
    ), updated as (
        update hand set usage = masked.usage, adoption = masked.adoption, support = masked.support, nps = masked.nps,
            contact = masked.contact, score = masked.made,
            tripped = (hand.tripped | masked.trips) & ~(masked.rearms & ~masked.trips)
        from masked where hand.id = masked.id
    )
    insert into hand_run
    select id, playbook, trips & ~tripped & (3::bigint << 2 * playbook)
    from masked, generate_series(0, 2) as playbook
    where arr >= 1000 and trips & ~tripped & (3::bigint << 2 * playbook) <> 0
    on conflict do nothing
"""  # noqa: S608 - joined from constants
