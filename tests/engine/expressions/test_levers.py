"""What a condition is made of, and what would turn it round: whatever is proposed must do what it says."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.contacts import holders
from engine.expressions import Scope, evaluate, parse_expression
from engine.expressions.levers import Term, nearest, terms
from engine.expressions.spell import spell
from engine.simulation import Account
from tests.authoring import authoring_workspace

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "account.segment": "self-serve",
    "account.arr": 20_000.0,
    "account.seats": 8.0,
    "account.vip": False,
    "account.lifecycle": "live",
    "account.renewal_date": date(2026, 9, 1),
    "metric.nps": None,
    "health.score": 62.0,
}
CATALOGUE = authoring_workspace().catalogue()


def account(**changes: Any) -> Account:
    one = Account(authoring_workspace(), holders(["champion"]))
    one.learn(FACTS | {name.replace("__", "."): value for name, value in changes.items()})
    one.look(NOW)
    return one


def condition(text: str) -> Any:
    return parse_expression(text, Scope(catalogue=CATALOGUE), want="bool")


CASES = [
    ("health.score < 60", {"health.score": "below 60"}),
    ("health.score >= 75", {"health.score": "at least 75"}),
    ("100 - health.score > 50", {"health.score": "below 50"}),
    ("account.arr / 12 >= 2000", {"account.arr": "at least 24000"}),
    ('account.segment == "enterprise"', {"account.segment": '"enterprise"'}),
    ('account.segment != "self-serve"', {"account.segment": '"enterprise"'}),
    ('account.segment in ["enterprise"]', {"account.segment": '"enterprise"'}),
    ('not (account.segment in ["self-serve"])', {"account.segment": '"enterprise"'}),
    ("account.vip", {"account.vip": "true"}),
    ("account.vip == true", {"account.vip": "true"}),
    ("days_until(account.renewal_date) <= 90", {"account.renewal_date": "on or before 2026-05-31"}),
    ("account.renewal_date - 60 days < today", {"account.renewal_date": "before 2026-05-01"}),
    ("metric.nps >= 9", {"metric.nps": "at least 9"}),
    ("highest(health.score, 14 days) >= 80", {"highest(health.score, 14 days)": "at least 80"}),
    ("highest(health.score, 14 days) - health.score >= 15", {"health.score": "at most 47"}),
    ("health.score >= 70 and 100 - health.score < 25", {"health.score": "above 75"}),
    (
        'account.segment == "enterprise" and account.arr >= 25000 and health.score > 10',
        {"account.segment": '"enterprise"', "account.arr": "at least 25000"},
    ),
    ('account.vip or (account.arr > 1e6 and account.segment == "enterprise")', {"account.vip": "true"}),
]


@pytest.mark.parametrize(("text", "changes"), CASES, ids=[text for text, _ in CASES])
def test_the_nearest_change_is_named(text: str, changes: dict[str, str]) -> None:
    found = nearest(condition(text), account(), CATALOGUE, want=True)
    assert found is not None
    assert {change.name: change.says for change in found} == changes


@pytest.mark.parametrize("text", [text for text, _ in CASES if "highest" not in text])
def test_what_is_proposed_turns_the_condition_round(text: str) -> None:
    expression = condition(text)
    assert evaluate(expression, account()) is not True
    found = nearest(expression, account(), CATALOGUE, want=True)
    assert found is not None
    turned = account(**{change.name.replace(".", "__"): change.to for change in found})
    assert evaluate(expression, turned) is True
    back = nearest(expression, turned, CATALOGUE, want=False)
    assert back
    again = {change.name: change.to for change in (*found, *back)}
    assert evaluate(expression, account(**{name.replace(".", "__"): to for name, to in again.items()})) is False


def test_a_condition_that_holds_needs_nothing() -> None:
    assert nearest(condition("health.score > 10"), account(), CATALOGUE, want=True) == ()


def test_what_no_single_value_moves_evenly_is_left_open() -> None:
    assert nearest(condition("health.score * health.score > 9000"), account(), CATALOGUE, want=True) is None


def test_a_condition_is_taken_apart_with_the_values_of_each_term() -> None:
    found = terms(condition('account.segment == "enterprise" and (account.arr > 5 or metric.nps > 3)'), account())
    assert (found.joined, found.holds) == ("and", False)
    first, second = found.parts
    assert first == Term(text='account.segment == "enterprise"', holds=False, values={"account.segment": "self-serve"})
    assert [(one.text, one.holds, one.values) for one in second.parts] == [
        ("account.arr > 5", True, {"account.arr": 20_000.0}),
        ("metric.nps > 3", None, {"metric.nps": None}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "health.score >= 60 and not (account.vip or account.arr > 5)",
        "days_until(account.renewal_date) <= 90",
        "account.renewal_date - 60 days < today",
        "(account.arr + 5) * 2 - 3 > 7",
        "account.arr - (account.seats - 3) > 7",
        "highest(health.score, 14 days) - health.score < 10",
        'account.segment in ["enterprise", "self-serve"]',
        "account.segment is known",
        "round(account.arr) > 5",
    ],
)
def test_what_is_spelled_reads_back_as_the_same(text: str) -> None:
    tree = condition(text).tree
    assert condition(spell(tree)).tree == tree
