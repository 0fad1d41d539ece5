import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from engine.durations import LONGEST, UNITS, Duration, DurationText, parse_duration


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3 days", "3 days"),
        ("1 day", "1 day"),
        ("1 days", "1 day"),
        (" 5  business  days ".replace("  ", " "), "5 business days"),
        ("1 business day", "1 business day"),
        ("90 Minutes", "90 minutes"),
        ("P3D", "3 days"),
        ("PT4H", "4 hours"),
        ("PT30M", "30 minutes"),
        ("P6M", "6 months"),
        ("P2W", "2 weeks"),
        ("P1Y", "1 year"),
        ("0 days", "0 days"),
        ("2weeks", "2 weeks"),
    ],
)
def test_words_and_iso_mean_the_same(text, said):
    assert str(parse_duration(text)) == said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a duration"),
        ("3", "is not a duration"),
        ("3 dayz", 'did you mean "day"?'),
        ("3.5 days", "is not a duration"),
        ("P1DT4H", "is not a duration"),
        ("PT4D", "is not a duration"),
        ("-3 days", "cannot be negative here"),
        ("3000 months", "is too long"),
        ("999999999 hours", "is too long"),
        ("٣ days", "is not a duration"),
    ],
)
def test_refusals_say_what_to_write(text, says):
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        parse_duration(text)


def test_offsets_may_be_negative():
    assert parse_duration("-60 days", signed=True) == Duration(-60, "days") == -parse_duration("60 days")
    assert str(Duration(-1, "days")) == "-1 day"


@given(st.sampled_from(UNITS).flatmap(lambda unit: st.builds(Duration, st.integers(0, LONGEST[unit]), st.just(unit))))
def test_what_is_said_is_read_back(duration):
    assert parse_duration(str(duration)) == duration


@given(st.text(max_size=30))
def test_noise_is_refused_by_a_value_error(text):
    with contextlib.suppress(ValueError):
        parse_duration(text)


def test_models_take_words_and_give_words():
    class Step(BaseModel):
        wait: DurationText

    assert Step.model_validate({"wait": "P3D"}).model_dump_json() == '{"wait":"3 days"}'
    assert Step.model_json_schema()["properties"]["wait"]["type"] == "string"
