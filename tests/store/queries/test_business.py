"""Measures on a small book that was worked out by hand; the sums stand beside the expectations."""

import pytest
import sqlalchemy as sa

from engine.workspace import load_workspace
from store import schema
from store.current.columns import ensure_columns
from store.postgres.pages import CursorError
from store.queries.business.answers import answers
from store.queries.business.at_risk import at_risk
from store.queries.business.book import Book as Business
from store.queries.business.drill import DRILLS, all_accounts_of, count_accounts_of, list_accounts_of
from store.queries.business.goal_rates import goal_rates
from store.queries.business.health import health, movement
from store.queries.business.intervals import Share, difference
from store.queries.business.late_tasks import late_tasks
from store.queries.business.lifetime_value import lifetime_value
from store.queries.business.past_values import NotKept
from store.queries.business.renewals import renewals
from store.queries.business.retention import retention
from tests.store.book import HEALTH, NOW, TENURE, Book, days

A_YEAR_AGO = NOW - days(365)

# key: (ARR a year ago, ARR now, band 30 days ago, band now, lifecycle, renewal)
BOOK = {
    "acme": (100.0, 120.0, "yellow", "green", "live", days(15)),
    "birch": (200.0, 150.0, "green", "red", "live", days(41)),
    "cedar": (50.0, 50.0, "red", "red", None, days(87)),
    "delta": (80.0, 80.0, "red", "red", "churned", days(10)),
    "elm": (None, 60.0, None, None, "onboarding", days(0)),
    "fir": (None, 10.0, None, None, "prospect", None),
    "gum": (None, None, "yellow", "yellow", "live", days(91)),
}
SCORES = {"red": 30.0, "yellow": 55.0, "green": 80.0}

PLAYBOOK = b"""
playbook: risk-recovery
title: Recover
owner: ops@example.test
triggers: [{ score: health, falls_below: 60, rearm_at: 68 }]
entry: { holdout: 20 % }
goal: { when: health.score >= 75, for: 7 days }
steps: [{ wait: 3 days }]
"""


@pytest.fixture
def book(scratch):
    return Book(scratch)


@pytest.fixture
def ids(book):
    """The book above, as sweeps would have left it."""
    found = {}
    for key, (then, now, before, band, lifecycle, _) in BOOK.items():
        found[key] = account_id = book.account(key, key.title())
        for field, value, at in (
            ("account.arr", then, A_YEAR_AGO - days(10)),
            ("account.arr", now, NOW - days(40)),
            ("account.lifecycle", lifecycle, NOW - days(20)),
        ):
            if value is not None:
                row = {"field": field, "value": value, "at": at, "learned_at": NOW}
                book.conn.execute(sa.insert(schema.account_value).values(account_id=account_id, **row))
        if before:
            book.score(account_id, SCORES[before], before, at=NOW - days(60))
        if band and band != before:
            book.score(account_id, SCORES[band], band, at=NOW - days(5))
    return found


@pytest.fixture
def business(book, ids):
    workspace = book.workspace()
    for key, (_, now, _, band, lifecycle, renewal) in BOOK.items():
        facts = {
            "account.name": key.title(),
            "account.arr": now,
            "account.lifecycle": lifecycle,
            "account.renewal_date": None if renewal is None else (NOW + renewal).date(),
            "account.csm": "kim" if key in ("acme", "delta") else "lee",
            "health.band": band,
            "health.score": SCORES.get(band or ""),
        }
        book.facts(ids[key], **facts)
    return Business(conn=book.conn, workspace=workspace, now=NOW)


def of(business, ids, *keys, **changes):
    """The same book, seen by somebody who may see these accounts alone."""
    mine = [ids[key] for key in keys]
    return Business(
        conn=business.conn, workspace=business.workspace, now=NOW, sees=lambda column: column.in_(mine), **changes
    )


def test_health_counts_customers_by_band(business):
    found = {band: (one.accounts, one.arr) for band, one in health(business).items()}
    # delta has churned and fir is a prospect; gum's ARR is unknown; elm was never scored.
    assert list(found.items()) == [
        ("red", (2, 200.0)),
        ("yellow", (1, 0.0)),
        ("green", (1, 120.0)),
        ("unknown", (1, 60.0)),
    ]


def test_movement_compares_with_the_band_of_30_days_ago(business):
    found = movement(business)
    assert found.moves == {("yellow", "green"): 1, ("green", "red"): 1}
    assert (found.up, found.down) == (1, 1)


def test_an_account_first_scored_since_then_is_new(business, book, ids):
    book.score(ids["elm"], 80.0, "green", at=NOW - days(3))
    book.conn.execute(
        sa.text("update account_now set \"health.band\" = 'green' where account_id = :id"), {"id": ids["elm"]}
    )
    found = movement(business)
    assert found.moves[("new", "green")] == 1
    assert (found.up, found.down) == (1, 1)


