"""What a card is judged to be worth: bands, tenths, components, what to mind, and the picture of it."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.expressions import ExpressionError
from engine.health.scorecards import Band, Range, rounded
from engine.validation import CHURNED, Part, Sample, judge, outcome_of
from engine.validation.cautions import cautions, leaks, weights_of
from engine.validation.judgement import without
from engine.validation.looking_back import reads_contacts, remembered_fields
from engine.validation.picture import BandRange, to_svg
from engine.validation.timetable import timetable
from engine.validation.wording import verdict
from engine.workspace import load_workspace

AT = datetime(2025, 1, 1, tzinfo=UTC)
BANDS = (
    Band(name="red", range=Range(low=0, high=40, below=True)),
    Band(name="green", range=Range(low=40, high=100)),
)


def band(score):
    return None if score is None else "red" if score < 40 else "green"


def sample(account, score, *, churned=False, day=0, **points):
    parts = {id_: Part(points=worth, weight=weight, known=known) for id_, (worth, weight, known) in points.items()}
    at = AT + timedelta(days=day)
    return Sample(account=account, at=at, score=score, band=band(score), churned=churned, parts=parts)


def book(*, left, stayed):
    """Accounts with these scores."""
    gone = [sample(n, score, churned=True) for n, score in enumerate(left)]
    return gone + [sample(1000 + n, score) for n, score in enumerate(stayed)]


def codes(found):
    return [one.code for one in found]


# --- figures --------------------------------------------------------------------------------------------------------


def test_bands_say_how_many_left_beside_all():
    found = judge(book(left=[10, 20, 90, None], stayed=[30, 35, 50, 60, 70, None]), BANDS, {})
    assert (found.whole.samples, found.whole.churned, found.scored.samples, found.scored.churned) == (10, 4, 8, 3)
    assert found.coverage == 0.8
    red, green, unknown = found.bands
    assert (red.name, red.low, red.high, red.rate.samples, red.rate.churned, red.rate.value) == (
        "red",
        10,
        35,
        4,
        2,
        0.5,
    )
    assert (green.name, green.rate.value, unknown.name, unknown.rate.value) == ("green", 0.25, "unknown", 0.5)
    assert red.lift == pytest.approx(0.5 / (3 / 8))
    assert (red.captured, green.captured) == pytest.approx((2 / 3, 1 / 3))
    assert unknown.captured is None


def test_an_account_seen_often_counts_once_for_the_interval():
    often = [sample(1, 10, churned=True, day=day) for day in range(4)] + [sample(2, 10, day=day) for day in range(4)]
    red = judge(often, BANDS, {}).bands[0].rate
    assert (red.samples, red.accounts, red.churned, red.churned_accounts, red.value) == (8, 2, 4, 1, 0.5)
    assert (red.low, red.high) == pytest.approx((0.0945, 0.9055), abs=1e-3)  # of 1 in 2, not of 4 in 8


def test_tenths_hold_as_many_each_and_keep_equal_scores_together():
    tenths = judge(book(left=range(50), stayed=range(50, 100)), BANDS, {}).tenths
    assert [(one.name, one.rate.samples, one.rate.value) for one in tenths[:2]] == [("1", 10, 1.0), ("2", 10, 1.0)]
    assert (tenths[-1].low, tenths[-1].high) == (90, 99)
    ties = judge(book(left=[50] * 7, stayed=[50] * 6 + [80] * 7), BANDS, {}).tenths
    assert [(one.low, one.high, one.rate.samples) for one in ties] == [(50, 50, 13), (80, 80, 7)]


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=60))
def test_every_sample_is_in_one_band_one_tenth_and_one_bar(rows):
    found = judge([sample(n, score, churned=gone) for n, (score, gone) in enumerate(rows)], BANDS, {})
    for groups in (found.bands, found.tenths):
        assert sum(one.rate.samples for one in groups) == len(rows)
        assert sum(one.rate.churned for one in groups) == found.whole.churned
    assert sum(bar.stayed + bar.churned for bar in found.histogram) == len(rows)
    highs = [one.high or 0.0 for one in found.tenths]
    assert highs == sorted(set(highs))


def test_a_component_is_judged_where_it_is_known_and_by_what_the_score_is_without_it():
    # `told` tells who left, `noise` says the opposite; together they cancel out.
    def of(account, told, noise, *, churned=False, known=True):
        score = rounded((told + noise) / 2)
        return sample(account, score, churned=churned, told=(told, 1, known), noise=(noise, 1, True))

    left = [of(n, 10 + n, 90 - n, churned=True) for n in range(10)]
    stayed = [of(100 + n, 80 + n, 20 - n) for n in range(10)]
    imputed = [of(200, 0, 100, known=False)]
    found = judge(left + stayed + imputed, BANDS, {"told": 1, "noise": 1})
    told, noise = found.components
    assert (told.known, noise.known) == pytest.approx((20 / 21, 1))
    assert told.auc is not None
    assert told.auc.value == 1
    assert noise.auc is not None
    assert noise.auc.value < 0.1
    assert told.drop is not None
    assert told.drop.value > 0.3
    assert noise.drop is not None
    assert noise.drop.value < -0.3


def test_left_out_a_component_leaves_its_weight_to_the_others():
    one = sample(1, 50, a=(100, 1, True), b=(40, 2, True), c=(None, 7, False), d=(10, 1, False))
    assert without(one, "a") == 30  # (40 · 2 + 10 · 1) / 3
    assert without(one, "elsewhere") == rounded(190 / 4)
    assert without(sample(1, 100, a=(100, 1, True)), "a") is None


def test_each_day_is_judged_alone_too():
    samples = [
        sample(1, 10, churned=True),
        sample(2, 50),
        sample(3, None),
        sample(1, 90, churned=True, day=30),
        sample(2, 50, day=30),
    ]
    first, second = judge(samples, BANDS, {}).instants
    assert (first.at, first.rate.samples, first.unknown) == (AT, 3, 1)
    assert (first.auc and first.auc.value, second.auc and second.auc.value) == (1, 0)


# --- what to mind ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "stayed", "expected", "says"),
    [
        ([], [50, 60], ["too_few_churns"], "nobody with a score left"),
        (range(9), range(20, 60), ["too_few_churns"], "too few left"),
        (range(29), range(20, 60), ["few_churns"], "tells very well"),
        (range(10, 90, 2), range(11, 91, 2), ["no_better_than_chance"], "not shown to be better"),
        (range(60, 95), range(5, 40), ["wrong_way", "bands_out_of_order"], "points the wrong way"),
        (range(5, 45), range(20, 90), [], "tells well"),
        ([*range(5, 45), *[None] * 60], range(20, 90), ["much_unknown"], "tells well"),
    ],
)
def test_figures_that_must_not_be_believed_say_so(left, stayed, expected, says):
    found = judge(book(left=left, stayed=stayed), BANDS, {})
    assert codes(cautions(found)) == expected
    assert says in verdict(found)


def test_a_component_that_points_the_wrong_way_or_is_too_good_is_named():
    left = [sample(n, 20, churned=True, back=(80 + n / 2, 1, True), late=(0, 1, True)) for n in range(12)]
    stayed = [sample(90 + n, 60, back=(10 + n, 1, True), late=(100, 1, True)) for n in range(12)]
    said = [one.says for one in cautions(judge(left + stayed, BANDS, {"back": 1, "late": 1}))]
    assert [one for one in said if one.startswith("back points the wrong way")]
    assert [one for one in said if one.startswith("late alone separates almost perfectly")]


TENURE = b"""
name: W
fields:
  account.seats: number
  account.lifecycle:
    from:
      churned: count(subscription where active) == 0
      onboarding: days_since(account.signup_date) < 60
      live: account.arr > 0
  account.arr: { from: sum(subscription.arr where active) }
