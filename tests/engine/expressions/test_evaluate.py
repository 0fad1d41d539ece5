from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engine.catalogue import Catalogue, EventKind, Field, RecordKind, Type
from engine.durations import Duration
from engine.expressions import Scope, evaluate, parse_expression

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
UNKNOWN = None


class Account:
    """An account in UTC; names not given are unknown."""

    now = NOW
    today = NOW.date()

    def __init__(self, *, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, **values: Any) -> None:
        self._values, self._rows = values, rows or {}

    def field(self, name: str) -> Any:
        return self._values.get(name)

    def local_date(self, at: datetime) -> date:
        return at.date()

    def highest(self, name: str, window: Duration) -> float | None:
        return {"14 days": 80.0}.get(str(window))

    def lowest(self, name: str, window: Duration) -> float | None:
        return None

    def trend(self, name: str, window: Duration) -> float | None:
        return {"14 days": -2.5}.get(str(window))

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        return self._rows[source]

    def aggregate(self, node: Any, work_out: Any) -> Any:
        return work_out(self)


_TYPES: dict[str, Type] = {"n": "number", "m": "number", "t": "text", "b": "bool", "d": "date", "i": "instant"}
_PROP_TYPES: dict[str, Type] = {"arr": "number", "plan": "text", "day": "date"}
_PROPS = {name: Field(name=name, type=type_) for name, type_ in _PROP_TYPES.items()}
SCOPE = Scope(
    catalogue=Catalogue(
        fields={name: Field(name=name, type=type_) for name, type_ in _TYPES.items()},
        records={"sub": RecordKind(name="sub", props=_PROPS)},
        events={"use": EventKind(name="use", props=_PROPS)},
    ),
    aggregates=True,
)


def value(text: str, **values: Any) -> Any:
    return evaluate(parse_expression(text, SCOPE), Account(**values))


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, UNKNOWN, UNKNOWN, True),
        (False, False, False, False),
        (False, UNKNOWN, False, UNKNOWN),
        (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_logic_has_three_values(left, right, both, either):
    scope = Scope(catalogue=Catalogue(fields={name: Field(name=name, type="bool") for name in ("p", "q")}))
    for p, q in ((left, right), (right, left)):
        account = Account(p=p, q=q)
        assert evaluate(parse_expression("p and q", scope), account) is both
        assert evaluate(parse_expression("p or q", scope), account) is either
    negated = evaluate(parse_expression("not p", scope), Account(p=left))
    assert negated is (UNKNOWN if left is UNKNOWN else not left)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("n < 60", {"n": 59.9}, True),
        ("n < 60", {"n": 60.0}, False),
        ("n < 60", {}, UNKNOWN),
        ("not n < 60", {}, UNKNOWN),
        ("n in [1, 2]", {"n": 2.0}, True),
        ("n not in [1, 2]", {}, UNKNOWN),
        ("n is known", {}, False),
        ("(n < 60) is unknown", {}, True),
        ('t == "Ä"', {"t": "Ä"}, True),
        ('t < "a"', {"t": "Z"}, True),
        ('t contains ""', {"t": ""}, True),
        ('lower(t) contains "äрω"', {"t": "xÄРΩ"}, True),
        ('t starts_with "100%"', {"t": "100% sure"}, True),
        (r't == "say \"hi\" \\"', {"t": 'say "hi" \\'}, True),
        ("len(t)", {"t": "a😀"}, 2.0),
        ("n / m", {"n": 1.0, "m": 4.0}, 0.25),
        ("n / m", {"n": 1.0, "m": 0.0}, UNKNOWN),
        ("n * m", {"n": 1e99, "m": 1e99}, 1e99 * 1e99),
        ("n * m * m", {"n": 1e99, "m": 1e99}, UNKNOWN),
        ("n + m", {"n": 1.7e308, "m": 1.0}, UNKNOWN),
        ("round(n)", {"n": 2.5}, 3.0),
        ("round(n)", {"n": -2.5}, -2.0),
        ("round(n, 1)", {"n": 39.96}, 40.0),
        ("min(n, m)", {"n": 1.0}, UNKNOWN),
        ("max(n, m)", {"n": 1.0, "m": 2.0}, 2.0),
        ("coalesce(n, m, 7)", {}, 7.0),
        ("abs(-n)", {"n": 3.0}, 3.0),
        ("d - today", {"d": date(2026, 12, 1)}, 9.0),
        ("days_until(d)", {"d": date(2026, 11, 21)}, -1.0),
        ("days_since(d)", {}, UNKNOWN),
        ("days_since(i)", {"i": NOW - timedelta(hours=36)}, 1.5),
        ("d - 1 month", {"d": date(2026, 3, 31)}, date(2026, 2, 28)),
        ("d + 1 year", {"d": date(9999, 1, 1)}, UNKNOWN),
        ("d + 2 weeks == 2026-12-06", {"d": NOW.date()}, True),
        ("i + 90 minutes > now", {"i": NOW - timedelta(hours=1)}, True),
        ("date(i)", {"i": NOW}, NOW.date()),
        ("next_anniversary(d)", {"d": date(2024, 11, 22)}, date(2026, 11, 22)),
        ("next_anniversary(d)", {"d": date(2024, 11, 21)}, date(2027, 11, 21)),
        ("next_anniversary(d)", {"d": date(2026, 11, 22)}, date(2027, 11, 22)),
        ("next_anniversary(d)", {"d": date(2027, 5, 1)}, date(2028, 5, 1)),
        ("next_anniversary(d)", {"d": date(2024, 2, 29)}, date(2027, 2, 28)),
        ("highest(n, 14 days) - n >= 15", {"n": 65.0}, True),
        ("highest(n, 2 weeks) - n >= 15", {"n": 65.0}, UNKNOWN),
    ],
)
def test_meanings(text, values, expected):
    found = value(text, **values)
    assert found == expected
    assert type(found) is type(expected)


