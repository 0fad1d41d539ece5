from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from engine.expressions import Scope, parse_expression
from engine.facts import AccountFact, EventFact, MetricFact, RecordFact
from engine.workspace import load_workspace
from store import schema
from store.current.ageing import due_accounts, reads_the_clock
from store.current.columns import ensure_columns
from store.current.projection import project
from store.intake import take_in

T0 = datetime(2024, 5, 1, tzinfo=UTC)


def day(n):
    return T0 + timedelta(days=n)


def workspace(**parts):
    text = "name: W\nrecords: { visit: { n: number } }\nevents: { ping: { n: number }, pong: {} }\n"
    cards = {f"scorecards/{name}.yaml": card.encode() for name, card in parts.pop("cards", {}).items()}
    return load_workspace({"tenure.yaml": (text + "".join(parts.values())).encode(), **cards})


STILL = workspace()
WINDOW = workspace(metrics="metrics: { pings: 'count(event.ping, 5 days)', visits: 'count(visit, 4 days)' }\n")
DAILY = workspace(metrics="fields: { account.met: date }\nmetrics: { age: days_since(account.met) }\n")


def due(conn, workspace, since, until, *expressions):
    query = due_accounts(conn, workspace, since, until, expressions)
    keys = sa.select(schema.account.c.key).where(schema.account.c.id.in_(query)).order_by(schema.account.c.key)
    return list(conn.execute(keys).scalars())


@pytest.fixture
def conn(scratch):
    for one in (STILL, WINDOW, DAILY):
        ensure_columns(scratch, one)
    take_in(scratch, [AccountFact(key=key) for key in ("a", "b")], known_at=day(-50))
    return scratch


def ping(at, type_="ping"):
    return EventFact(type=type_, account="a", at=at)


def test_nothing_is_due_where_nothing_is_timed(conn):
    assert due(conn, STILL, day(0), day(1)) == []


def test_without_a_last_sweep_everyone_is_due(conn):
    assert due(conn, STILL, None, day(1)) == ["a", "b"]


@pytest.mark.parametrize(
    "fact",
    [
        ping(day(10)),
        RecordFact(record="visit", key="v", account="a", starts_at=day(10)),
        RecordFact(record="visit", key="v", account="a", starts_at=day(-40), ends_at=day(10)),
        AccountFact(key="a", fields={"account.name": "A"}, at=day(10)),
        MetricFact(account="a", metric="x", value=1, at=day(10)),
    ],
    ids=["event", "start", "end", "field", "metric"],
)
def test_what_was_dated_ahead_is_due_when_its_instant_comes(conn, fact):
    take_in(conn, [fact], known_at=day(0))
    second = timedelta(seconds=1)
    assert due(conn, STILL, day(9), day(10) - second) == []
    assert due(conn, STILL, day(10) - second, day(10)) == ["a"]
    assert due(conn, STILL, day(10), day(11)) == []


def test_an_event_is_due_when_it_leaves_a_window_somebody_looks_at(conn):
    take_in(conn, [ping(day(0)), ping(day(0), "pong")], known_at=day(0))
    assert due(conn, WINDOW, day(4), day(5)) == ["a"]
    assert due(conn, WINDOW, day(3), day(4)) == []
    assert due(conn, WINDOW, day(5), day(9)) == []
    assert due(conn, STILL, day(4), day(5)) == []


def test_a_record_leaves_a_window_by_its_start(conn):
    take_in(conn, [RecordFact(record="visit", key="v", account="a", starts_at=day(0))], known_at=day(0))
    assert due(conn, WINDOW, day(3), day(4)) == ["a"]


def test_a_kept_value_is_due_when_it_leaves_the_window_of_a_highest(conn):
    account_id = conn.execute(sa.select(schema.account.c.id).where(schema.account.c.key == "b")).scalar_one()
    conn.execute(sa.insert(schema.value_history).values(account_id=account_id, field="account.arr", at=day(0), value=1))
    highest = parse_expression("highest(account.arr, 7 days) > 5", Scope(catalogue=STILL.catalogue()))
    assert due(conn, STILL, day(6), day(7), highest) == ["b"]
    assert due(conn, STILL, day(6), day(7)) == []


def test_a_new_day_concerns_those_in_whose_zone_it_began(conn):
    take_in(conn, [AccountFact(key="b", fields={"account.zone": "Asia/Tokyo"})], known_at=day(-1))
    conn.execute(sa.text("insert into work select id from account"))
    project(conn, DAILY, day(0), [])
    conn.execute(sa.text("delete from work"))
    hours = [T0 + timedelta(hours=hour) for hour in (14, 16, 23, 24, 25)]
    turned = [due(conn, DAILY, since, until) for since, until in pairwise(hours)]
    assert turned == [["b"], [], ["a"], []]
    assert due(conn, DAILY, day(0), day(1)) == ["a", "b"]
    assert due(conn, STILL, day(0), day(1)) == []


def test_a_condition_of_a_playbook_may_read_the_day_as_well(conn):
    soon = parse_expression("days_until(account.renewal_date) < 60", Scope(catalogue=STILL.catalogue()))
    ensure_columns(conn, STILL)
    conn.execute(sa.text("insert into account_now (account_id) select id from account"))
    assert due(conn, STILL, day(0), day(1), soon) == ["a", "b"]


def test_a_pushed_metric_is_due_when_it_grows_stale(conn):
    card = """
scorecard: health
components: [{ id: x, metric: x, scale: { "0": 0, "9": 100 }, weight: 1, stale_after: 2 days }]
bands: { all: 0..100 }
"""
    stale = workspace(metrics="metrics: { x: number }\n", cards={"health": card})
    take_in(conn, [MetricFact(account="a", metric="x", value=1, at=day(0))], known_at=day(0))
    assert due(conn, stale, day(1), day(2)) == ["a"]
    assert due(conn, stale, day(2), day(3)) == []


def test_a_feed_that_falls_silent_or_speaks_again_concerns_everyone(conn):
    fed = workspace(feeds="feeds: { ping: { stale_after: 2 days } }\n")
    take_in(conn, [ping(day(0))], known_at=day(0))
    conn.execute(sa.text("insert into work select id from account"))
    project(conn, fed, day(1))
    assert due(conn, fed, day(1), day(1.5)) == []
    assert due(conn, fed, day(1.5), day(2)) == ["a", "b"]
    project(conn, fed, day(2))
    assert due(conn, fed, day(2), day(3)) == []
    # Learned late, but the feed lives: what the last projection saw decides, not what was true then.
    take_in(conn, [ping(day(1.9))], known_at=day(3))
    assert due(conn, fed, day(3), day(3.5)) == ["a", "b"]


@pytest.mark.parametrize(("text", "answer"), [("now > account.seen", True), ("today > account.met", False)])
def test_expressions_over_the_present_instant_are_known(text, answer):
    timed = workspace(fields="fields: { account.seen: instant, account.met: date }\n")
    assert reads_the_clock(parse_expression(text, Scope(catalogue=timed.catalogue()))) is answer
