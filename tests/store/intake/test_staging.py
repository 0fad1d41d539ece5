import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.facts import AccountFact, ContactFact, EventFact, MetricFact, PersonFact, RecordFact
from store import schema
from store.intake import staging, take_in
from store.intake.staging import Shape, Staged, Statement

SHAPE = Shape(
    "odd",
    {
        "n": "int",
        "word": "text",
        "value": "jsonb",
        "at": "timestamptz",
        "words": "text[]",
        "yes": "boolean",
    },
)
EVERYTHING = Statement(SHAPE, "select n, word, value, at, words, yes from {told} order by n")
T0 = datetime(2024, 5, 1, 12, 30, 0, 123456, tzinfo=UTC)
# What PostgreSQL cannot hold is refused long before: NUL and halves of surrogate pairs.
words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
rows = st.lists(
    st.tuples(
        st.none() | words,
        st.none() | (words | st.floats(-1e15, 1e15) | st.booleans()).map(json.dumps),
        st.none() | st.integers(0, 10**6).map(lambda n: T0 + timedelta(seconds=n)),
        st.lists(words, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_few_rows_and_many_come_in_as_they_are(scratch, told):
    numbered = [(n, *row) for n, row in enumerate(told)]
    expected = [(*row[:2], None if row[2] is None else json.loads(row[2]), *row[3:]) for row in numbered]
    staging._copy(scratch, SHAPE, [[row[n] for row in numbered] for n in range(len(SHAPE.columns))])
    many = [tuple(row) for row in Staged(scratch, None).execute(EVERYTHING)]
    few = [tuple(row) for row in Staged(scratch, staging._as_json(SHAPE, numbered)).execute(EVERYTHING)]
    assert few == many == expected


def many_facts(n):
    for i in range(n):
        key = f"a{i}"
        yield AccountFact(key=key, fields={"name": f"Odd\t\\{i}", "tags": ["x", "y"]})
        yield ContactFact(account=key, key="c", name="Ada", roles=("champion", 'ad"min'), at=T0)
        yield PersonFact(key=f"p{i}", name="Kim")
        yield RecordFact(record="subscription", key=key, account=key, starts_at=T0, props={"arr": i}, at=T0)
        yield RecordFact(
            record="subscription", key=key, account=key, starts_at=T0, props={"arr": i + 1}, at=T0 + timedelta(days=1)
        )
        yield EventFact(type="usage", key=key, account=key, at=T0, props={"n": i})
        yield MetricFact(account=key, metric="nps", value=i % 11, at=T0)
        yield MetricFact(account=key, metric="nps", value=-1, at=T0)


def held(conn):
    """All facts, without the numbers that the database gives."""
    found = {}
    for table in (schema.account_value, schema.contact, schema.person, schema.record, schema.event):
        columns = [column for column in table.columns if column.name not in ("id", "account_id")]
        found[table.name] = sorted(map(repr, conn.execute(sa.select(*columns))))
    return found


@pytest.mark.parametrize("copy_from", [1, 10**9])
def test_the_road_that_rows_take_changes_nothing(scratch, monkeypatch, copy_from):
    monkeypatch.setattr(staging, "_COPY_FROM", copy_from)
    facts = list(many_facts(20))
    report = take_in(scratch, facts, known_at=T0)
    assert report.counts == {"account": 20, "contact": 20, "event": 20, "metric": 20, "person": 20, "record": 40}
    assert report.corrections == 20
    assert [problem.why for problem in report.problems] == ["conflict"] * 20
    assert {repr(problem.fact) for problem in report.problems} == {
        repr(fact) for fact in facts if isinstance(fact, MetricFact) and fact.value == -1
    }
    before = held(scratch)
    again = take_in(scratch, facts, known_at=T0)
    assert (again.taken, again.repeats) == (0, 140)
    assert held(scratch) == before
    assert len(before["account_value"]) == 60
