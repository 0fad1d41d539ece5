from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import BUILT_IN, Catalogue, EventKind, Field, RecordKind, Type
from engine.expressions import Expression, ExpressionError, Scope, parse_expression
from engine.expressions.functions import NAMES


def fields(**types: Type) -> dict[str, Field]:
    return {name: Field(name=name, type=type_) for name, type_ in types.items()}


def choice(name: str, *options: str) -> dict[str, Field]:
    return {name: Field(name=name, type="choice", options=options)}


CATALOGUE = Catalogue(
    fields={
        **BUILT_IN,
        **choice("account.segment", "enterprise", "mid-market", "self-serve"),
        **{name: Field(name=name, type="number") for name in ("health.score", "metric.logins_30d")},
        "account.last_login": Field(name="account.last_login", type="instant"),
        "account.vip": Field(name="account.vip", type="bool"),
    },
    records={
        "subscription": RecordKind(
            name="subscription", props={**fields(arr="number"), **choice("billing", "monthly", "annual")}
        ),
        "ticket": RecordKind(name="ticket", props=fields(satisfaction="number", escalated="bool", priority="text")),
    },
    events={
        "usage": EventKind(name="usage", props=fields(feature="text", errors="number", n="number")),
        "login": EventKind(name="login", props=None),
    },
)
CONDITION = Scope(catalogue=CATALOGUE, extra=choice("task.call.outcome", "reached", "no_answer", "leaving"))
METRIC = Scope(catalogue=CATALOGUE, aggregates=True)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("health.score < 60", {"health.score": "number"}),
        ('account.segment in ["enterprise", "mid-market"] and account.arr >= 25000', None),
        ('task.call.outcome == "no_answer"', {"task.call.outcome": "choice"}),
        ("days_since(account.signup_date) <= 120", {"account.signup_date": "date"}),
        ("account.renewal_date - 60 days <= today", {"account.renewal_date": "date"}),
        ("account.renewal_date - today < 90", {"account.renewal_date": "date"}),
        ("account.renewal_date >= 2026-03-01", {"account.renewal_date": "date"}),
        ("highest(health.score, 14 days) - health.score >= 15", {"health.score": "number"}),
        ("now - account.last_login > 3 or account.last_login is unknown", None),
        ("lower(account.name) contains \"gmbh\" or account.name starts_with 'A'", {"account.name": "text"}),
        ("not account.vip", {"account.vip": "bool"}),
        ("-account.arr < -5 and account.arr * 2 + 1 > 1e3", {"account.arr": "number"}),
        ("(account.arr >= 1) == true", {"account.arr": "number"}),
        ('account.name not in ["a", "b"]', {"account.name": "text"}),
        ("date(account.last_login) == today", {"account.last_login": "instant"}),
        ("coalesce(account.arr, 0) > 1", {"account.arr": "number"}),
    ],
)
def test_conditions_say_what_they_read(text, reads):
    expression = parse_expression(text, CONDITION, want="bool")
    assert expression.type == "bool"
    assert list(expression.reads) == sorted(expression.reads)
    assert reads is None or expression.reads == reads


@pytest.mark.parametrize(
    ("text", "type_", "rows"),
    [
        ("sum(subscription.arr where active)", "number", {"subscription": {"arr": "number"}}),
        ("count(event.login, 30 days)", "number", {"event.login": {}}),
        ("count_distinct(event.usage.feature, 90 days)", "number", {"event.usage": {"feature": "text"}}),
        ("avg(ticket.satisfaction, 90 days)", "number", {"ticket": {"satisfaction": "number"}}),
        ("count(ticket where escalated and open)", "number", {"ticket": {"escalated": "bool"}}),
        ("sum(event.usage.errors, 30 days) / sum(event.usage.n, 30 days)", "number", None),
        (
            'min(next_anniversary(subscription.start) where active and billing == "annual")',
            "date",
            {"subscription": {"billing": "choice"}},
        ),
        ("max(subscription.arr * 12)", "number", None),
        ("max(sum(subscription.arr), 0)", "number", None),
        ("last(ticket.priority)", "text", None),
        ("count(subscription where account.arr > arr)", "number", None),
        ("sum(event.login.seconds where seconds > 3)", "number", {"event.login": {"seconds": "number"}}),
        ("last(event.login.page)", "text", {"event.login": {"page": "text"}}),
        ("max(event.usage.at)", "instant", {"event.usage": {}}),
    ],
)
def test_metrics_look_at_rows(text, type_, rows):
    expression = parse_expression(text, METRIC)
    assert expression.type == type_
    assert rows is None or expression.rows == rows
    assert Expression.from_json(expression.to_json()).tree == expression.tree


