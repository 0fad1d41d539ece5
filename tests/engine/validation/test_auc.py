"""The area under the curve and its interval: worked by hand, invariant where it should be, as wide as a bootstrap."""

import math
import random
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.validation.auc import auc, auc_difference, student
from engine.validation.rates import wilson

scores = st.integers(0, 20).map(lambda tenth: tenth / 2)
rows = st.lists(st.tuples(st.integers(0, 8), scores, st.booleans()), min_size=2, max_size=40)


def by_pairs(found):
    left = [score for _, score, gone in found if gone]
    stayed = [score for _, score, gone in found if not gone]
    wins = sum((x < y) + (x == y) / 2 for x in left for y in stayed)
    return wins / (len(left) * len(stayed))


def told_apart(found):
    return len({gone for _, _, gone in found}) == 2


@pytest.mark.parametrize(
    ("left", "stayed", "value", "variance"),
    [
        # Placements of who left: 1, 5/6 (variance 1/72); of who stayed: 3/4, 1, 1 (variance 1/48). (1/72)/2 + (1/48)/3.
        ([1, 2], [2, 3, 4], 11 / 12, 1 / 72),
        # Placements 1, 1/2, 1/2 (variance 1/12) and 1/3, 1 (variance 2/9). (1/12)/3 + (2/9)/2.
        ([1, 3, 3.5], [2, 4], 2 / 3, 1 / 36 + 1 / 9),
    ],
)
def test_with_every_account_once_it_is_delongs(left, stayed, value, variance):
    found = auc([(n, score, True) for n, score in enumerate(left)] + [(9 + n, y, False) for n, y in enumerate(stayed)])
    assert found is not None
    assert found.error is not None
    assert found.value == pytest.approx(value)
    assert found.error**2 == pytest.approx(variance)


def test_samples_of_one_account_are_summed_before_they_count():
    # Placements of who left: 1, 2/3 (account 1) and 2/3 (account 2); of who stayed: 1/3, 1 (3) and 1 (4). Area 7/9.
    # By account they lie 1/9, -1/9 and -2/9, 2/9 from it: 2/3 · 2/81 / 3 + 2/3 · 8/81 / 3 = 20/729.
    found = auc([(1, 1, True), (1, 3, True), (2, 3.5, True), (3, 2, False), (3, 4, False), (4, 5, False)])
    assert found is not None
    assert found.error is not None
    assert found.value == pytest.approx(7 / 9)
    assert found.error**2 == pytest.approx(20 / 729)
    reach = student(1) * math.sqrt(20 / 729) / (7 / 9 * 2 / 9)
    assert math.log(found.high / (1 - found.high)) == pytest.approx(math.log(3.5) + reach, rel=1e-6)
    assert math.log(found.low / (1 - found.low)) == pytest.approx(math.log(3.5) - reach, rel=1e-6)


@given(rows)
def test_it_is_the_share_of_pairs_in_the_right_order(found):
    assume(told_apart(found))
    area = auc(found)
    assert area is not None
    assert area.value == pytest.approx(by_pairs(found))
    assert 0 <= area.low <= area.value + 1e-9
    assert area.value - 1e-9 <= area.high <= 1


@given(rows, st.sampled_from([lambda x: 3 * x + 7, lambda x: math.exp(x / 5), lambda x: x**3]))
def test_only_the_order_of_the_scores_matters(found, stretch):
    assert auc([(account, stretch(score), gone) for account, score, gone in found]) == auc(found)


@given(rows)
def test_turned_round_it_is_the_complement(found):
    area, turned = auc(found), auc([(account, -score, gone) for account, score, gone in found])
    if area is None or turned is None:
        assert area is turned
        return
    assert turned.value == pytest.approx(1 - area.value)
    assert (turned.low, turned.high) == pytest.approx((1 - area.high, 1 - area.low))


@given(rows)
def test_who_left_and_who_stayed_are_alike_in_it(found):
    area, swapped = auc(found), auc([(account, -score, not gone) for account, score, gone in found])
    if area is None or swapped is None:
        assert area is swapped
        return
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx((area.value, area.low, area.high))


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(found, dice):
    mixed = list(found)
    dice.shuffle(mixed)
    one, other = auc(found), auc(mixed)
    if one is None or other is None:
        assert one is other
        return
    assert (other.value, other.low, other.high) == pytest.approx((one.value, one.low, one.high))


