"""The projection against the Python back end, and day by day against all at once."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.expressions import Scope, parse_expression
from engine.facts import AccountFact, ContactFact, EventFact, MetricFact, RecordFact
from engine.workspace import load_workspace
from store import schema
from store.current import freshness
from store.current.columns import account_now_table, ensure_columns
from store.current.contributions import contributions_of
from store.current.projection import project, project_on
from store.current.sight import read_ground
from store.deciding.taking import take_work
from store.expressions.zones import zones_in_use
from store.intake import take_in, take_in_dated

T0 = datetime(2024, 5, 1, tzinfo=UTC)

TENURE = b"""
name: W
zone: UTC
fields:
  account.plan: { type: choice, of: [basic, pro] }
  account.vip: bool
  account.last_qbr: date
  account.seen_at: instant
  account.arr: { from: sum(subscription.arr where active) }
  account.renewal_date: { from: 'min(next_anniversary(subscription.start) where active and billing == "annual")' }
  account.lifecycle:
    from:
      prospect: count(subscription) == 0
      churned: account.arr == 0
      live: account.arr > 0
records:
  subscription: { arr: number, billing: text }
  ticket: { csat: number }
events:
  usage: { n: number, feature: text }
metrics:
  nps: number
  uses: sum(event.usage.n, 5 days)
  features: count_distinct(event.usage.feature, 9 days)
  csat: avg(ticket.csat, 6 days)
  open_tickets: count(ticket where open)
  per_arr: metric.uses / account.arr
  qbr_age: days_since(account.last_qbr)
  fans: count(contact where name != "Nobody")
  recent: count(event.usage where at > account.seen_at)
feeds:
  usage: { stale_after: 4 days }
"""
HEALTH = b"""
scorecard: health
applies_to: account.lifecycle == "live"
components:
  - { id: uses, metric: uses, scale: { 0: 0, 10: 100 }, weight: 3 }
  - { id: csat, metric: csat, scale: { 1: 0, 5: 100 }, weight: 1, missing: 50 }
  - { id: nps, metric: nps, bands: { 0..6: 10, 7..10: 100 }, weight: 2, stale_after: 3 days }
  - { id: qbr, expr: "metric.qbr_age <= 7", weight: 1 }
