from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.catalogue import BUILT_IN, Catalogue, Field
from engine.documents.document import load_document
from engine.health.scorecards import Scorecard, card_for, load_scorecard, points_of, rounded, score
from engine.problems import DocumentError

CATALOGUE = Catalogue(
    fields={
        **BUILT_IN,
        **{f"metric.{name}": Field(name=f"metric.{name}", type="number") for name in ("logins", "nps", "csat")},
        "account.last_qbr": Field(name="account.last_qbr", type="date"),
    }
)
BANDS = "bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }\n"


@dataclass
class _Row:
    values: Mapping[str, Any]
    now: datetime = datetime(2024, 5, 31, tzinfo=UTC)
    today: date = date(2024, 5, 31)

    def field(self, name):
        return self.values.get(name)


def env(values: Mapping[str, Any] | None = None) -> Any:
    return _Row(values or {})


def load(text) -> Scorecard:
    return load_scorecard(load_document(text, "scorecards/health.yaml"), CATALOGUE)


def card(*components, rest="") -> Scorecard:
    listed = "".join(f"  - {component}\n" for component in components)
    return load(f"scorecard: health\ncomponents:\n{listed}{BANDS}{rest}")


def problems(text):
    with pytest.raises(DocumentError) as caught:
        load(text)
    return [(problem.spot.line, problem.code, problem.message) for problem in caught.value.problems]


LOGINS = "{ id: logins, metric: logins, scale: { 0: 0, 20: 60, 60: 100 }, weight: 30 }"
NPS = "{ id: nps, metric: nps, bands: { 0..6: 10, 7..8: 60, 9..10: 100 }, weight: 10 }"
QBR = '{ id: qbr, expr: "days_since(account.last_qbr) <= 120", weight: 10 }'


@pytest.mark.parametrize(("value", "points"), [(-5, 0), (0, 0), (10, 30), (20, 60), (40, 80), (60, 100), (1e9, 100)])
def test_a_scale_is_straight_between_its_corners_and_flat_outside(value, points):
    assert points_of(card(LOGINS).components[0], value) == points


def test_the_corners_of_a_scale_may_be_written_in_any_order():
    component = card("{ id: x, metric: logins, scale: { 60: 100, 0: 0, 20: 60 }, weight: 1 }").components[0]
    assert component.scale == card(LOGINS).components[0].scale


@pytest.mark.parametrize(("value", "points"), [(0, 10), (6, 10), (6.5, None), (7, 60), (8, 60), (10, 100), (11, None)])
def test_a_value_in_no_band_of_a_component_counts_as_missing(value, points):
    assert points_of(card(NPS).components[0], value) == points


@pytest.mark.parametrize(("met", "points"), [(True, 100), (False, 0)])
def test_a_condition_is_worth_all_or_nothing(met, points):
    assert points_of(card(QBR).components[0], met) == points


def test_a_score_is_the_weighted_mean_of_what_is_known():
    found = score(card(LOGINS, NPS, QBR), env({"metric.logins": 10.0, "metric.nps": 9.0}))
    assert found.value == 47.5  # (30 * 30 + 100 * 10) / 40
    assert found.band == "yellow"
    assert found.known_weight == 0.8
    assert [(part.id, part.points, part.state) for part in found.contributions] == [
        ("logins", 30.0, "known"),
        ("nps", 100.0, "known"),
        ("qbr", None, "missing"),
    ]


@pytest.mark.parametrize(
    ("policy", "value", "share"),
    [("exclude", 60.0, 0.75), ("unknown", None, 0.75), ("50", 57.5, 0.75), ("0", 45.0, 0.75)],
)
def test_missing_data_follows_its_policy(policy, value, share):
    missing = NPS.replace("weight", f"missing: {policy}, weight")
    found = score(card(LOGINS, missing), env({"metric.logins": 20.0}))
    assert (found.value, found.known_weight) == (value, share)


@pytest.mark.parametrize(("minimum", "value"), [("75%", 60.0), ("76%", None), ("0%", 60.0)])
def test_below_the_minimum_known_the_score_is_unknown(minimum, value):
    found = score(card(LOGINS, NPS, rest=f"minimum_known: {minimum}\n"), env({"metric.logins": 20.0}))
    assert (found.value, found.band) == (value, None if value is None else "yellow")


def test_nothing_known_at_all_is_unknown_and_never_zero():
    assert score(card(LOGINS, rest="minimum_known: 0%\n"), env()).value is None


def test_stale_data_counts_as_missing():
    found = score(card(LOGINS, NPS), env({"metric.logins": 20.0, "metric.nps": 9.0}), stale=("nps",))
    assert (found.value, found.contributions[1].state) == (60.0, "stale")


@pytest.mark.parametrize(("exact", "value"), [(39.95, 40.0), (39.949, 39.9), (0.05, 0.1), (99.96, 100.0), (0.0, 0.0)])
def test_rounding_is_half_up_to_a_tenth(exact, value):
    assert rounded(exact) == value