@pytest.mark.parametrize(
    ("text", "code", "column", "message", "hint"),
    [
        ("", "PB201", 0, "empty", ""),
        ("account.arr >", "PB201", 13, "ends too soon", ""),
        ("(account.arr > 3", "PB201", 16, ") is missing", ""),
        ("account.arr = 3", "PB201", 12, "= means nothing here", "write =="),
        ("account.arr == “3”", "PB201", 15, "means nothing here", "straight quotes"),
        ('account.name == "a', "PB201", 16, "means nothing here", "closing quote"),
        ("{{ account.arr }} > 3", "PB201", 0, "means nothing here", "write account.arr"),
        ("1 < account.arr < 4", "PB201", 16, "cannot go on", "with and"),
        ("account.vip AND true", "PB201", 12, "lower case", "write and"),
        ("account.arr < 5 AND true", "PB201", 16, "lower case", "write and"),
        ("account.arr == null", "PB201", 15, '"null" is no value', "is unknown"),
        ("account.arr is null", "PB201", 15, "known or unknown", ""),
        ('account.name in "a"', "PB201", 16, "stands a list", "in ["),
        ("account.name in []", "PB201", 0, "list is empty", ""),
        ('contains(account.name, "x")', "PB201", 0, "between two texts", "account.name contains"),
        ("account.arr > 25,000", "PB201", 16, ", is not expected", ""),
        ("account.arr > 25k", "PB201", 14, '"25k" is not a number', ""),
        ("account.arr > 1e999", "PB201", 14, "out of range", ""),
        ("today > 2026-02-30", "PB201", 8, "is not a date", ""),
        ("3 dogs > 1", "PB201", 2, "not a unit of time", ""),
        ("arr > 5", "PB202", 0, 'unknown field "arr"', 'did you mean "account.arr"?'),
        ("account.nme == 3", "PB202", 0, "unknown field", 'did you mean "account.name"?'),
        ('task.cal.outcome == "x"', "PB202", 0, "unknown field", 'did you mean "task.call.outcome"?'),
        ("foo(1) > 2", "PB203", 0, 'unknown function "foo"', "known: "),
        ("today() > 2026-01-01", "PB203", 0, "no function", "without brackets"),
        ('account.arr == "5"', "PB204", 15, "a number cannot be compared with a text", "without quotes"),
        ('account.signup_date > "2026-01-01"', "PB204", 22, "a date cannot", "without quotes"),
        ("account.last_login < today", "PB204", 21, "an instant cannot be compared with a date", "date("),
        ('account.segment < "x"', "PB204", 0, "has no order", "in"),
        ("account.name and true", "PB204", 0, "and joins conditions", ""),
        ("account.name + 1 > 2", "PB204", 0, "+ takes numbers", ""),
        ("account.signup_date + 60 > today", "PB204", 22, "a number cannot be added", "60 days"),
        ("account.arr + 1 day > 3", "PB204", 0, "added to dates", ""),
        ('account.name in ["a", account.csm]', "PB204", 22, "fixed values", ""),
        ("min(account.arr, today) > 3", "PB204", 17, "one type", ""),
        ('account.segment == "enterprse"', "PB205", 19, "not among the options", 'did you mean "enterprise"?'),
        ('"smb" == account.segment', "PB205", 0, "not among the options", "known: "),
        ('account.segment in ["mid-market", "smb"]', "PB205", 34, "not among the options", ""),
        ('task.call.outcome != "no answer"', "PB205", 21, "not among", 'did you mean "no_answer"?'),
        ("account.arr", "PB207", 0, "condition", "compare it"),
        ("count(event.usage, 30 days) > 3", "PB208", 0, "cannot be used here", "metric"),
        ("subscription.arr > 3", "PB208", 0, "many values", "last(subscription.arr)"),
        ("account.renewal_date + 5 business days > today", "PB210", 23, "business days", ""),
        ("account.renewal_date - today < 30 days", "PB210", 31, "cannot be compared", "compare it with 30"),
        ("today + 3 hours > today", "PB210", 8, "hours cannot be added to a date", "days"),
        ("now - 3 months > now", "PB210", 6, "months cannot be added to an instant", ""),
        ("today + 1.5 days > today", "PB210", 8, "whole number", ""),
        ("today + 99999 days > today", "PB210", 8, "too long", ""),
        ("len(account.name, 3) > 1", "PB211", 0, "takes 1", ""),
        ("highest(health.score) > 1", "PB211", 0, "a field and a window", "14 days"),
        ("round(account.arr, account.arr) > 1", "PB211", 0, "whole number from 0 to 6", ""),
    ],
)
def test_faults_of_conditions_stand_at_their_column_and_say_what_to_do(text, code, column, message, hint):
    with pytest.raises(ExpressionError) as error:
        parse_expression(text, CONDITION, want="bool")
    problem = error.value.problems[0]
    assert (problem.code, problem.column) == (code, column)
    assert message in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        ("count(event.usge)", "PB209", 'called "event.usge"', 'did you mean "event.usage"?'),
        ("sum(subscription.ar)", "PB209", "no prop", 'did you mean "arr"?'),
        ('count(subscription where biling == "annual")', "PB209", "no prop", 'did you mean "billing"?'),
        ('count(subscription where billing == "anual")', "PB205", "not among", 'did you mean "annual"?'),
        ("sum(subscription)", "PB208", "needs a prop", "sum(subscription.arr)"),
        ("sum(account.arr)", "PB208", "looks at rows", ""),
        ("sum(subscription.arr + ticket.satisfaction)", "PB208", "one kind", ""),
        ("sum(subscription.billing)", "PB204", "a number is needed", ""),
        ("count(event.usage, 3 months)", "PB210", "a window is", ""),
        ("count(event.usage, 0 days)", "PB210", "a window is", ""),
        ("sum(count(event.usage))", "PB208", "cannot stand inside", ""),
        ("count(event.usage, 3 days where true)", "PB201", "where belongs to the rows", ""),
        ("count()", "PB211", "takes rows", ""),
        ("len(account.name where true)", "PB208", "takes no where", ""),
    ],
)
def test_faults_of_metrics(text, code, message, hint):
    with pytest.raises(ExpressionError) as error:
        parse_expression(text, METRIC)
    problem = error.value.problems[0]
    assert problem.code == code
    assert message in problem.message
    assert hint in problem.hint


