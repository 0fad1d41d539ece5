"""An answer that is ruled out truly never comes, whatever the account is like."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.durations import Duration
from engine.expressions import Evaluator, Expression, Scope, evaluate, parse_expression
from engine.expressions.answers import answers, answers_without, value_on
from engine.expressions.tree import Aggregate
from tests.authoring import authoring_workspace

SCOPE = Scope(catalogue=authoring_workspace().catalogue())


def condition(text: str) -> Expression:
    return parse_expression(text, SCOPE, want="bool")


@pytest.mark.parametrize(
    ("text", "always"),
    [
        ("true", True),
        ("1 < 2", True),
        ("not (1 < 2)", False),
        ("account.seats > 3 or 1 < 2", True),
        ("account.seats > 3 and 1 > 2", False),
        ("today >= today - 3 days", True),
        ("today > today + 3 days", False),
        ("1 / 0 > 3", None),
    ],
)
def test_a_condition_that_never_changes_is_known_as_such(text: str, always: bool | None):
    assert answers(condition(text)) == (always,)


@pytest.mark.parametrize(
    "text",
    [
        "account.seats > 3",
        "account.vip",
        "account.note is known",
        "today >= 2026-03-01",
        "account.vip or not account.vip",
    ],
)
def test_a_condition_that_depends_on_something_is_let_be(text: str):
    assert len(answers(condition(text))) > 1


@pytest.mark.parametrize(
    ("text", "may_be_unknown"),
    [
        ("account.seats > 3", True),
        ("account.seats is known and account.seats > 3", False),
        ("account.seats is unknown or account.seats > 3", False),
        ("coalesce(account.seats, 0) > 3", False),
        ("account.seats > 3 or account.vip", True),
        ("account.seats + account.arr > 3", True),
        ("account.arr > 3", False),
    ],
)
def test_what_a_missing_field_makes_unknown(text: str, may_be_unknown: bool):
    assert (None in answers_without(condition(text), "account.seats")) is may_be_unknown


PARTS = st.sampled_from(
    [
        *("account.seats > 3", "account.seats is known", "account.vip", "account.note == 'x'", "1 < 2", "1 > 2"),
        *("coalesce(account.seats, 0) > 1", "account.arr / account.seats > 2", "account.note is unknown"),
        *("today >= account.last_qbr", "today >= today - 1 days", "account.last_qbr is known", "1 / 0 == 1"),
    ]
)
TEXTS = st.recursive(
    PARTS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=5,
)
ACCOUNTS = st.fixed_dictionaries(
    {
        "account.seats": st.none() | st.sampled_from([0.0, 2.0, 9.0]),
        "account.arr": st.none() | st.sampled_from([0.0, 90.0]),
        "account.vip": st.none() | st.booleans(),
        "account.note": st.none() | st.sampled_from(["x", "y"]),
        "account.last_qbr": st.none() | st.sampled_from([date(2020, 1, 1), date(2030, 1, 1)]),
    }
)


class Env:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    today = date(2026, 3, 2)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def field(self, name: str) -> Any:
        return self.values.get(name)

    def local_date(self, at: datetime) -> date:
        return at.date()

    def highest(self, name: str, window: Duration) -> float | None:
        raise NotImplementedError

    lowest = trend = highest

    def rows(self, source: str) -> Any:
        raise NotImplementedError

    def aggregate(self, node: Aggregate, work_out: Evaluator) -> Any:
        raise NotImplementedError


@given(TEXTS, ACCOUNTS)
def test_no_answer_comes_that_was_ruled_out(text: str, values: dict[str, Any]):
    expression = condition(text)
    answer: Any = evaluate(expression, Env(values))
    assert answer in answers(expression)


@given(TEXTS, ACCOUNTS, st.sampled_from(["account.seats", "account.vip", "account.note", "account.last_qbr"]))
def test_unknown_comes_only_where_it_was_not_ruled_out(text: str, values: dict[str, Any], missing: str):
    """Division aside, which may be unknown of what is known."""
    expression = condition(
        text.replace("account.arr / account.seats", "account.arr + account.seats").replace("1 / 0", "0")
    )
    known = {"account.seats": 1.0, "account.arr": 1.0, "account.vip": True, "account.note": "y"}
    known |= {"account.last_qbr": date(2020, 1, 1)} | {
        name: value for name, value in values.items() if value is not None
    }
    answer = evaluate(expression, Env({**known, missing: None}))
    assert answer is not None or None in answers_without(expression, missing)


def test_an_expression_without_fields_has_a_value_on_every_day():
    expression = parse_expression("today - 3 days", SCOPE)
    assert value_on(expression, date(2026, 3, 4)) == date(2026, 3, 1)
