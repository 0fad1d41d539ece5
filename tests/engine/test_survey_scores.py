import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.survey_scores import answers
from engine.surveys import SCALES


def test_nps_is_promoters_less_detractors():
    found = answers("nps", {10: 4, 9: 1, 8: 2, 7: 1, 6: 1, 0: 1}, unanswered=10, still_open=3)
    assert (found.above, found.between, found.below) == (5, 3, 2)
    assert found.score is not None
    assert found.score.value == 30.0
    assert (found.asked, found.answered, found.open) == (20, 10, 3)
    assert found.rate is not None
    assert (found.rate.value, found.rate.low, found.rate.high) == (50.0, 29.9, 70.1)
    assert found.mean == 7.8


def test_csat_is_the_share_of_the_satisfied():
    found = answers("csat", {5: 6, 4: 2, 3: 1, 1: 1}, unanswered=0, still_open=0)
    assert (found.above, found.between, found.below) == (8, 1, 1)
    assert found.score is not None
    # Wilson's interval for 8 of 10.
    assert (found.score.value, found.score.low, found.score.high) == (80.0, 49.0, 94.3)
    assert found.mean == 4.2


@pytest.mark.parametrize(
    ("by_score", "value", "low", "high"),
    [
        ({10: 3}, 100.0, -6.6, 100.0),
        ({0: 3}, -100.0, -100.0, 6.6),
        ({8: 5}, 0.0, -30.0, 30.0),
        ({10: 60, 0: 40}, 20.0, 0.6, 38.2),
    ],
)
def test_a_few_answers_that_agree_prove_little(by_score, value, low, high):
    score = answers("nps", by_score, 0, 0).score
    assert score is not None
    assert (score.value, round(score.low, 1), round(score.high, 1)) == (value, low, high)


def test_without_answers_there_is_no_score_and_without_questions_no_rate():
    found = answers("nps", {}, unanswered=4, still_open=4)
    assert (found.score, found.mean) == (None, None)
    assert found.rate is not None
    assert found.rate.value == 0.0
    assert answers("nps", {}, 0, 0).rate is None


@given(st.sampled_from(["nps", "csat"]), st.data())
def test_every_estimate_lies_within_its_interval_or_beside_it_where_few_answered(asks, data):
    scores = st.sampled_from(SCALES[asks].scores)
    by_score = data.draw(st.dictionaries(scores, st.integers(1, 500)))
    found = answers(asks, by_score, data.draw(st.integers(0, 500)), 0)
    assert found.above + found.between + found.below == found.answered
    for estimate in (found.rate, found.score):
        if estimate is not None:
            assert -100 <= estimate.low <= estimate.high <= 100
            assert estimate.low - 10 <= estimate.value <= estimate.high + 60
