"""`tenure health validate` on the command line: what it prints, its one JSON document, its picture and its refusals."""

import random
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from engine.facts import AccountFact, IncomingFact, MetricFact
from store import clock
from store.intake import take_in_dated
from tests.command_line import tenure
from tests.store.world import World, workspace

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
TENURE = "name: Harbour\nzone: UTC\nmetrics: { nps: number, calls: number }\n"
HEALTH = """
scorecard: health
components:
  - { id: mood, metric: nps, scale: { 0: 0, 10: 100 }, weight: 3 }
  - { id: calls, metric: calls, scale: { 0: 0, 10: 100 }, weight: 1 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
"""
ACCOUNTS = 120


def on(day):
    return FIRST + timedelta(days=day)


@pytest.fixture
def book(database, monkeypatch):
    """A third leaves between day 20 and 60, the unhappy rather than the happy; calls tell nothing."""
    monkeypatch.setenv("TENURE_DATABASE_URL", database)
    world = World(database, start=FIRST)
    world.deploy(workspace(TENURE, health=HEALTH))
    dice = random.Random(5)
    facts: list[tuple[IncomingFact, datetime]] = []
    for n in range(ACCOUNTS):
        key, leaves = f"a{n}", n % 3 == 0
        facts.append((AccountFact(key=key, fields={"account.lifecycle": "live"}, at=on(0)), on(0)))
        mood = dice.uniform(0, 7) if leaves else dice.uniform(3, 10)
        facts.append((MetricFact(account=key, metric="nps", value=round(mood, 1), at=on(1)), on(1)))
        facts.append((MetricFact(account=key, metric="calls", value=dice.randrange(11), at=on(1)), on(1)))
        if leaves:
            gone = on(20 + n % 40)
            facts.append((AccountFact(key=key, fields={"account.lifecycle": "churned"}, at=gone), gone))
    with world.tx() as conn:
        clock.set_virtual(conn, on(90))
        take_in_dated(conn, facts)


def validate(*how):
    return tenure("health", "validate", "--from", "2025-01-02", "--to", "2025-01-22", "--horizon", "60 days", *how)


def test_people_read_a_verdict_figures_and_what_to_mind(book):
    done = validate()
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("health of Harbour: the score tells ")
    assert lines[0].endswith(" who will leave")
    starts = [line.split("  ")[0] for line in lines]
    assert [one for one in starts if one in ("accounts", "samples", "known", "coverage", "AUC", "by day")] == [
        *("accounts", "samples", "known", "coverage", "AUC", "by day")
    ]
    assert {"BAND", "red", "yellow", "green", "TENTH", "10", "COMPONENT", "mood", "calls"} <= set(starts)
    assert "DeLong" in done.out
    assert "Obuchowski" in done.out


def test_json_has_the_same_and_nothing_else_on_standard_output(book):
    done = validate("--json")
    found = done.json
    judgement = found["judgement"]
    assert (found["card"], found["horizon_days"], found["every_days"], found["last"]) == (
        "health",
        60,
        20,
        "2025-01-22",
    )
    assert judgement["whole"]["accounts"] == ACCOUNTS
    assert judgement["whole"]["churned_accounts"] == ACCOUNTS // 3
    assert judgement["auc"]["low"] < judgement["auc"]["value"] < judgement["auc"]["high"]
    mood, calls = judgement["components"]
    assert mood["auc"]["value"] > judgement["auc"]["value"] - 0.1
    assert calls["auc"]["low"] < 0.5 < calls["auc"]["high"]
    assert mood["drop"]["value"] > calls["drop"]["value"]
    rates = [one["rate"]["value"] for one in judgement["bands"]]
    assert rates == sorted(rates, reverse=True)
    assert [one["name"] for one in found["bands"]] == ["red", "yellow", "green"]
    assert all(one["code"] and one["says"] for one in found["cautions"])


def test_it_says_the_same_every_time(book):
    assert validate("--json").out == validate("--json").out


def test_it_can_be_drawn(book, tmp_path):
    done = validate("--svg", tmp_path / "health.svg")
    assert done.code == 0
    assert done.err.splitlines()[-1] == f"drawn in {tmp_path / 'health.svg'}"
    assert ET.parse(tmp_path / "health.svg").getroot().tag.endswith("svg")


def test_another_outcome_is_one_condition(book):
    done = tenure(
        "health", "validate", "--horizon", "10 days", "--from", "2025-03-01", "--churned", "metric.nps > 90", "--json"
    )
    assert done.json["churned"] == "metric.nps > 90"
    assert "too_few_churns" in [one["code"] for one in done.json["cautions"]]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (["welath"], 'there is no scorecard "welath"; there is health'),
        (["--horizon", "2 months"], "--horizon: 2 months is not a number of days"),
        (["--horizon", "soon"], '--horizon: "soon" is not a duration'),
        (["--churned", "metric.nsp < 3"], "--churned: "),
        (["--churned", "health.score < 3"], "health.score is part of the score itself"),
        (["--svg", "/nowhere/to/be/found.svg"], "/nowhere/to/be/found.svg cannot be written"),
        (["--from", "2025-03-01"], "60 days after 2025-03-01 are not over yet"),
        (["--to", "2024-03-01"], "no account was known before 2025-01-01"),
        (["--from", "soon"], "is no date"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(book, how, says):
    done = tenure("health", "validate", "--horizon", "60 days", *how)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_days_are_listed_as_they_ended(book, database):
    world = World(database, start=on(90))
    world.sweep()
    world.pass_time(timedelta(days=2))
    world.sweep()
    done = tenure("health", "days", "--json")
    assert done.code == 0
    found = done.json["items"]
    assert [one["day"] for one in found] == ["2025-04-01", "2025-04-02"]
    assert found[0]["accounts"] == 80
    assert sum(found[0]["bands"].values()) == 80
    assert tenure("health", "days").out.splitlines()[0].split() == [
        *("DAY", "CUSTOMERS", "ARR", "MEAN", "RED", "YELLOW", "GREEN")
    ]


def test_days_of_a_card_nobody_has_are_refused(book):
    done = tenure("health", "days", "helth")
    assert done.code == 2
    assert "health" in done.err