@pytest.mark.parametrize(
    ("value", "band"), [(0, "red"), (39.9, "red"), (40, "yellow"), (69.9, "yellow"), (70, "green"), (100, "green")]
)
def test_the_edges_of_bands_are_explicit(value, band):
    assert card(LOGINS).band_of(value) == band


def test_the_first_card_that_applies_scores():
    first = load(f'scorecard: health\napplies_to: account.segment == "small"\ncomponents: [{LOGINS}]\n{BANDS}')
    second = card(LOGINS)
    assert card_for((first, second), env({"account.segment": "small"})) is first
    assert card_for((first, second), env({"account.segment": "large"})) is second
    assert card_for((first, second), env()) is second  # unknown is no match
    assert card_for((first,), env()) is None


def test_a_card_comes_back_from_json_as_it_was():
    one = card(LOGINS, NPS, QBR)
    assert Scorecard.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize(
    ("component", "words"),
    [
        ("{ id: x, weight: 1 }", "reads one thing"),
        ("{ id: x, metric: nps, expr: account.arr > 1, weight: 1 }", "reads one thing"),
        ("{ id: x, metric: nps, weight: 1 }", "cannot be measured so"),
        ("{ id: x, expr: account.arr > 1, scale: { 0: 0, 1: 1 }, weight: 1 }", "cannot be measured so"),
        ("{ id: x, expr: account.name, weight: 1 }", "needs a number or a yes or no"),
        ("{ id: x, metric: nps, scale: { 0: 0, 1: 1 }, bands: { 0..1: 1 }, weight: 1 }", "a scale or bands"),
        ("{ id: x, metric: nps, scale: { 0: 0 }, weight: 1 }", "two different values"),
        ('{ id: x, metric: nps, scale: { "1": 0, "1.0": 5 }, weight: 1 }', "two different values"),
        ("{ id: x, metric: nps, scale: { few: 0, many: 1 }, weight: 1 }", "is not a number"),
        ("{ id: x, metric: nps, scale: { nan: 0, 1: 1 }, weight: 1 }", "is not a number"),
        ("{ id: x, metric: nps, bands: { 6..0: 10 }, weight: 1 }", "is not a range"),
        ("{ id: x, metric: nps, bands: { low: 10 }, weight: 1 }", "is not a range"),
        ("{ id: x, metric: nps, scale: { 0: 0, 1: 101 }, weight: 1 }", "less than or equal to 100"),
        ("{ id: x, metric: nps, scale: { 0: 0, 1: 1 }, weight: 0 }", "greater than 0"),
        ("{ id: x, metric: nsp, scale: { 0: 0, 1: 1 }, weight: 1 }", "nsp"),
        ("{ id: x, metric: nps, scale: { 0: 0, 1: 1 }, weight: 1, missing: skip }", "policy"),
        ("{ id: x, metric: nps, scale: { 0: 0, 1: 1 }, weight: 1, stale_after: 2 months }", "depends on the date"),
        ("{ id: x, expr: count(event.login) > 1, weight: 1 }", ""),
    ],
)
def test_what_cannot_be_a_component_is_refused_at_its_place(component, words):
    found = problems(f"scorecard: health\ncomponents:\n  - {component}\n{BANDS}")
    assert {line for line, _, _ in found} == {3}
    assert any(words in message for _, _, message in found)


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        ("{ red: 0..<40, green: 50..100 }", "40.0 is in no band"),
        ("{ red: 0..40, green: 40..100 }", "40.0 is in red and green"),
        ("{ red: 0..<100 }", "100.0 is in no band"),
        ("{ red: 1..100 }", "0.0 is in no band"),
        ("{ red: 0..39.8, green: 40..100 }", "39.9 is in no band"),
        ("{ red: 0..100, green: 39.95..40.05 }", "40.0 is in red and green"),
        ("{ red: -50..<40, green: 40..<71, yellow: 70.5..900 }", "70.5 is in green and yellow"),
        ("{ red: 0-100 }", "not a range"),
    ],
)
def test_bands_cover_every_score_once(bands, words):
    found = problems(f"scorecard: health\ncomponents: [{LOGINS}]\nbands: {bands}\n")
    assert words in found[0][2]


def test_bands_that_meet_between_two_tenths_leave_no_score_out():
    assert load(f"scorecard: health\ncomponents: [{LOGINS}]\nbands: {{ red: 0..39.9, green: 40..100 }}\n").bands


def test_all_problems_of_a_card_come_at_once():
    unknown = "{ id: y, metric: nope, weight: 1, scale: { 0: 0, 1: 1 } }"
    listed = "".join(f"  - {component}\n" for component in (LOGINS, LOGINS, unknown))
    found = problems(f"scorecard: health\napplies_to: account.arr\ncomponents:\n{listed}{BANDS}")
    assert sorted(line for line, _, _ in found) == [2, 5, 6]
