from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, EventFact, MetricFact, RecordFact
from engine.workspace import load_workspace
from store import clock, schema
from store.deploying.deploy import deploy
from store.intake import quarantine
from store.intake.screened import take_in_screened

T0 = datetime(2024, 5, 1, tzinfo=UTC)
WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: W
fields: { account.segment: { type: choice, of: [small, large] }, account.seats: number, account.tier: text,
          account.review: instant }
records: { ticket: { csat: number } }
events: { usage: { n: number }, free: null }
metrics: { nps: number, logins: "count(event.usage, 30 days)" }
imports:
  scores: { file: scores.csv, as: metrics, account: key, at: day, fields: { nps: nps } }
"""
    }
)


@pytest.fixture
def conn(scratch):
    clock.set_virtual(scratch, T0)
    deploy(scratch, WORKSPACE, [], T0)
    assert not take_in_screened(scratch, [AccountFact(key="a")], source="api").problems
    return scratch


def told(conn, *facts):
    return [problem.message for problem in take_in_screened(conn, facts, source="api").problems]


def metric(value=1.0, name="nps", at=None, account="a"):
    return MetricFact(account=account, metric=name, value=value, at=at)


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (metric(at=T0 + timedelta(days=31)), "dated 2024-06-01, too far ahead of our clock"),
        (metric(at=T0 - timedelta(days=100 * 365)), "too far back"),
        (metric(at=(T0 + timedelta(days=40)).date()), "too far ahead"),
        (EventFact(type="usage", account="a", at=datetime(2126, 5, 1, tzinfo=UTC)), "too far ahead"),
        (RecordFact(record="ticket", key="t", account="a", starts_at=datetime(1924, 5, 1, tzinfo=UTC)), "too far back"),
        (metric(name="npx"), 'no field "metric.npx" is declared (did you mean "metric.nps"'),
        (AccountFact(key="a", fields={"seats": "5"}), "account.seats is a number, and '5' is none"),
        (AccountFact(key="a", fields={"seats": True}), "account.seats is a number"),
        (AccountFact(key="a", fields={"segment": "tiny"}), "one of small, large"),
        (AccountFact(key="a", fields={"teir": "x"}), 'no field "account.teir" is declared'),
        (AccountFact(key="a", fields={"renewal_date": "soon"}), "is written like 2024-05-31, and 'soon' is not"),
        (AccountFact(key="a", fields={"renewal_date": "2024-02-30"}), "and '2024-02-30' is not"),
        (AccountFact(key="a", fields={"renewal_date": "0202-05-31"}), "outside of 1900 to 2200: '0202-05-31'"),
        (AccountFact(key="a", fields={"review": "2024-05-31T08:00"}), "is written like 2024-05-31T08:00:00Z"),
        (AccountFact(key="a", fields={"review": "9999-12-31T00:00:00Z"}), "outside of 1900 to 2200"),
        (RecordFact(record="tikcet", key="t", account="a", starts_at=T0), 'no record "tikcet"'),
        (RecordFact(record="ticket", key="t", account="a", starts_at=T0, props={"csat": "good"}), "csat is a number"),
        (EventFact(type="usag", account="a", at=T0), 'no event "usag"'),
        (EventFact(type="usage", account="a", at=T0, props={"n": "many"}), "n is a number"),
        (metric(account="nobody"), "there is no account"),
    ],
)
def test_what_is_odd_is_put_aside_with_its_reason_and_the_rest_comes_in(conn, fact, words):
    report = take_in_screened(conn, [metric(3.0), fact], source="api")
    assert report.counts == {"metric": 1}
    (problem,) = [one for one in report.problems if one.n == 1]
    assert words in problem.message
    (held,) = quarantine.list_held(conn).items
    assert words in f"put aside: {held.reason}"
    assert held.source == "api"


@pytest.mark.parametrize(
    "fact",
    [
        metric(None),
        metric(at=T0 + timedelta(days=29)),
        AccountFact(key="a", fields={"renewal_date": "2024-05-31", "review": "2024-05-31T08:00:00+02:00"}),
        AccountFact(key="a", fields={"seats": 5, "segment": None, "tier": "gold"}),
        EventFact(type="free", account="a", at=T0, props={"anything": "goes"}),
        RecordFact(record="ticket", key="t", account="a", starts_at=T0 + timedelta(days=400), props={"more": 1}),
    ],
)
def test_what_is_declared_comes_in(conn, fact):
    assert told(conn, fact) == []


def test_told_again_it_is_put_aside_once_and_dropped_it_stays_dropped(conn):
    for _ in range(2):
        told(conn, metric(account="nobody"))
    (held,) = quarantine.list_held(conn).items
    assert quarantine.drop(conn, [held.id, 99], by="kim", now=T0).stays == {
        99: "there is nothing held under this number"
    }
    told(conn, metric(account="nobody"))
    assert quarantine.list_held(conn).items == ()
    (gone,) = quarantine.list_held(conn, state="dropped").items
    assert gone.content == {"kind": "metric", "account": "nobody", "metric": "nps", "value": 1.0}


def test_facts_that_were_told_before_their_account_come_in_with_it(conn):
    new = AccountFact(key="new", at=T0 + timedelta(days=31))  # odd: too far ahead
    told(conn, metric(account="new"), EventFact(type="usage", key="u", account="new", at=T0), new)
    ids = quarantine.held_ids(conn)
    result = quarantine.release(conn, ids, WORKSPACE, by="kim", now=T0)
    assert (sorted(result.released), result.stays) == (ids, {})
    assert conn.execute(sa.text("select count(*) from event join account on account.id = account_id")).scalar() == 1


def test_released_it_comes_in_once_nothing_is_in_its_way(conn):
    told(conn, metric(7.0, account="late", at=T0), metric(at=T0 + timedelta(days=90)))
    late, ahead = (one.id for one in quarantine.list_held(conn).items)
    result = quarantine.release(conn, [late, ahead], WORKSPACE, by="kim", now=T0)
    assert result.released == (ahead,)  # only odd: a person has looked at it
    assert "no account" in result.stays[late]
    told(conn, AccountFact(key="late"))
    assert quarantine.release(conn, [late], WORKSPACE, by="kim", now=T0).released == (late,)
    values = conn.execute(sa.select(schema.account_value.c.value).where(schema.account_value.c.field == "metric.nps"))
    assert sorted(values.scalars()) == [1.0, 7.0]
    assert quarantine.count_held(conn) == {}


def test_a_row_is_read_again_by_todays_workspace(conn):
    cells = {"key": "a", "day": "2024-04-30", "nps": "8"}
    row = quarantine.Aside(source="import scores", code="PB521", reason="r", file="scores.csv", line=3, cells=cells)
    broken = quarantine.Aside(
        source="import scores", code="PB521", reason="r", file="scores.csv", line=4, cells=cells | {"nps": "eight"}
    )
    gone = quarantine.Aside(source="import more", code="PB521", reason="r", file="more.csv", line=1, cells=cells)
    assert quarantine.put_aside(conn, [row, broken, gone, row], T0) == 3
    ids = quarantine.held_ids(conn)
    result = quarantine.release(conn, ids, WORKSPACE, by="kim", now=T0)
    assert result.released == (ids[0],)
    assert result.stays == {
        ids[1]: 'nps: "eight" is not a number',
        ids[2]: 'the deployed workspace has no "more" any more',
    }


def test_cells_that_json_cannot_hold_are_kept_as_text(conn):
    cells = {"a": float("nan"), "b": "x\x00y", "c": "\ud800", "d": T0, "e": 1.5}
    quarantine.put_aside(conn, [quarantine.Aside(source="import s", code="PB521", reason="r", cells=cells)], T0)
    (held,) = quarantine.list_held(conn).items
    assert held.content == {"a": "nan", "b": "x\\x00y", "c": "\\ud800", "d": str(T0), "e": 1.5}


def test_what_stays_after_another_try_names_its_column_once(conn):
    cells = {"key": "a", "day": "2024-04-30", "nps": "eight"}
    row = quarantine.Aside(source="import scores", code="PB521", part="day", reason="no date", cells=cells)
    quarantine.put_aside(conn, [row], T0)
    quarantine.release(conn, quarantine.held_ids(conn), WORKSPACE, by="kim", now=T0)
    (held,) = quarantine.list_held(conn).items
    assert (held.part, held.reason) == ("nps", '"eight" is not a number')


def test_a_row_that_can_be_read_now_and_is_odd_is_looked_at_before_it_comes_in(conn):
    cells = {"key": "a", "day": "2126-05-31", "nps": "8"}
    row = quarantine.Aside(source="import scores", code="PB521", part="nps", reason="no number", cells=cells)
    quarantine.put_aside(conn, [row], T0)
    [one] = quarantine.held_ids(conn)
    result = quarantine.release(conn, [one], WORKSPACE, by="kim", now=T0)
    assert result.stays == {
        one: "it is dated 2126-05-31, too far ahead of our clock; released once more, it comes in as it is"
    }
    (held,) = quarantine.list_held(conn).items
    assert (held.code, held.part, held.reason) == ("PB525", "", "it is dated 2126-05-31, too far ahead of our clock")
    assert quarantine.release(conn, [one], WORKSPACE, by="kim", now=T0).released == (one,)