bands: { red: 0..<40, yellow: 40..<70, green: 70..100 }
minimum_known: 30%
"""
WORKSPACE = load_workspace({"tenure.yaml": TENURE, "scorecards/health.yaml": HEALTH})
SCOPE = Scope(catalogue=WORKSPACE.catalogue())
EXTREMES = tuple(
    extreme
    for text in (
        "highest(health.score, 4 days) > 50",
        "lowest(metric.uses, 3 days) < 1",
        "highest(account.arr, 2 days) > 1",
        "trend(metric.uses, 4 days) > 0",
    )
    for extreme in parse_expression(text, SCOPE).extremes
)


def day(n):
    return T0 + timedelta(days=n)


@pytest.fixture
def conn(scratch):
    ensure_columns(scratch, WORKSPACE, EXTREMES)
    return scratch


def project_everyone(conn, now):
    conn.execute(sa.text("insert into work select id from account"))
    written = project(conn, WORKSPACE, now, EXTREMES)
    conn.execute(sa.text("delete from work"))
    return written


CONDITIONS = [parse_expression(f"{one.way}({one.field}, {one.window}) > 0", SCOPE) for one in EXTREMES]


def project_what_is_due(conn, since, now):
    """As a sweep does."""
    turned = freshness.turned(freshness.remembered(conn), freshness.alive(conn, WORKSPACE, now))
    zones = zones_in_use(conn)
    taken = take_work(conn, WORKSPACE, CONDITIONS, since=since, now=now, turned=turned, zones=zones)
    if taken is not None:
        ground, alive = read_ground(conn), freshness.alive(conn, WORKSPACE, now)
        project_on(conn, WORKSPACE, now, EXTREMES, taken.scope, ground=ground, alive=alive, touched=taken.touched)
    conn.execute(sa.text("delete from work"))
    return taken and taken.scope


def seen(conn, key="acme"):
    table = account_now_table(WORKSPACE, EXTREMES)
    query = sa.select(table).join(schema.account, schema.account.c.id == table.c.account_id)
    return dict(conn.execute(query.where(schema.account.c.key == key)).mappings().one())


def account(**fields):
    return AccountFact(key="acme", fields={f"account.{name}": value for name, value in fields.items()})


def subscription(key="s1", start=0, end=None, arr=1200.0, billing="annual"):
    ends_at = None if end is None else day(end)
    return RecordFact(
        record="subscription",
        key=key,
        account="acme",
        starts_at=day(start),
        ends_at=ends_at,
        props={"arr": arr, "billing": billing},
    )


def usage(n, at, feature="a"):
    return EventFact(type="usage", account="acme", at=at, props={"n": n, "feature": feature})


def test_told_values_have_their_types(conn):
    told = account(plan="pro", vip=True, last_qbr="2024-04-20", seen_at="2024-04-20T10:00:00+02:00", name="Acme")
    take_in(conn, [told], known_at=day(0))
    project_everyone(conn, day(1))
    row = seen(conn)
    assert (row["account.plan"], row["account.vip"], row["account.name"]) == ("pro", True, "Acme")
    assert row["account.last_qbr"] == date(2024, 4, 20)
    assert row["account.seen_at"] == datetime(2024, 4, 20, 8, tzinfo=UTC)
    assert row["metric.qbr_age"] == 12


@pytest.mark.parametrize("odd", [5, True, "2024-02-31", "infinity", "today", "x", None, "2024-04-20 "])
def test_a_value_of_another_kind_is_unknown_and_never_an_error(conn, odd):
    take_in(conn, [account(last_qbr=odd, seen_at=odd)], known_at=day(0))
    project_everyone(conn, day(1))
    row = seen(conn)
    assert (row["account.last_qbr"], row["account.seen_at"], row["metric.qbr_age"]) == (None, None, None)


def test_a_number_beyond_reckoning_is_unknown(conn):
    take_in(conn, [account(), MetricFact(account="acme", metric="nps", value=1e300)], known_at=day(0))
    project_everyone(conn, day(1))
    assert seen(conn)["metric.nps"] is None


def test_computed_fields_follow_from_each_other_whatever_their_order_in_the_file(conn):
    take_in(conn, [account(), subscription(), usage(6, day(0))], known_at=day(0))
    project_everyone(conn, day(1))
    row = seen(conn)
    assert row["account.arr"] == 1200
    assert row["account.lifecycle"] == "live"
    assert row["account.renewal_date"] == date(2025, 5, 1)
    assert row["metric.per_arr"] == 6 / 1200


@pytest.mark.parametrize("counted", [0, 1e8])
def test_a_value_dated_ahead_counts_when_its_time_comes_whether_few_are_told_or_many(conn, counted):
    stats = "'schemaname', 'public', 'relname', 'account_value', 'reltuples', cast(:counted as real)"
    conn.execute(sa.text(f"select pg_restore_relation_stats({stats})"), {"counted": counted})
    take_in(conn, [account(plan="basic")], known_at=day(0))
    later = AccountFact(key="acme", fields={"account.plan": "pro"}, at=day(3))
    take_in(conn, [later], known_at=day(0))
    project_everyone(conn, day(2))
    assert seen(conn)["account.plan"] == "basic"
    conn.execute(sa.delete(schema.change))
    project_what_is_due(conn, day(2), day(3))
    assert seen(conn)["account.plan"] == "pro"


def test_a_window_is_open_at_its_start_and_closed_at_its_end(conn):
    take_in(conn, [account(), usage(1, day(0)), usage(10, day(5))], known_at=day(0))
    uses = []
    for now in (day(5) - timedelta(seconds=1), day(5)):
        project_everyone(conn, now)
        uses.append(seen(conn)["metric.uses"])
    assert uses == [None, 10]  # the feed had been silent for four days at first


def test_a_count_over_a_silent_feed_is_unknown_for_everyone_until_it_speaks(conn):
    take_in(conn, [account(), AccountFact(key="other"), usage(1, day(0))], known_at=day(0))
    project_everyone(conn, day(1))
    conn.execute(sa.delete(schema.change))
    assert (seen(conn)["metric.uses"], seen(conn, "other")["metric.uses"]) == (1, 0)
    project_what_is_due(conn, day(1), day(4))
    assert (seen(conn)["metric.uses"], seen(conn, "other")["metric.uses"]) == (None, None)
    take_in(conn, [usage(2, day(4.5))], known_at=day(4.5))
    project_what_is_due(conn, day(4), day(5))
    assert (seen(conn)["metric.uses"], seen(conn, "other")["metric.uses"]) == (2, 0)


def test_only_rows_that_differ_are_written(conn):
    take_in(conn, [account(), AccountFact(key="other", fields={"account.name": "O"}), subscription()], known_at=day(0))
    assert project_everyone(conn, day(1)) == 2
    assert project_everyone(conn, day(1)) == 0
    take_in(conn, [account(plan="pro")], known_at=day(1))
    assert project_everyone(conn, day(1)) == 1


def test_scores_are_kept_in_history_when_value_or_band_changes(conn):
    take_in(conn, [account(), subscription(), usage(10, day(0))], known_at=day(0))
    project_everyone(conn, day(1))
    project_everyone(conn, day(2))
    take_in(conn, [usage(1, day(2))], known_at=day(2))
    project_everyone(conn, day(5.5))
    history = conn.execute(sa.select(schema.score, contributions_of().label("contributions")).order_by("id")).all()
    assert [(row.value, row.band, row.at) for row in history] == [(87.5, "green", day(1)), (20.0, "red", day(5.5))]
    assert history[0].known_weight == 3 / 7
    assert history[0].contributions == [
        {"id": "uses", "value": 10, "points": 100, "weight": 3, "state": "known"},
        {"id": "csat", "value": None, "points": 50, "weight": 1, "state": "missing"},
        {"id": "nps", "value": None, "points": None, "weight": 2, "state": "missing"},
        {"id": "qbr", "value": None, "points": None, "weight": 1, "state": "missing"},
    ]
    assert seen(conn)["health.since"] == day(5.5)


def test_the_highest_value_in_force_counts_the_one_at_the_windows_start(conn):
    highest = "highest(account.arr, 2 days)"
    take_in(conn, [account(), subscription(end=3), subscription("s2", arr=100.0)], known_at=day(0))
    found = []
    for n in range(1, 7):
        project_everyone(conn, day(n))
        found.append((seen(conn)["account.arr"], seen(conn)[highest]))
    # It falls at day 3; what was in force until then leaves the window when that instant reaches its start.
    assert found == [(1300, 1300), (1300, 1300), (100, 1300), (100, 1300), (100, 100), (100, 100)]


def test_a_retyped_field_starts_anew(conn):
    take_in(conn, [account(plan="pro")], known_at=day(0))
    project_everyone(conn, day(1))
    other = load_workspace({"tenure.yaml": b"name: W\nfields: { account.plan: number }\n"})
    assert "account.plan" in ensure_columns(conn, other)
    assert ensure_columns(conn, other) == ()
    conn.execute(sa.text("insert into work select id from account"))
    project(conn, other, day(1))
    assert conn.execute(sa.text('select "account.plan" from account_now')).scalar() is None


INSTANTS = st.integers(0, 12 * 8).map(lambda eighths: day(eighths / 8))
FACTS = st.lists(
    st.one_of(
        st.builds(usage, st.integers(0, 9), INSTANTS, st.sampled_from("abc")),
        st.builds(
            lambda key, start, length, arr: subscription(key, start, start + length if length else None, arr),
            st.sampled_from(["s1", "s2", "s3"]),
            st.integers(0, 10),
            st.integers(0, 5),
            st.integers(0, 3).map(float),
        ),
        st.builds(
            lambda key, start, csat: RecordFact(
                record="ticket",
                key=key,
                account="acme",
                starts_at=day(start),
                ends_at=day(start + 2),
                props={"csat": csat},
            ),
            st.sampled_from(["t1", "t2"]),
            st.integers(0, 10),
            st.integers(1, 5),
        ),
        st.builds(
            lambda value, at: MetricFact(account="acme", metric="nps", value=value, at=at), st.integers(0, 10), INSTANTS
        ),
        st.builds(
            lambda at, qbr: AccountFact(key="acme", fields={"account.last_qbr": qbr.date().isoformat()}, at=at),
            INSTANTS,
            INSTANTS,
        ),
        st.builds(
            lambda key, name: ContactFact(account="acme", key=key, name=name),
            st.sampled_from("cd"),
            st.sampled_from(["Ann", "Nobody"]),
        ),
    ),
    max_size=12,
)
ZONES = st.sampled_from([None, "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "Mars/Base"])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS, learned=st.lists(st.integers(0, 11), min_size=12, max_size=12), zone=ZONES)
def test_day_by_day_comes_to_the_same_as_all_at_once(conn, facts, learned, zone):
    """What changed and what came due is enough: no value is left behind by time passing without a fact."""
    whole = conn.begin_nested()
    take_in(conn, [account(zone=zone), AccountFact(key="other")], known_at=day(0))
    told = sorted(zip(facts, learned, strict=False), key=lambda pair: pair[1])
    for n in range(13):
        take_in_dated(conn, ((fact, day(n)) for fact, at in told if at == n))
        project_what_is_due(conn, day(n - 1) if n else None, day(n))
    step_by_step = seen(conn), seen(conn, "other")
    changed = [project_everyone(conn, day(12))]
    changed += [project(conn, WORKSPACE, day(12), EXTREMES, scope) for scope in ("all", "anew")]
    assert (seen(conn), seen(conn, "other")) == step_by_step
    assert changed == [0, 0, 0]
    whole.rollback()


TOLD = {
    "a value": (MetricFact(account="acme", metric="nps", value=7.0), {"metric.nps", "metric.nps@at"}),
    "an event": (usage(5.0, T0), {"metric.uses", "metric.features"}),
    "a record": (
        RecordFact(record="ticket", key="t9", account="acme", starts_at=T0, ends_at=day(9), props={"csat": 2.0}),
        {"metric.csat", "metric.open_tickets"},
    ),
    "a contact": (ContactFact(account="acme", key="c9", name="Ann"), {"metric.fans"}),
}
BEHIND_ITS_BACK = """
    with value as (
        insert into account_value (account_id, field, value, at, learned_at)
        select id, 'metric.nps', '3', :at, :at from account where key = 'acme'
    ), happened as (
        insert into event (account_id, type, key, at, props, learned_at)
        select id, 'usage', 'hidden', :at, '{"n": 90, "feature": "z"}', :at from account where key = 'acme'
    ), kept as (
        insert into record (account_id, kind, key, starts_at, ends_at, props, at, learned_at)
        select id, 'ticket', 'hidden', :at, cast(:at as timestamptz) + interval '90 days', '{"csat": 4}', :at, :at
        from account where key = 'acme'
    )
    insert into contact (account_id, key, name, at, learned_at)
    select id, 'hidden', 'Bo', :at, :at from account where key = 'acme'
