"""Whatever is posted as facts: an answer in the agreed shapes, never a fault of ours."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.facts import KINDS

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
times = st.sampled_from(
    [
        "2026-03-01",
        "2026-03-01T08:00:00Z",
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30",
        "1900-01-01T00:00:00+23:59",
    ]
) | st.datetimes().map(str)
keys = st.sampled_from(["acme", "birch", "", "a" * 201, "a/b", "ü"]) | st.text(max_size=10)
names = [
    "key",
    "account",
    "at",
    "fields",
    "name",
    "roles",
    "record",
    "starts_at",
    "ends_at",
    "props",
    "type",
    "metric",
    "value",
]
facts = st.fixed_dictionaries(
    {"kind": st.sampled_from([*KINDS, "nothing"])},
    optional={
        "key": keys,
        "account": keys,
        "at": times,
        "fields": st.dictionaries(
            st.sampled_from(["account.name", "account.zone", "account.arr", "x"]), scalars, max_size=3
        ),
        "name": st.text(max_size=10),
        "email": st.text(max_size=10),
        "roles": st.lists(keys, max_size=3),
        "zone": st.sampled_from(["Europe/Berlin", "Nowhere/Here", "../etc/passwd", ""]),
        "record": keys,
        "starts_at": times,
        "ends_at": times,
        "props": st.dictionaries(keys, scalars, max_size=3),
        "type": keys,
        "metric": keys,
        "value": scalars,
        "manager": keys,
    },
)


def fitting(fact):
    """The same fact without what its kind does not know: more of them get past the door."""
    allowed = {
        "account": ("key", "fields", "at"),
        "contact": ("account", "key", "name", "email", "roles", "zone", "at"),
        "person": ("key", "name", "email", "manager"),
        "record": ("record", "key", "account", "starts_at", "ends_at", "props", "at"),
        "event": ("type", "key", "account", "at", "props"),
        "metric": ("account", "metric", "value", "at"),
    }.get(fact["kind"], ())
    return {name: value for name, value in fact.items() if name == "kind" or name in allowed}


shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared
@given(body=st.lists(facts.map(fitting) | facts | values, max_size=6) | values)
def test_posted_facts_never_cause_a_fault_of_ours(client, body):
    answer = client.post("/api/v1/facts", json=body)
    assert answer.status_code in (200, 422), answer.text
    assert len(answer.json()["problems"]) <= 100


@shared
@given(body=st.binary(max_size=200))
def test_posted_bytes_never_cause_a_fault_of_ours(client, body):
    answer = client.post("/api/v1/facts", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 422), answer.text


@shared
@given(fact=facts.map(fitting).filter(lambda fact: fact["kind"] in KINDS))
def test_what_was_taken_once_is_a_repeat_or_a_correction_of_nothing_the_second_time(client, fact):
    first = client.post("/api/v1/facts", json=[fact])
    second = client.post("/api/v1/facts", json=[fact])
    assert second.status_code == first.status_code
    if first.status_code == 200 and fact["kind"] in ("event", "person"):
        assert second.json()["counts"] == {}