def test_arr_at_risk_is_that_of_the_worst_band(business):
    found = at_risk(business)
    # birch 150 and cedar 50, of 120 + 150 + 50 + 60 in the book.
    assert (found.band, found.accounts, found.arr, found.whole) == ("red", 2, 200.0, 380.0)
    assert (found.customers, found.without_arr) == (5, 1)
    assert found.share == pytest.approx(200 / 380)


def test_renewals_fall_into_the_first_window_that_holds_them(business):
    found = {one.within: (one.accounts, one.arr, one.at_risk, one.arr_at_risk) for one in renewals(business)}
    # acme in 15 days and elm today; birch in 41; cedar in 87; gum in 91 is too far; delta has left.
    assert found == {30: (2, 180.0, 0, 0.0), 60: (1, 150.0, 1, 150.0), 90: (1, 50.0, 1, 50.0)}


def test_retention_follows_the_customers_of_a_year_ago(business):
    found = retention(business)
    # Then: 100 + 200 + 50 + 80 = 430. Now: 120 + 150 + 50 + 0. Kept: 100 + 150 + 50 + 0.
    assert (found.cohort, found.arr_then, found.arr_now, found.arr_kept) == (4, 430.0, 320.0, 300.0)
    assert found.nrr == pytest.approx(320 / 430)
    assert found.grr == pytest.approx(300 / 430)
    assert found.parts == {"lost": 1, "shrunk": 1, "kept": 1, "grown": 1}
    assert found.churn == Share(n=1, of=4)


def test_who_had_churned_before_the_period_is_no_part_of_it(business, book, ids):
    gone = {"field": "account.lifecycle", "value": "churned", "at": A_YEAR_AGO - days(5), "learned_at": NOW}
    book.conn.execute(sa.insert(schema.account_value).values(account_id=ids["delta"], **gone))
    assert retention(business).cohort == 3


def test_retention_of_a_shorter_period_begins_with_what_was_paid_then(business, book, ids):
    found = retention(Business(conn=book.conn, workspace=business.workspace, now=NOW, days=30))
    # The new prices hold since 40 days, so elm is in and only delta moved: 120 + 150 + 50 + 80 + 60 + 10 (fir) then.
    assert (found.cohort, found.arr_then, found.arr_now) == (6, 470.0, 390.0)


def test_lifetime_value_divides_by_the_yearly_churn(business):
    found = lifetime_value(at_risk(business), retention(business), 365)
    # 380 over 4 customers with a known ARR is 95; one in four leaves in a year, so they stay four years.
    assert (found.arr_per_customer, found.yearly_churn, found.years, found.value) == (95.0, 0.25, 4.0, 380.0)
    half = lifetime_value(at_risk(business), retention(business), 182)
    assert half.yearly_churn == pytest.approx(1 - 0.75 ** (365 / 182))


def test_lifetime_value_says_nothing_where_nobody_left(business, ids):
    stayed = of(business, ids, "acme", "cedar")
    assert lifetime_value(at_risk(stayed), retention(stayed), 365).value is None


def test_late_tasks_are_counted_by_whom_they_are_for(business, book, ids):
    run = book.run(ids["acme"])
    kim, lee = book.person("kim", "Kim Novak"), book.person("lee", "Lee Ono")
    for n, (who, due, state) in enumerate(
        (
            (kim, -days(4), "open"),
            (kim, -days(1), "open"),
            (kim, days(1), "open"),
            (kim, -days(9), "done"),
            (lee, days(1), "open"),
            (None, -days(2), "open"),
        )
    ):
        book.task(run, ids["acme"], visit=n, assignee=who, due_at=NOW + due, state=state)
    found = [(one.assignee, one.name, one.late, one.open, one.oldest) for one in late_tasks(business)]
    assert found == [("kim", "Kim Novak", 2, 3, NOW - days(4)), ("", "nobody", 1, 1, NOW - days(2))]
    assert late_tasks(of(business, ids, "birch")) == []


def test_goal_rates_count_runs_and_compare_with_who_was_held_out(business, book, ids):
    book.playbook(PLAYBOOK, business.workspace)
    for outcome in ("goal", "goal", "goal", "end", "exit"):
        book.ended_run(ids["acme"], outcome=outcome)
    book.ended_run(ids["acme"], ended_at=NOW - days(400))
    book.run(ids["birch"])
    # Started: acme (80, at the goal) and birch (30). Held out: cedar (30); gum's second crossing does not count.
    for key, state in (("acme", "started"), ("birch", "started"), ("cedar", "held_out"), ("gum", "not_started")):
        book.crossing(ids[key], state=state)
    book.crossing(ids["acme"], state="started", at=NOW - days(2))
    [found] = goal_rates(business)
    assert (found.ended, found.open) == (Share(n=3, of=5), 1)
    assert found.comparison is not None
    assert (found.comparison.started, found.comparison.held_out) == (Share(n=1, of=2), Share(n=0, of=1))


