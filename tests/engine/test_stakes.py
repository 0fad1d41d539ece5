from datetime import UTC, date, datetime, timedelta

import pytest

from engine.stakes import money, stake_of
from engine.workspace.roles import FieldOf, ManagerOf, PoolOf, rule_of

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 10)


def of(due=None, arr=None, renewal=None, score=80.0):
    due_at = None if due is None else NOW + timedelta(days=due)
    return stake_of(
        NOW,
        TODAY,
        due_at=due_at,
        arr=arr,
        renewal=None if renewal is None else TODAY + timedelta(days=renewal),
        score=score,
    )


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        ({}, ()),
        ({"due": -3.5}, ("overdue by 3 days",)),
        ({"due": -0.1}, ("just overdue",)),
        ({"due": 0.25}, ("due in 6 hours",)),
        ({"due": 2}, ("due in 2 days",)),
        ({"arr": 120_000}, ("120k a year",)),
        ({"arr": 0}, ()),
        ({"arr": float("inf")}, ()),
        ({"renewal": 24}, ("renews in 24 days",)),
        ({"renewal": 0}, ("renews today",)),
        ({"renewal": 400}, ()),
        ({"renewal": -1}, ()),
        ({"score": 35.4}, ("health 35",)),
        ({"score": None}, ("health unknown",)),
        (
            {"due": -2, "arr": 50_000, "renewal": 20, "score": 30.0},
            ("overdue by 2 days", "renews in 20 days", "health 30", "50k a year"),
        ),
    ],
)
def test_what_is_at_stake_is_told_with_the_largest_first(given, reasons):
    assert of(**given).reasons == reasons


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"due": -5}, {"due": -1}),
        ({"due": -1}, {"due": 0}),
        ({"due": 1}, {"due": 5}),
        ({"due": 60}, {}),
        ({"arr": 200_000}, {"arr": 20_000}),
        ({"renewal": 10}, {"renewal": 100}),
        ({"score": 20.0}, {"score": 50.0}),
        ({"score": None}, {"score": 90.0}),
    ],
)
def test_more_is_at_stake(more, less):
    assert of(**more).points > of(**less).points


@pytest.mark.parametrize(
    ("amount", "text"), [(800, "800"), (12_000, "12k"), (999_600, "1M"), (1_234_000, "1.23M"), (2e9, "2B")]
)
def test_money_is_short(amount, text):
    assert money(amount) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("account.csm", FieldOf("account.csm")),
        ("manager of  csm", ManagerOf("csm")),
        ("least loaded of support", PoolOf("support", "load")),
        ("next of onboarding", PoolOf("onboarding", "turn")),
        ("next onboarding", FieldOf("next onboarding")),
    ],
)
def test_a_staff_role_is_a_field_a_manager_or_a_pool(text, rule):
    assert rule_of(text) == rule