"""


@pytest.mark.parametrize("what", TOLD)
def test_only_what_was_touched_is_worked_out_again(conn, what):
    """Rows that no change row tells of show what was read: they are found wherever somebody looks."""
    take_in(conn, [account(vip=True, seen_at=day(2).isoformat())], known_at=T0)
    project_what_is_due(conn, None, T0)
    take_in(conn, [usage(0.0, T0)], known_at=T0)
    project_what_is_due(conn, T0, T0)
    before = seen(conn)
    conn.execute(sa.text(BEHIND_ITS_BACK), {"at": T0 - timedelta(hours=1)})
    fact, comes_of_it = TOLD[what]
    take_in(conn, [fact], known_at=T0)
    assert project_what_is_due(conn, T0, T0) == "some"
    differs = {name for name, value in seen(conn).items() if value != before[name]}
    looked_at = {name for name in before if name.startswith(("metric.", "lowest"))} & differs
    assert looked_at == comes_of_it
    assert before["account.vip"] is seen(conn)["account.vip"] is True


def test_a_new_day_reads_nothing_that_was_told(conn):
    take_in(conn, [account(zone="Asia/Tokyo", last_qbr=T0.date().isoformat()), usage(4.0, T0)], known_at=T0)
    since, midnight = T0, T0 + timedelta(hours=15)
    project_what_is_due(conn, None, since)
    conn.execute(sa.text(BEHIND_ITS_BACK), {"at": T0 - timedelta(hours=1)})
    assert project_what_is_due(conn, since, midnight) == "some"
    row = seen(conn)
    assert (row["metric.qbr_age"], row["metric.uses"], row["metric.nps"], row["metric.fans"]) == (1.0, 4.0, None, 0.0)
    assert project_everyone(conn, midnight) == 1, "asked for everything, it is found"
    assert seen(conn)["metric.uses"] == 94.0


def test_whoever_is_told_of_in_an_unknown_way_is_worked_out_whole(conn):
    take_in(conn, [account()], known_at=T0)
    project_what_is_due(conn, None, T0)
    conn.execute(sa.text(BEHIND_ITS_BACK), {"at": T0 - timedelta(hours=1)})
    conn.execute(
        sa.text("insert into change (account_id, touched) select id, t from account, unnest('{1,null}'::int[]) t")
    )
    project_what_is_due(conn, T0, T0)
    row = seen(conn)
    assert (row["metric.nps"], row["metric.uses"], row["metric.open_tickets"], row["metric.fans"]) == (3, 90, 1, 1)