def test_a_playbook_without_a_holdout_has_no_comparison(business, book, ids):
    book.playbook(PLAYBOOK, business.workspace)
    book.crossing(ids["acme"])
    [found] = goal_rates(business)
    assert (found.comparison, found.ended) == (None, Share(n=0, of=0))


def asked(book, account_id, score, *, kind="nps", address="ada@acme.example", ago=5.0):
    contact = book.contact(account_id, key=f"{address}-{ago}-{kind}")
    n = book.conn.execute(sa.select(sa.func.count()).select_from(schema.survey)).scalar_one()
    row = {"asks": kind, "question": "How likely?", "created_at": NOW - days(ago + 1), "closes_at": NOW + days(9)}
    said = {"score": score, "answered_at": NOW - days(ago)} if score is not None else {}
    ids = {"run_id": book.run(account_id, entry_key=str(n)), "step": "ask", "visit": n, "account_id": account_id}
    values = ids | {"contact_id": contact, "address": address} | row | said
    book.conn.execute(sa.insert(schema.survey).values(**values))


def test_nps_takes_the_last_answer_of_each_person(business, book, ids):
    asked(book, ids["acme"], 10, address="ada@x.example")
    asked(book, ids["acme"], 2, address="ada@x.example", ago=40)
    asked(book, ids["birch"], 9, address="bo@x.example")
    asked(book, ids["birch"], 7, address="cy@x.example")
    asked(book, ids["cedar"], 3, address="di@x.example")
    asked(book, ids["cedar"], None, address="ed@x.example")
    asked(book, ids["cedar"], 0, address="fe@x.example", ago=100)
    found = answers(business, "nps")
    # Ada 10, Bo 9, Cy 7, Di 3: two promoters and one detractor of four; five of six that were asked answered.
    assert (found.high, found.low, found.people, found.nps) == (2, 1, 4, 25.0)
    assert found.response == Share(n=5, of=6)


def test_csat_is_the_share_of_fours_and_fives(business, book, ids):
    for n, score in enumerate((5, 4, 3, 1)):
        asked(book, ids["acme"], score, kind="csat", address=f"p{n}@x.example", ago=n + 1)
    asked(book, ids["acme"], 10, address="ada@x.example")
    assert answers(business, "csat").csat == Share(n=2, of=4)
    assert answers(business, "nps").people == 1


def test_of_nothing_there_is_no_figure(book):
    empty = Business(conn=book.conn, workspace=book.workspace(), now=NOW)
    assert [one.accounts for one in health(empty).values()] == [0, 0, 0, 0]
    assert (at_risk(empty).share, retention(empty).nrr, answers(empty, "nps").nps) == (None, None, None)
    assert answers(empty, "csat").csat.value is None
    assert (late_tasks(empty), goal_rates(empty), movement(empty).moves) == ([], [], {})


# --- ARR out of subscriptions ----------------------------------------------------------------------------------------

SUBSCRIPTIONS = (
    TENURE
    + b"""
fields:
  account.arr: { type: number, from: sum(subscription.arr where active) }
records:
  subscription: { arr: number }
"""
)


def subscription(book, account_id, arr, start, end=None):
    n = book.conn.execute(sa.select(sa.func.count()).select_from(schema.record)).scalar_one()
    row = {"kind": "subscription", "key": f"s{n}", "props": {"arr": arr}, "at": NOW, "learned_at": NOW}
    ends = None if end is None else NOW + end
    book.conn.execute(
        sa.insert(schema.record).values(account_id=account_id, starts_at=NOW + start, ends_at=ends, **row)
    )


def test_arr_of_then_is_worked_out_as_the_workspace_defines_it(book):
    workspace = load_workspace({"tenure.yaml": SUBSCRIPTIONS, "scorecards/health.yaml": HEALTH})
    ensure_columns(book.conn, workspace, bits=4)
    acme, birch = book.account("acme"), book.account("birch")
    subscription(book, acme, 100, -days(500), -days(100))
    subscription(book, acme, 130, -days(100))
    subscription(book, birch, 40, -days(400), -days(30))
    subscription(book, birch, 70, -days(300), -days(200))
    book.facts(acme, **{"account.arr": 130.0})
    book.facts(birch, **{"account.arr": 0.0})
    found = retention(Business(conn=book.conn, workspace=workspace, now=NOW))
    # acme 100 → 130; birch 40 → 0, what it paid between does not count.
    assert (found.cohort, found.arr_then, found.arr_now, found.arr_kept) == (2, 140.0, 130.0, 100.0)


