"""Random cases of starting: playbooks with all kinds of triggers and rules of entry, and facts that move, from a seed.

The same case is decided in memory and in PostgreSQL; see tests/e2e/test_starting.py.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.compile import compile_playbook
from engine.plan import Compiled
from engine.workspace import Workspace, load_workspace

T0 = datetime(2026, 3, 16, tzinfo=UTC)
"""Two weeks in which clocks change on both sides of the ocean, and then Easter."""
DAYS = 24
RUN_DAYS = 4
WORKSPACE = b"""
name: Starts
zone: Europe/Berlin
calendar: { country: DE }
fields:
  account.vip: bool
events:
  login: { n: number, kind: text }
metrics:
  nps: number
  logins: count(event.login, 5 days)
"""

_TRIGGERS = (
    "{ metric: nps, falls_below: 50 }",
    "{ metric: nps, falls_below: 50, rearm_at: 70, for: 2 days }",
    "{ metric: nps, drops_by: 15, within: 5 days }",
    "{ metric: nps, rises_by: 20, within: 7 days }",
    "{ metric: logins, rises_above: 1 }",
    "{ becomes: 'account.vip or metric.nps > 80', for: 36 hours }",
    "{ becomes: 'trend(metric.nps, 10 days) < -1' }",
    "{ becomes: 'count(event.login where n >= 3, 4 days) >= 2' }",
    "{ becomes: 'any(contact where roles contains \"champion\") and metric.nps < 60' }",
    "{ date: account.renewal_date - 3 business days, grace: 2 days }",
    "{ date: account.renewal_date + 1 week }",
    "{ schedule: every 6 days from account.signup_date, grace: 3 days }",
    "{ schedule: every month from account.signup_date }",
    "{ schedule: every 9 days from 2026-03-01 }",
    "{ schedule: { cron: '30 2 * * sun' } }",
    "{ schedule: { cron: '0 9 * * mon,thu', zone: America/New_York } }",
    "{ event: login }",
    "{ event: login, where: 'n >= 3 and kind == \"export\"', settle: 5 minutes, grace: 1 day }",
    "{ event: login, where: 'n > metric.nps / 20', settle: 2 days }",
)
_ENTRIES = (
    "",
    "again_after: 3 days",
    "again_after: 2 business days",
    "key: account.renewal_date",
    "key: account.renewal_date, term: 5 days",
    "exclusive: attention, on_conflict: replace",
    "exclusive: attention, on_conflict: skip",
    "exclusive: attention",
    "held: drop, exclusive: attention",
    "already_running: restart",
    "already_running: restart, again_after: 5 days",
    "already_running: queue",
    "already_running: queue, again_after: 1 day",
    "holdout: 30%",
    "existing: include, again_after: 4 days",
)
Fact = tuple[datetime, str, Any]
"""When it is learned; a field's name, or `event`; its value, or (when it happened, key, props)."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One account, and what is learned of it."""

    key: str
    facts: tuple[Fact, ...]
    first: Mapping[str, Any]


def starts_workspace() -> Workspace:
    return load_workspace({"tenure.yaml": WORKSPACE})


def random_playbooks(seed: int, workspace: Workspace) -> tuple[Compiled, ...]:
    """Playbooks that depend on the seed alone."""
    chance = random.Random(seed)
    return tuple(_playbook(chance, f"starts-{seed}-{letter}", workspace) for letter in "abc")


def random_case(seed: int) -> Case:
    """A case that depends on the seed alone."""
    chance = random.Random(seed)
    key = f"case-{seed}"
    first = {
        "account.name": key,
        "account.zone": chance.choice([None, "Europe/Berlin", "Pacific/Auckland", "America/New_York"]),
        "account.country": chance.choice([None, "DE", "US", "IL", "no such"]),
        "account.signup_date": date(2025, chance.randint(1, 12), chance.randint(1, 28)),
        "account.renewal_date": date(2026, 3, 16) + timedelta(days=chance.randint(-5, 40)),
        "account.lifecycle": "live",
        "metric.nps": 60.0,
    }
    return Case(
        key=key,
        facts=tuple(sorted(_facts(chance, key), key=lambda fact: fact[0])),
        first=first,
    )


def _playbook(chance: random.Random, name: str, workspace: Workspace) -> Compiled:
    triggers = "\n".join(f"  - {one}" for one in chance.sample(_TRIGGERS, chance.randint(1, 3)))
    goal = f"goal: {{ when: metric.nps > {chance.randint(75, 95)} }}" if chance.random() < 0.3 else ""
    exits = "exit: [{ when: account.vip, reason: very important }]" if chance.random() < 0.2 else ""
    source = f"""
playbook: {name}
title: {name}
priority: {chance.choice([50, 50, 60])}
audience: {chance.choice(["account.name is known", "not (metric.nps < 20)", "account.zone != 'Pacific/Auckland'"])}
triggers:
{triggers}
entry: {{ {chance.choice(_ENTRIES)} }}
{goal}
{exits}
steps:
  - wait: {RUN_DAYS} days
"""
    found = compile_playbook(source.encode(), "playbook.yaml", name, {}, workspace)
    assert found.compiled is not None, (source, found.problems)
    return found.compiled


def _facts(chance: random.Random, key: str) -> Sequence[Fact]:
    facts: list[Fact] = []
    for n in range(chance.randint(4, 14)):
        at = _moment(chance)
        match chance.randrange(8):
            case 0:
                facts.append((at, "account.renewal_date", date(2026, 3, 16) + timedelta(days=chance.randint(-8, 50))))
            case 1:
                facts.append((at, "account.vip", chance.choice([True, False, None])))
            case 2 | 3 | 4:
                late = chance.choice([timedelta(), timedelta(), timedelta(hours=30), timedelta(days=9)])
                props = {"n": float(chance.randint(1, 5)), "kind": chance.choice(["export", "view"])}
                told = (at - late, f"{key}/{n}", props)
                facts.append((at, "event", told))
                if chance.random() < 0.3:
                    facts.append((max(at + timedelta(seconds=1), _moment(chance)), "event", told))
            case _:
                facts.append((at, "metric.nps", chance.choice([None, 10.0, 30.0, 45.0, 55.0, 72.0, 90.0])))
    return facts


def _moment(chance: random.Random) -> datetime:
    """On the second, and no two alike: values of one instant would contradict each other."""
    return T0 + timedelta(seconds=chance.randrange(3_600, DAYS * 86_400))
