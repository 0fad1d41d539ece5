import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts import ValueLine
from engine.imports import Reader, Table
from engine.imports.cells import BadCell, key_of, number_of
from engine.imports.columns import NotPlain, keys_of, numbers_of
from engine.workspace import load_workspace

WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: W
zone: Europe/Berlin
metrics: { nps: number, csat: number }
events: { usage: { n: number, plan: { type: choice, of: [free, paid] }, note: text, first: bool } }
imports:
  accounts: { file: accounts.csv, as: account, id: key, at: since, fields: { account.zone: zone } }
  scores: { file: scores.csv, as: metrics, account: customer, at: day, fields: { nps: nps, csat: csat } }
  usage:
    file: usage.csv
    as: event usage
    account: customer
    id: id
    at: day
    props: { n: count, plan: plan, note: note }
"""
    }
)
ACCOUNTS = Table(
    file="accounts.csv",
    columns=("key", "since", "zone"),
    rows=[(2, ["A", "2024-03-01", ""]), (3, ["B", "2024-03-04", "Asia/Tokyo"])],
)
NUMBERS = st.one_of(
    st.text(max_size=4),
    st.from_regex(r"\A[-+]?[0-9]{0,4}\.?[0-9]{0,3}([eE][-+]?[0-9]{1,4})?\Z"),
    st.sampled_from(["", " ", "1_0", "nan", "inf", "-0", "1e5", "٣", "1" * 102, "+.5", "1.", "."]),
)
TYPED = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.just(10**400), st.just(""), st.text())
DAYS = st.sampled_from(["2024-03-02", "2024-03-05T08:00", "2024-03-05T08:00:00Z", "", "2024-02-30", "0024-01-01"])


def one_by_one(make, cells):
    try:
        return [make(cell) for cell in cells]
    except BadCell:
        return None


@given(st.lists(NUMBERS, min_size=1, max_size=5), st.booleans())
def test_a_column_of_texts_says_what_its_cells_say_or_nothing(cells, typed):
    says_the_same(cells, typed=typed)


@given(st.lists(TYPED, min_size=1, max_size=5))
def test_so_does_one_of_numbers(cells):
    says_the_same(cells, typed=True)


def says_the_same(cells, *, typed):
    expected = one_by_one(lambda cell: number_of(cell, "n", typed=typed), cells)
    try:
        made = numbers_of(cells, typed=typed)
    except NotPlain:
        return
    assert expected is not None
    assert made == [None if number is None else json.dumps(number) for number in expected]


@given(st.lists(st.one_of(st.text(max_size=3), st.just("x" * 201), st.just("a\0"), st.none()), min_size=1, max_size=4))
def test_and_so_does_one_of_keys(cells):
    expected = one_by_one(lambda cell: key_of(cell, "key"), cells)
    with contextlib.suppress(NotPlain):
        assert keys_of(cells) == expected


@pytest.mark.parametrize("cells", [["1", "2.5", ""], ["-3", "+.5", "007"]])
def test_plain_columns_are_taken_as_a_whole(cells):
    assert len(numbers_of(cells, typed=False)) == len(cells)


def read(rows, *, size):
    table = Table(file="scores.csv", columns=("customer", "day", "nps", "csat"), rows=rows)
    told: list[tuple[ValueLine, int]] = []
    bad = []
    for block in blocks(size, scores=table):
        told += zip(block.values, block.lines, strict=True)
        bad += problems(block)
    return told, bad


def blocks(size, **tables):
    return Reader(WORKSPACE, {"accounts": ACCOUNTS, **tables}).blocks(size)


def problems(block):
    found = [*block.problems, *(one.problem for one in block.rejected)]
    return [(one.spot.line, one.spot.path, one.message) for one in found]


ROWS = st.lists(st.tuples(st.sampled_from(["A", "B", "C", " A", ""]), DAYS, NUMBERS, NUMBERS), max_size=12)


@given(ROWS)
def test_rows_say_the_same_together_as_alone(told):
    rows = [(n, list(cells)) for n, cells in enumerate(told, start=2)]
    assert read(rows, size=50) == read(rows, size=1)


def test_a_number_that_no_float_can_hold_is_no_number():
    with pytest.raises(BadCell, match="not a finite number"):
        number_of(10**400, "n", typed=True)


def test_values_stand_in_the_order_of_rows_and_fields_each_known_from_its_signup_on():
    rows = [(2, ["A", "2024-03-05", "1", "2"]), (3, ["B", "2024-03-02", "3", ""])]
    values, _ = read(rows, size=50)
    tokyo, signup = datetime(2024, 3, 1, 15, tzinfo=UTC), datetime(2024, 3, 3, 15, tzinfo=UTC)
    berlin = datetime(2024, 3, 4, 23, tzinfo=UTC)
    assert [(tuple(value), line) for value, line in values] == [
        (("A", "metric.nps", "1.0", berlin, berlin), 2),
        (("A", "metric.csat", "2.0", berlin, berlin), 2),
        (("B", "metric.nps", "3.0", tokyo, signup), 3),
        (("B", "metric.csat", None, tokyo, signup), 3),
    ]


IDS = st.sampled_from(["u1", "u2", "u3", "u4", "u5", "u6", " u1", ""])
WORDS = st.sampled_from(["free", "paid", "dear", "", "x" * 4001, "a\0", 'says "no"', "è\\", "1"])
EVENTS = st.lists(st.tuples(IDS, st.sampled_from(["A", "B", "C", ""]), DAYS, NUMBERS, WORDS, WORDS), max_size=8)


def read_events(told, *, size, typed=False):
    rows = [(n, list(cells)) for n, cells in enumerate(told, start=2)]
    columns = ("id", "customer", "day", "count", "plan", "note")
    found, bad, plain = [], [], 0
    for block in blocks(size, usage=Table(file="usage.csv", columns=columns, rows=rows, typed=typed)):
        plain += len(block.events)
        found += [(known.line, known.fact, known.known_at) for known in block.facts if known.fact.kind == "event"]
        found += [
            (line, event.fact(), event.learned_at) for event, line in zip(block.events, block.lines, strict=False)
        ]
        bad += problems(block)
    return sorted(found, key=lambda one: one[0]), sorted(bad), plain


@given(EVENTS)
def test_events_say_the_same_together_as_alone(told):
    together, alone = read_events(told, size=50), read_events(told, size=1)
    assert together[:2] == alone[:2]


@given(st.lists(st.tuples(IDS, st.just("A"), DAYS, TYPED, TYPED, TYPED), max_size=4))
def test_so_do_those_whose_cells_have_types_of_their_own(told):
    together, alone = read_events(told, size=50, typed=True), read_events(told, size=1, typed=True)
    assert together[:2] == alone[:2]


def test_plain_events_are_taken_as_a_whole_and_an_id_said_again_counts_once():
    row = ("A", "2024-03-05", "1", "free", "")
    found, bad, plain = read_events([("u1", *row), ("u2", *row)], size=50)
    assert plain == 2
    assert [(fact.key, fact.props) for _, fact, _ in found] == [(key, {"n": 1, "plan": "free"}) for key in ("u1", "u2")]
    assert bad == []
    found, bad, _ = read_events([("u1", *row)] * 2, size=50)
    assert [line for line, _, _ in found] == [2]
    assert [(line, column) for line, column, _ in bad] == [(3, "id")]
