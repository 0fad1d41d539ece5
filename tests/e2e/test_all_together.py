"""Invariant I7 on five playbooks at once that use the whole language: a group, caps, windows, zones, surveys, reviews.

Each account lives through eighty days of its own over the same real servers, and alone in the simulator.
"""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from engine.project import read_project
from engine.scenarios.document import ScenarioDocument
from engine.scenarios.run import simulate_scenario
from tests.e2e.comparing import difference
from tests.e2e.stage import Stage, last_instant, telling

ORCHARD = Path(__file__).parent / "orchard"
TOLD = frozenset(["health.score", "metric.open_escalations", "account.arr"])
ACCOUNTS, DAYS = 12, 80
OUTCOMES: dict[str, list[str | None]] = {
    "call": ["reached", "no_answer", "leaving"],
    "look": [None],
    "prepare": ["done"],
    "kick": ["held", "cancelled"],
    "review": ["send", "drop"],
}
MAILS = ("mailed", "again", "special", "terms", "review", "hello", "tour")
ROLES = ("champion", "admin", "sponsor")
DELAYS = ("30 minutes", "2 hours", "1 day", "3 days", "5 days", "7 days")


@pytest.mark.stage
@pytest.mark.parametrize("start", [date(2026, 3, 2), date(2026, 10, 5)], ids=["into summer time", "out of it"])
async def test_what_many_playbooks_do_to_an_account_is_what_the_simulator_says(
    start: date, database: str, temporal_client: Client
) -> None:
    files = {str(one.relative_to(ORCHARD)): one.read_bytes() for one in ORCHARD.rglob("*") if one.is_file()}
    project = read_project(files)
    assert project.workspace is not None
    stage = Stage(database, list(project.playbooks.values()), telling(project.workspace, TOLD))
    ours = f"{start:%y%m%d}"  # lots are drawn by keys: the same in every run
    scenarios = {f"{ours}-{seed}": _Life(seed, start).scenario() for seed in range(ACCOUNTS)}
    await stage.play(temporal_client, scenarios)
    differ, runs = {}, 0
    for key, scenario in scenarios.items():
        last = last_instant(scenario, stage.workspace)
        simulated = simulate_scenario(scenario, stage.compiled, stage.workspace, key)
        played = [one for one in stage.played(key) if one.started_at <= last]
        runs += len(played)
        if (found := difference(played, simulated, last)) is not None:
            differ[scenario.name] = found
    assert not differ
    assert runs > 2 * ACCOUNTS


def _somebody(own: random.Random) -> Any:
    """What a scenario may say of a contact."""
    if own.random() < 0.3:
        return True
    told: dict[str, Any] = {"also": [role for role in ROLES if own.random() < 0.2]}
    if own.random() < 0.5:
        told["zone"] = own.choice(["America/Los_Angeles", "Asia/Kolkata", "Europe/Berlin", "Pacific/Auckland"])
    if own.random() < 0.5:
        told["locale"] = own.choice(["de", "de-AT", "en", "fr"])
    return told | {"email": own.random() < 0.85, "do_not_contact": own.random() < 0.1}


class _Life:
    """What is told of one account, and what people do, by a seed."""

    def __init__(self, seed: int, start: date) -> None:
        self._random = random.Random(seed)
        self._seed, self._start = seed, start

    def scenario(self) -> ScenarioDocument:
        days = [self._facts(day) for day in range(DAYS)]
        # None on the first day: the playbooks are deployed as it begins in the east, elsewhere a little before it.
        events = [[], *(self._events() for _ in range(1, DAYS))]
        return ScenarioDocument.model_validate(
            {
                "name": f"seed {self._seed}",
                "account": self._account(),
                "contacts": self._contacts(roles := self._roles()),
                "contact_changes": self._contact_changes(),
                "start": self._start,
                "consent": self._consent(roles),
                "days": {str(day): facts for day, facts in enumerate(days) if facts},
                "events": {str(day): told for day, told in enumerate(events) if told},
                "people": self._people(),
                "until": DAYS,
            }
        )

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _account(self) -> dict[str, Any]:
        pick = self._random.choice
        zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"]
        return {
            "segment": pick(["enterprise", "mid-market", "self-serve"]),
            "arr": pick([500, 5000, 20000]),
            "lifecycle": pick(["live", "live", "onboarding", "trial"]),
            "country": pick(["DE", "US", "FR", "GB"]),
            "zone": pick(zones),
            "signup_date": self._day(-self._random.randint(0, 200)),
            "renewal_date": self._day(self._random.randint(62, 110)),
        }

    def _day(self, offset: int) -> str:
        return (self._start + timedelta(days=offset)).isoformat()

    def _facts(self, day: int) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if day == 0:
            return {"health.score": self._random.randint(20, 90), "metric.open_escalations": 0.0}
        if self._chance(0.15):
            told["health.score"] = self._random.choice([15, 28, 35, 44, 50, 62, 71, 80, 90])
        if self._chance(0.03):
            told["metric.open_escalations"] = float(self._random.randint(0, 2))
        if self._chance(0.01):
            told["account.lifecycle"] = self._random.choice(["live", "onboarding", "churned"])
        if self._chance(0.01):
            told["account.renewal_date"] = self._day(day + self._random.randint(-5, 90))
        return told

    def _events(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        if self._chance(0.1):
            props = {"feature": self._random.choice(["export", "view"]), "n": self._random.choice([1, 150])}
            told.append({"type": "usage", "props": props})
        if self._chance(0.05):
            told.append({"type": "meeting", "props": {"kind": self._random.choice(["review", "chat"])}})
        return told

    def _roles(self) -> list[str]:
        return [role for role in ROLES if self._chance(0.7)]

    def _contacts(self, roles: list[str]) -> dict[str, Any]:
        """Of lots of their own, as consent: some are elsewhere, read German, have two roles or no address."""
        own = random.Random(f"contacts {self._seed}")
        return {role: _somebody(own) for role in roles}

    def _contact_changes(self) -> dict[str, dict[str, Any]]:
        own = random.Random(f"turnover {self._seed}")
        days = sorted(own.sample(range(1, DAYS), 5))
        return {str(day): {own.choice(ROLES): own.choice([False, True, _somebody(own)])} for day in days}

    def _consent(self, roles: list[str]) -> dict[str, dict[str, Any]]:
        """Of lots of their own: what else happens is not drawn anew."""
        own = random.Random(f"consent {self._seed}")
        choices: list[Any] = [{"offers": True}, {"marketing": True}, {"offers": False}, {"service": False}, False]
        return {
            str(day): {role: own.choice(choices) for role in roles if own.random() < 0.5}
            for day in sorted(own.sample(range(DAYS), 3))
        }

    def _people(self) -> dict[str, dict[str, Any]]:
        pick = self._random.choice
        people: dict[str, dict[str, Any]] = {}
        for step, outcomes in OUTCOMES.items():
            if self._chance(0.6):
                people[step] = {"after": pick(DELAYS), "outcome": pick(outcomes)}
        for step in MAILS:
            if self._chance(0.5):
                people.setdefault(step, {})["replied"] = pick(DELAYS)
        for step in ("nps", "nps2"):
            if self._chance(0.7):
                people[step] = {"after": pick(DELAYS), "score": self._random.randint(0, 10)}
        return people