def test_arr_that_looks_back_over_a_window_has_no_past(book):
    text = TENURE + b"fields:\n  account.arr: { type: number, from: 'highest(metric.logins_30d, 30 days)' }\n"
    workspace = load_workspace({"tenure.yaml": text, "scorecards/health.yaml": HEALTH})
    ensure_columns(book.conn, workspace, bits=4)
    with pytest.raises(NotKept):
        retention(Business(conn=book.conn, workspace=workspace, now=NOW))


# --- from a figure to its accounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "group", "keys"),
    [
        ("health", "red", ["birch", "cedar"]),
        ("health", "unknown", ["elm"]),
        ("health", "all", ["birch", "acme", "elm", "cedar", "gum"]),
        ("health", "no such band", []),
        ("movement", "all", ["birch", "acme"]),
        ("movement", "up", ["acme"]),
        ("movement", "green.red", ["birch"]),
        ("at_risk", "all", ["birch", "cedar"]),
        ("renewals", "30", ["acme", "elm"]),
        ("renewals", "all", ["birch", "acme", "elm", "cedar"]),
        ("renewals", "'; drop table account", []),
        ("nrr", "all", ["birch", "acme", "delta", "cedar"]),
        ("grr", "shrunk", ["birch"]),
        ("logo_churn", "all", ["delta"]),
    ],
)
def test_a_figure_leads_to_its_accounts(business, measure, group, keys):
    drill = DRILLS[measure]
    assert [one.key for one in all_accounts_of(business, drill, group)] == keys
    assert [one.key for one in list_accounts_of(business, drill, group).items] == keys
    assert count_accounts_of(business, drill, group).accounts == len(keys)


def test_what_a_measure_adds_stands_beside_the_account(business):
    [lost] = all_accounts_of(business, DRILLS["logo_churn"], "all")
    assert (lost.key, lost.arr, lost.more) == ("delta", 80.0, {"arr_then": 80.0, "arr_now": 0.0})


def test_accounts_come_page_by_page(business):
    keys, after = [], None
    while True:
        page = list_accounts_of(business, DRILLS["health"], "all", after=after, limit=2)
        keys += [one.key for one in page.items]
        after = page.next
        if after is None:
            break
    assert keys == ["birch", "acme", "elm", "cedar", "gum"]
    with pytest.raises(CursorError):
        list_accounts_of(business, DRILLS["health"], "all", after="x_y")


@pytest.mark.parametrize("measure", list(DRILLS))
def test_nobody_sees_the_accounts_of_others(business, book, ids, measure):
    run = book.run(ids["birch"])
    book.task(run, ids["birch"], due_at=NOW - days(1))
    asked(book, ids["birch"], 9, kind="nps")
    asked(book, ids["birch"], 4, kind="csat", ago=3)
    mine = of(business, ids, "acme", "cedar")
    assert {one.key for one in all_accounts_of(mine, DRILLS[measure], "all")} <= {"acme", "cedar"}


def test_figures_are_of_the_accounts_one_may_see(business, ids):
    mine = of(business, ids, "acme", "delta")
    assert at_risk(mine).whole == 120.0
    assert retention(mine).arr_then == 180.0
    assert sum(one.accounts for one in health(mine).values()) == 1


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [
        # Worked examples: Newcombe 1998, table I, method 3.
        (Share(n=81, of=263), 0.2553, 0.3662),
        (Share(n=15, of=148), 0.0624, 0.1605),
        (Share(n=0, of=20), 0.0, 0.1611),
        (Share(n=1, of=29), 0.0061, 0.1718),
    ],
)
def test_wilsons_interval(share, low, high):
    assert share.interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        # The same, 1998b, table II, method 10.
        (Share(n=56, of=70), Share(n=48, of=80), 0.0524, 0.3339),
        (Share(n=9, of=10), Share(n=3, of=10), 0.1705, 0.8090),
        (Share(n=0, of=20), Share(n=0, of=10), -0.2775, 0.1611),
    ],
)
def test_newcombes_interval(one, other, low, high):
    found = difference(one, other)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.is_sure == (low > 0)


def test_a_share_of_nothing_is_not_known():
    assert Share(n=0, of=0).value is None
    assert Share(n=0, of=0).interval == (0.0, 1.0)
    assert difference(Share(n=1, of=2), Share(n=0, of=0)) is None