@given(rows, st.integers(2, 4))
def test_seeing_every_account_several_times_adds_no_certainty(found, times):
    one, other = auc(found), auc(found * times)
    if one is None or other is None:
        assert one is other
        return
    assert (other.value, other.low, other.high) == pytest.approx((one.value, one.low, one.high))


def test_more_accounts_do_add_certainty():
    few = [(n, score, gone) for n, (score, gone) in enumerate([(1, True), (3, True), (2, False), (4, False)] * 3)]
    many = [(n, score, gone) for n, (_, score, gone) in enumerate(few * 4)]
    one, other = auc(few), auc(many)
    assert one is not None
    assert other is not None
    assert other.value == one.value
    assert other.high - other.low < (one.high - one.low) / 1.8


def test_the_error_is_that_of_a_bootstrap_over_accounts():
    dice = random.Random(7)
    accounts = []
    for account in range(120):
        level = dice.gauss(60 if account % 4 else 50, 12)
        turn = dice.randrange(5) if account % 4 == 0 else 9
        accounts.append([(account, round(level + dice.gauss(0, 5), 1), n >= turn) for n in range(6)])
    whole = [row for mine in accounts for row in mine]
    area = auc(whole)
    assert area is not None
    assert area.error is not None
    areas = [by_pairs([row for mine in dice.choices(accounts, k=120) for row in mine]) for _ in range(150)]
    assert area.error == pytest.approx(statistics.stdev(areas), rel=0.2)
    # Taken for independent, the samples would promise twice too much.
    alone = auc([(n, score, gone) for n, (_, score, gone) in enumerate(whole)])
    assert alone is not None
    assert alone.error is not None
    assert alone.error < 0.75 * area.error


@pytest.mark.parametrize("found", [[], [(1, 5, True)], [(1, 5, False), (2, 6, False)]])
def test_without_two_kinds_there_is_no_area(found):
    assert auc(found) is None
    assert auc_difference(found, found) is None


@pytest.mark.parametrize(
    "found",
    [
        [(1, 1, True), (2, 2, True), (3, 5, False), (4, 6, False)],  # apart without an error
        [(1, 5, True), (2, 5, True), (3, 5, False), (4, 1, False)],  # all who left alike
        [(1, 3, True), (2, 5, False), (3, 1, False)],  # only one left
    ],
)
def test_where_nothing_varies_the_interval_is_that_of_so_few_accounts(found):
    area = auc(found)
    assert area is not None
    assert area.error is None
    assert (area.low, area.high) == wilson(area.value, min(2, sum(gone for _, _, gone in found)))
    assert area.high - area.low > 0.5


@given(rows)
def test_a_score_differs_from_itself_by_nothing(found):
    difference = auc_difference(found, found)
    assert (difference is None) is not told_apart(found)
    if difference is not None:
        assert difference.value == 0


@given(rows, st.data())
def test_the_difference_is_that_of_the_areas_and_changes_its_sign(found, data):
    assume(told_apart(found))
    other = [(account, data.draw(scores), gone) for account, _, gone in found]
    one, back = auc_difference(found, other), auc_difference(other, found)
    assert one is not None
    assert back is not None
    assert one.value == pytest.approx(by_pairs(found) - by_pairs(other))
    assert back.value == pytest.approx(-one.value)
    if one.low is not None and one.high is not None:
        assert back.low == pytest.approx(-one.high)
        assert one.low <= one.value <= one.high


@pytest.mark.parametrize(
    ("share", "trials", "low", "high"),
    [(0.5, 10, 0.2366, 0.7634), (0, 10, 0, 0.2775), (1, 10, 0.7225, 1), (0.1, 50, 0.0435, 0.2136)],
)
def test_wilsons_interval(share, trials, low, high):
    assert wilson(share, trials) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("degrees", "t"), [(1, 12.706), (10, 2.228), (20, 2.086), (30, 2.042), (120, 1.980)])
def test_students_t(degrees, t):
    assert student(degrees) == pytest.approx(t, abs=0.005)