def test_all_faults_come_at_once_and_none_twice():
    with pytest.raises(ExpressionError) as error:
        parse_expression('foo.bar == 3 and account.arr == "x" or not (account.nme + 1 > 2)', CONDITION)
    assert [(problem.code, problem.column) for problem in error.value.problems] == [
        ("PB202", 0),
        ("PB204", 32),
        ("PB202", 44),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_500 + "1",
        "not " * 450 + "true",
        "-" * 1_900 + "1",
        "1" + " + 1" * 400,
        "true" + " and true" * 220 + " or " * 3,
        "coalesce(" * 200,
        "1 in [" + "1," * 900 + "1]",
        "a" * 3_000,
        "a." * 900,
        '"' * 1_999,
        "[" * 1_999,
        "1 in " * 300,
        "true == " * 240 + "true",
        "9" * 1_999,
    ],
)
def test_hostile_texts_are_refused_quickly(text):
    with pytest.raises(ExpressionError):
        parse_expression(text, METRIC)


def test_long_conditions_of_one_kind_are_not_deep():
    assert parse_expression(" or ".join(["account.arr == 1"] * 90), CONDITION).type == "bool"


_WORDS = [
    "account.arr",
    "subscription",
    "subscription.arr",
    "event.usage",
    "today",
    "active",
    "3",
    "days",
    '"a"',
    "true",
]
_WORDS += [
    "(",
    ")",
    "[",
    "]",
    ",",
    "and",
    "or",
    "not",
    "in",
    "is",
    "known",
    "where",
    "contains",
    "==",
    "<",
    "+",
    "-",
    "/",
]
_NOISE = st.text(max_size=80) | st.lists(st.sampled_from([*NAMES, *_WORDS]), max_size=14).map(" ".join)


@given(_NOISE)
def test_noise_gives_an_expression_or_problems_within_the_text(text):
    try:
        expression = parse_expression(text, METRIC)
    except ExpressionError as error:
        problems = error.problems
    else:
        problems = ()
        assert Expression.from_json(expression.to_json()).tree == expression.tree
        assert parse_expression(expression.text, METRIC) == expression
    assert all(0 <= problem.column <= len(text) and problem.length >= 1 for problem in problems)


def test_layout_does_not_change_what_an_expression_is():
    one = parse_expression("account.arr   >\n  3\tand account.vip", CONDITION)
    other = parse_expression("account.arr > 3 and account.vip", CONDITION)
    assert one == other
    assert hash(one) == hash(other)
    assert one.text == "account.arr > 3 and account.vip"


def test_json_is_small_and_complete():
    expression = parse_expression("health.score < 60", CONDITION)
    data = expression.to_json()
    assert data == {"text": "health.score < 60", "type": "bool", "reads": {"health.score": "number"}}
    assert Expression.from_json(data) == expression


def test_an_expression_lists_its_windows_once():
    text = "highest(health.score, 14 days) > 3 or highest(health.score, 2 weeks) > highest(health.score, 14 days)"
    extremes = parse_expression(text, CONDITION).extremes
    assert [(extreme.way, extreme.field, str(extreme.window)) for extreme in extremes] == [
        ("highest", "health.score", "14 days"),
        ("highest", "health.score", "2 weeks"),
    ]


def test_every_function_is_described():
    from engine.expressions.functions import FUNCTIONS

    described: Mapping[str, str] = {name: function.says for name, function in FUNCTIONS.items()}
    assert all(described.values())
