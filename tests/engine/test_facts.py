import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.facts import (
    FACT,
    AccountFact,
    EventFact,
    MetricFact,
    PersonFact,
    RecordFact,
    account_key,
    dated_in,
    fact_from_json,
    fact_hash,
    fact_json,
    has_bare_dates,
)

AT = datetime(2024, 5, 31, 8, tzinfo=UTC)


def read(data) -> Any:
    return FACT.validate_python(data)


def event(**told):
    return {"kind": "event", "type": "usage", "account": "acme", "at": "2024-05-31", **told}


def test_a_fact_is_read_by_its_kind():
    assert FACT.validate_python(event(props={"n": 1})) == EventFact(
        type="usage", account="acme", at=date(2024, 5, 31), props={"n": 1.0}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "gossip"}, "kind"),
        ({"account": ""}, "at least 1 character"),
        ({"account": "x" * 201}, "at most 200"),
        ({"account": 5}, "valid string"),
        ({"account": "a\x00b"}, "NUL"),
        ({"account": "\ud800"}, "string"),
        ({"nonsense": 1}, "not permitted"),
        ({"at": 1717142400}, "write a date as"),
        ({"at": True}, "write a date as"),
        ({"at": "31.05.2024"}, "write a date as"),
        ({"at": "2024-02-31"}, "write a date as"),
        ({"at": "2024-05-31T08:00:00"}, "timezone"),
        ({"at": "0202-05-31"}, "between 1900 and 2200"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "between 1900 and 2200"),
        ({"props": {"n": float("nan")}}, "finite"),
        ({"props": {"n": float("inf")}}, "finite"),
        ({"props": {"n": 10**400}}, "finite"),
        ({"props": {"n": [1]}}, "props"),
        ({"props": {"t": "x" * 4001}}, "at most 4000"),
        ({"props": {f"p{n}": 1 for n in range(101)}}, "at most 100"),
    ],
)
def test_what_cannot_be_a_fact_is_refused_in_words(change, words):
    with pytest.raises(ValidationError) as caught:
        FACT.validate_python(event(**change))
    assert words in str(caught.value)


def test_text_that_looks_like_a_number_or_a_yes_stays_text():
    props = {"a": "1", "b": "true", "c": 1, "d": True}
    fact: Any = FACT.validate_json(json.dumps(event(props=props)))
    assert fact.props == {"a": "1", "b": "true", "c": 1.0, "d": True}
    assert [type(value) for value in fact.props.values()] == [str, str, float, bool]
    again: Any = fact_from_json(fact_json(fact))
    assert [type(value) for value in again.props.values()] == [str, str, float, bool]


def test_an_instant_is_kept_in_utc():
    assert read(event(at="2024-05-31T10:00:00+02:00")).at == AT
    assert read(event(at=AT)).at == AT


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("UTC", datetime(2024, 5, 31, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2024, 5, 30, 15, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2024, 5, 31, 7, tzinfo=UTC)),
    ],
)
def test_a_bare_date_is_midnight_in_the_accounts_zone(zone, midnight):
    fact = read(event())
    assert has_bare_dates(fact)
    dated: Any = dated_in(fact, zone)
    assert dated.at == midnight
    assert not has_bare_dates(dated)


def test_every_time_of_a_record_is_dated():
    day = date(2024, 5, 31)
    fact = RecordFact(record="subscription", key="s", account="a", starts_at=day, ends_at=day, at=day)
    dated: Any = dated_in(fact, "UTC")
    assert {dated.starts_at, dated.ends_at, dated.at} == {datetime(2024, 5, 31, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("fact", "key"),
    [
        (AccountFact(key="a"), "a"),
        (MetricFact(account="b", metric="nps", value=1), "b"),
        (PersonFact(key="kim", name="Kim"), None),
    ],
)
def test_a_fact_names_its_account(fact, key):
    assert account_key(fact) == key


scalars = st.one_of(
    st.none(), st.booleans(), st.floats(-1e300, 1e300), st.text(st.characters(codec="utf-8", exclude_characters="\0"))
)
keys = st.text("abc-é", min_size=1, max_size=5)
facts = st.one_of(
    st.builds(AccountFact, key=keys, fields=st.dictionaries(keys, scalars, max_size=3), at=st.none() | st.just(AT)),
    st.builds(
        EventFact,
        type=keys,
        key=st.none() | keys,
        account=keys,
        at=st.just(AT),
        props=st.dictionaries(keys, scalars, max_size=3),
    ),
    st.builds(
        MetricFact,
        account=keys,
        metric=keys,
        value=st.none() | st.floats(-1e300, 1e300),
        at=st.just(AT) | st.just(AT.date()),
    ),
)


@given(facts)
def test_json_keeps_everything(fact):
    again = fact_from_json(json.loads(json.dumps(fact_json(fact))))
    assert again == fact
    assert fact_hash(again) == fact_hash(fact)