_EVENTS = [
    {"at": NOW - timedelta(days=30), "arr": 1, "plan": "a"},
    {"at": NOW - timedelta(days=2), "arr": 2.5, "plan": "b"},
    {"at": NOW - timedelta(days=1), "arr": "wrong", "plan": None},
    {"at": NOW, "plan": "a", "day": "2026-02-30"},
]
_RECORDS = [
    {"start": NOW - timedelta(days=400), "end": NOW, "arr": 100, "plan": "a"},
    {"start": NOW - timedelta(days=90), "end": None, "arr": 10, "plan": "b", "day": "2026-01-05"},
    {"start": NOW - timedelta(days=5), "end": NOW + timedelta(days=5), "arr": 0.1},
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count(event.use)", 4.0),
        ("count(event.use, 30 days)", 3.0),  # the window's start is outside, its end inside
        ("count(event.use.arr)", 2.0),
        ("count_distinct(event.use.plan)", 2.0),
        ("sum(event.use.arr)", 3.5),
        ("sum(event.use.arr, 1 hour)", 0.0),
        ("avg(event.use.arr)", 1.75),
        ("avg(event.use.arr, 1 hour)", UNKNOWN),
        ("last(event.use.plan)", "a"),
        ("last(event.use.arr)", 2.5),
        ("max(event.use.at)", NOW),
        ("max(event.use.day)", UNKNOWN),
        ("sum(sub.arr where active)", 10.1),
        ('sum(sub.arr where plan == "a")', 100.0),
        ('count(sub where plan != "a")', 1.0),  # unknown is not true
        ("count(sub where end is unknown)", 1.0),
        ("min(sub.day)", date(2026, 1, 5)),
        ("count(sub, 100 days)", 2.0),
        ("max(count(event.use), count(sub))", 4.0),
        ("min(next_anniversary(sub.start) where active)", date(2027, 8, 24)),
    ],
)
def test_aggregates(text, expected):
    assert value(text, rows={"event.use": _EVENTS, "sub": _RECORDS}) == expected


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("count", 0.0), ("sum", 0.0), ("avg", None), ("min", None), ("last", None)]
)
def test_of_nothing_only_count_and_sum_are_known(aggregate, expected):
    assert value(f"{aggregate}(sub.arr)", rows={"sub": []}) == expected


def test_sums_do_not_depend_on_the_order_of_rows():
    rows = [{"start": NOW, "end": None, "arr": arr} for arr in (0.1, 0.2, 0.3, 1e15, -1e15)]
    assert {value("sum(sub.arr)", rows={"sub": order}) for order in (rows, rows[::-1])} == {0.6}