records: { subscription: { arr: number } }
events: { usage: { n: number }, churn_notice: }
feeds: { usage: { stale_after: 3 days } }
metrics:
  nps: number
  uses: "sum(event.usage.n, 30 days)"
  notices: "count(event.churn_notice, 180 days)"
  best: "highest(metric.nps, 90 days)"
  champions: "count(contact)"
"""


def workspace(*components):
    parts = "".join(f"  - {{ id: c{n}, {one} }}\n" for n, one in enumerate(components))
    text = f"scorecard: health\ncomponents:\n{parts}bands: {{ red: 0..<40, green: 40..100 }}\n"
    return load_workspace({"tenure.yaml": TENURE, "scorecards/health.yaml": text.encode()})


def component(metric):
    return f'metric: {metric}, scale: {{ "0": 0, "10": 100 }}, weight: 1'


def yes(expression):
    return f"expr: '{expression}', weight: 1"


@pytest.mark.parametrize(
    ("what", "expected", "says"),
    [
        (yes('account.lifecycle != "churned"'), ["leak"], "account.lifecycle"),
        (yes("account.arr > 0"), ["looks_like_a_leak"], "subscription"),
        (component("notices"), ["looks_like_a_leak"], "event.churn_notice"),
        (component("uses"), [], ""),
        (component("nps"), [], ""),
        # The other stages are worked out from the signup's date; having left is not.
        (yes("days_since(account.signup_date) > 90"), [], ""),
    ],
)
def test_a_card_that_reads_the_outcome_is_found_out(what, expected, says):
    made = workspace(component("nps"), what)
    found = leaks(made.scorecards, made, outcome_of(made))
    assert codes(found) == expected
    assert all(says in one.says and one.says.startswith("c1 ") for one in found)


def test_with_another_outcome_something_else_is_a_leak():
    made = workspace(component("notices"))
    assert codes(leaks(made.scorecards, made, outcome_of(made, "count(event.churn_notice, 1 day) > 0"))) == ["leak"]


def test_an_outcome_needs_no_more_of_the_workspace_than_it_reads():
    made = workspace(component("nps"))
    found = outcome_of(made)
    assert found.reads == ("account.lifecycle", "subscription")
    assert [(one.name, [case for case, _ in one.cases]) for one in found.workspace.computed] == [
        ("account.lifecycle", ["churned"])
    ]
    assert (found.workspace.scorecards, found.workspace.feeds, found.events) == ((), {}, ())
    other = outcome_of(made, "metric.uses < 5 and account.seats > 3")
    assert other.reads == ("account.seats", "event.usage", "metric.uses")
    assert (list(other.workspace.feeds), other.events) == (["usage"], ("usage",))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("metric.nsp < 3", ExpressionError),
        ("account.arr", ExpressionError),
        ("", ExpressionError),
        ("health.score < 40", ValueError),
        ("highest(metric.nps, 30 days) < 3", ValueError),
    ],
)
def test_what_cannot_be_an_outcome_is_refused(text, error):
    with pytest.raises(error):
        outcome_of(workspace(component("nps")), text)


def test_the_default_outcome_is_the_life_cycle():
    assert outcome_of(load_workspace({"tenure.yaml": b"name: W\n"})).condition.text == CHURNED


def test_what_has_no_complete_past_is_known():
    made = workspace(component("best"), component("champions"))
    assert remembered_fields(made.scorecards, made) == ("metric.nps",)
    assert reads_contacts(made.scorecards, made)
    plain = workspace(component("nps"))
    assert (remembered_fields(plain.scorecards, plain), reads_contacts(plain.scorecards, plain)) == ((), False)


def test_weights_are_the_cards_own():
    made = workspace(component("nps"), yes("account.seats > 1").replace("weight: 1", "weight: 3"))
    assert weights_of(made.scorecards) == {"c0": 1, "c1": 3}


# --- days -----------------------------------------------------------------------------------------------------------

TODAY = date(2025, 12, 31)


@pytest.mark.parametrize(
    ("first", "last", "horizon", "begins", "ends", "every", "count"),
    [
        (None, None, 90, date(2024, 10, 7), date(2025, 10, 2), 30, 13),
        (date(2025, 9, 1), None, 90, date(2025, 9, 2), date(2025, 10, 2), 30, 2),
        (date(2025, 6, 1), date(2025, 6, 30), 30, date(2025, 6, 10), date(2025, 6, 30), 10, 3),
        (date(2025, 12, 29), None, 1, date(2025, 12, 29), date(2025, 12, 30), 1, 2),
        (date(2025, 1, 1), date(2025, 12, 31), 180, date(2025, 1, 5), date(2025, 7, 4), 30, 7),
    ],
)
def test_samples_are_taken_from_the_end_backwards(first, last, horizon, begins, ends, every, count):
    table = timetable(first, last, horizon, date(2020, 1, 1), TODAY)
    assert (table.days[0], table.days[-1], table.every, len(table.days)) == (begins, ends, every, count)
    assert table.cut is (last == TODAY)


@pytest.mark.parametrize(("first", "last"), [(date(2025, 11, 1), None), (date(2025, 5, 2), date(2025, 5, 1))])
def test_a_period_that_is_not_over_has_no_days(first, last):
    assert timetable(first, last, 90, date(2020, 1, 1), TODAY).days == ()


def test_before_the_first_account_there_is_nothing_to_sample():
    table = timetable(date(2020, 1, 1), None, 90, date(2025, 9, 20), TODAY)
    assert table.days == (date(2025, 10, 2),)


# --- the picture ----------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"
RANGES = (
    BandRange(name="red", low=0, high=40, says="0..<40"),
    BandRange(name="green", low=40, high=100, says="40..100"),
)


def drawn(found):
    return ET.fromstring(to_svg(found, card="health", bands=RANGES, subtitle="110 samples, for <90> days"))


def test_the_picture_says_in_words_what_it_shows():
    svg = drawn(judge(book(left=range(5, 45), stayed=range(20, 90)), BANDS, {}))
    title, desc = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert title.text == "Does health tell who leaves?"
    assert svg.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert desc.text is not None
    assert "AUC 0.8" in desc.text
    assert "for <90> days" in desc.text
    assert "red: 63.6 % of 55 left" in desc.text
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"Stayed (70)", "Left (40)", "red 0..<40", "green 40..100"} <= set(texts)


def test_the_picture_needs_no_colour():
    found = judge(book(left=range(5, 45), stayed=range(20, 90)), BANDS, {})
    colours = re.findall(r"#([0-9a-f]{6})", to_svg(found, card="health", bands=RANGES, subtitle=""))
    reds, greens, blues = zip(*((int(c[:2], 16), int(c[2:4], 16), int(c[4:], 16)) for c in colours), strict=True)
    assert max(abs(r - g) + abs(g - b) for r, g, b in zip(reds, greens, blues, strict=True)) <= 6


@given(st.lists(st.tuples(st.none() | st.integers(0, 100), st.booleans()), max_size=30))
def test_whatever_was_found_can_be_drawn_inside_the_page(rows):
    svg = drawn(judge([sample(n, score, churned=gone) for n, (score, gone) in enumerate(rows)], BANDS, {}))
    for box in svg.iter(f"{SVG}rect"):
        x, y, wide, high = (float((box.get(name) or "0").rstrip("%")) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert high >= 0
        assert x + wide <= 880
        assert y + high <= 668
