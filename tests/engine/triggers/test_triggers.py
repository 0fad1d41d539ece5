import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.triggers import DOCUMENTS, Edge, Manual, Moment, Trigger
from engine.values import in_digits
from tests.authoring import compiled, found, with_trigger


def trigger(text: str) -> Trigger:
    compilation = compiled(with_trigger(text))
    assert found(compilation) == []
    assert compilation.compiled is not None
    return compilation.compiled.triggers[0]


EDGES = [
    ("score: health\n    falls_below: 40", "health.score < 40", "health.score >= 40", "health fell below 40"),
    (
        "score: health\n    falls_below: 40\n    rearm_at: 48",
        "health.score < 40",
        "health.score >= 48",
        "health fell below 40",
    ),
    ("score: health\n    rises_above: 80", "health.score > 80", "health.score <= 80", "health rose above 80"),
    (
        "metric: nps\n    rises_above: 0.8\n    rearm_at: 0.1",
        "metric.nps > 0.8",
        "metric.nps <= 0.1",
        "nps rose above 0.8",
    ),
    (
        "metric: nps\n    rises_above: 1500000",
        "metric.nps > 1500000",
        "metric.nps <= 1500000",
        "nps rose above 1500000",
    ),
    ("metric: nps\n    falls_below: 6.5", "metric.nps < 6.5", "metric.nps >= 6.5", "nps fell below 6.5"),
    (
        "score: health\n    drops_by: 15\n    within: 14 days",
        "highest(health.score, 14 days) - health.score >= 15",
        "highest(health.score, 14 days) - health.score < 15",
        "health dropped by 15 within 14 days",
    ),
    (
        "metric: nps\n    rises_by: 3\n    within: 2 weeks",
        "metric.nps - lowest(metric.nps, 2 weeks) >= 3",
        "metric.nps - lowest(metric.nps, 2 weeks) < 3",
        "nps rose by 3 within 2 weeks",
    ),
    ("score: health\n    enters: red", 'health.band == "red"', 'health.band != "red"', "health entered red"),
    ("score: health\n    leaves: green", 'health.band != "green"', 'health.band == "green"', "health left green"),
    ("becomes: account.vip", "account.vip", "not (account.vip)", "account.vip became true"),
]


@pytest.mark.parametrize(("text", "trips", "rearms", "says"), EDGES, ids=[edge[3] for edge in EDGES])
def test_an_edge_trips_and_rearms_on_what_was_meant(text: str, trips: str, rearms: str, says: str):
    edge = trigger(f"  - {text}\n")
    assert isinstance(edge, Edge)
    assert (edge.trips.text, edge.says) == (trips, says)
    assert edge.rearms.text.replace("(", "").replace(")", "") == rearms.replace("(", "").replace(")", "")


def test_a_dwell_is_kept_in_words_and_said():
    edge = trigger("  - score: health\n    falls_below: 40\n    for: P3D\n")
    assert isinstance(edge, Edge)
    assert (edge.dwell, edge.says) == ("3 days", "health fell below 40 for 3 days")


@pytest.mark.parametrize(
    ("text", "field", "offset", "says"),
    [
        ("account.renewal_date - 90 days", "account.renewal_date", "-90 days", "90 days before account.renewal_date"),
        ("account.last_qbr + 3 months", "account.last_qbr", "3 months", "3 months after account.last_qbr"),
        ("account.signup_date", "account.signup_date", "0 days", "account.signup_date reached"),
        (
            "account.renewal_date - 5 business days",
            "account.renewal_date",
            "-5 business days",
            "5 business days before account.renewal_date",
        ),
    ],
)
def test_a_date_trigger_is_a_field_and_an_offset(text: str, field: str, offset: str, says: str):
    moment = trigger(f"  - date: {text}\n    grace: 3 days\n")
    assert isinstance(moment, Moment)
    assert (moment.field, moment.offset, moment.says, moment.grace) == (field, offset, says, "3 days")


def test_a_manual_trigger_waits_for_a_person():
    assert isinstance(trigger("  - manual: true\n"), Manual)


BAD = {
    "PB300 4:5": "  - scores: health\n    falls_below: 40\n",
    "PB300 4:5 two kinds": "  - score: health\n    metric: nps\n    falls_below: 40\n",
    "PB301 4:5": "  - score: health\n",
    "PB301 4:5 two ways": "  - score: health\n    falls_below: 40\n    rises_above: 50\n",
    "PB302 5:15": "  - score: health\n    drops_by: 15\n",
    "PB302 6:13": "  - score: health\n    falls_below: 40\n    within: 3 days\n",
    "PB303 6:15": "  - score: health\n    falls_below: 40\n    rearm_at: 30\n",
    "PB303 6:15 rising": "  - score: health\n    rises_above: 40\n    rearm_at: 50\n",
    "PB303 7:15": "  - score: health\n    drops_by: 4\n    within: 3 days\n    rearm_at: 50\n",
    "PB304 5:18": "  - score: health\n    falls_below: 140\n",
    "PB305 4:11": "  - date: next monday\n",
    "PB305 4:11 no date": "  - date: account.arr - 3 days\n",
    "PB322 4:11": "  - date: account.renewal_date - 3 moons\n",
    "PB323 4:11": "  - date: account.renewl_date\n",
    "PB323 4:12": "  - score: helth\n    falls_below: 40\n",
    "PB323 4:13": "  - metric: npss\n    falls_below: 40\n",
    "PB323 5:13": "  - score: health\n    enters: purple\n",
    "PB306 6:5": "  - score: health\n    falls_below: 40\n  - falls_below: 40\n    score: health\n",
    "PB202 4:14": "  - becomes: account.vipp\n",
    "PB207 4:14": "  - becomes: account.arr\n",
    "PB103 5:18": "  - score: health\n    falls_below: low\n",
    "PB104 4:13": "  - manual: false\n",
}


@pytest.mark.parametrize("problem", BAD)
def test_a_broken_trigger_names_code_line_and_column(problem: str):
    compilation = compiled(with_trigger(BAD[problem]))
    assert found(compilation) == [" ".join(problem.split()[:2])]


def test_a_trigger_goes_by_its_meaning_unless_it_is_named():
    plain = trigger("  - score: health\n    falls_below: 40\n")
    same = trigger("  - falls_below: 40.0\n    score: health\n")
    other = trigger("  - score: health\n    falls_below: 41\n")
    named = trigger("  - score: health\n    falls_below: 41\n    id: low\n")
    assert plain.id == same.id != other.id
    assert named.id == "low"


@pytest.mark.parametrize(
    "text", [*(f"  - {edge[0]}\n" for edge in EDGES), "  - date: account.last_qbr\n", "  - manual: true\n"]
)
def test_a_compiled_trigger_round_trips_through_json(text: str):
    one = trigger(text)
    again = TypeAdapter[Trigger](Trigger).validate_python(json.loads(one.model_dump_json()))
    assert again == one


def test_every_kind_says_what_it_is_for():
    assert all(document.__doc__ and "\n" not in document.__doc__ for document in DOCUMENTS.values())


@given(st.floats(min_value=-1e15, max_value=1e15, allow_subnormal=False))
def test_digits_are_read_back_as_the_same_number(number):
    assert float(in_digits(number)) == number
    assert "e" not in in_digits(number)
