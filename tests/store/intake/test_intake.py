import re
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, ContactFact, EventFact, MetricFact, PersonFact, RecordFact
from store import schema
from store.intake import events, take_in, take_in_dated, values
from tests.databases import engine_of
from tests.waiting import PATIENCE

T0 = datetime(2024, 5, 1, tzinfo=UTC)


def day(n):
    return T0 + timedelta(days=n)


@pytest.fixture
def conn(scratch):
    return scratch


def account(key="acme", at=None, **fields):
    return AccountFact(key=key, fields={f"account.{name}": value for name, value in fields.items()}, at=at)


def subscription(key="s1", *, at=None, ends_at=None, account="acme", **props):
    return RecordFact(
        record="subscription", key=key, account=account, starts_at=T0, ends_at=ends_at, props=props, at=at
    )


def usage(key="u1", *, at=T0, account="acme", **props):
    return EventFact(type="usage", key=key, account=account, at=at, props=props)


def everything(conn):
    tables = [schema.account, schema.account_value, schema.contact, schema.person, schema.record, schema.event]
    return {table.name: conn.execute(sa.select(table).order_by(*table.primary_key)).all() for table in tables}


def changes(conn):
    return conn.execute(sa.select(schema.change.c.account_id, schema.change.c.event_id).order_by("id")).all()


FACTS = (
    account(name="Acme", segment="enterprise"),
    ContactFact(account="acme", key="c1", name="Ada Moreau", email="ada@acme.example", roles=("champion",)),
    PersonFact(key="kim", name="Kim Novak"),
    subscription(arr=1200),
    usage(n=3),
    MetricFact(account="acme", metric="nps", value=9),
)


def test_every_kind_of_fact_is_written_with_both_its_times(conn):
    report = take_in(conn, FACTS, known_at=day(2))
    assert report.counts == {"account": 1, "contact": 1, "event": 1, "metric": 1, "person": 1, "record": 1}
    assert report.taken == 6
    assert report.fresh == tuple(range(6))
    row = conn.execute(sa.select(schema.event)).one()
    assert (row.at, row.learned_at, row.props) == (T0, day(2), {"n": 3})
    values = conn.execute(sa.select(schema.account_value).order_by("field")).all()
    assert [(value.field, value.value, value.at) for value in values] == [
        ("account.name", "Acme", day(2)),
        ("account.segment", "enterprise", day(2)),
        ("metric.nps", 9, day(2)),
    ]


def test_telling_everything_again_changes_nothing(conn):
    take_in(conn, FACTS, known_at=day(2))
    before, noted = everything(conn), changes(conn)
    report = take_in(conn, FACTS, known_at=day(3))
    assert (report.taken, report.repeats, report.problems) == (0, 6, ())
    assert everything(conn) == before
    assert changes(conn) == noted


def test_a_change_is_noted_per_touched_account_and_per_event(conn):
    take_in(conn, [account(), account("other"), *(usage(f"u{n}", n=n) for n in range(3))], known_at=day(1))
    noted = changes(conn)
    ids = {row.key: row.id for row in conn.execute(sa.select(schema.account))}
    assert sorted(row.account_id for row in noted if row.event_id is None) == sorted(ids.values())
    events = set(conn.execute(sa.select(schema.event.c.id)).scalars())
    assert {row.event_id for row in noted if row.event_id is not None} == events
    assert {row.account_id for row in noted if row.event_id is not None} == {ids["acme"]}


def test_listeners_hear_of_it_when_the_transaction_is_done(database):
    import psycopg

    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as listener:
        listener.execute("listen tenure_facts")
        engine = engine_of(database)
        with engine.begin() as conn:
            take_in(conn, [account()], known_at=T0)
        heard = list(listener.notifies(timeout=PATIENCE, stop_after=1))
    assert [note.channel for note in heard] == ["tenure_facts"]


def test_a_fact_about_an_unknown_account_is_refused_and_the_others_are_taken(conn):
    report = take_in(conn, [usage(account="nobody"), account(), usage()], known_at=day(1))
    assert [(refusal.n, refusal.why) for refusal in report.problems] == [(0, "unknown_account")]
    assert "nobody" in report.problems[0].message
    assert report.counts == {"account": 1, "event": 1}


class TestValues:
    def told(self, conn):
        rows = conn.execute(sa.select(schema.account_value).order_by("at", "id"))
        return [(row.value, row.at) for row in rows]

    def test_without_a_source_time_only_a_difference_is_news(self, conn):
        for n, word in enumerate(["a", "a", "b", "b", "a"]):
            take_in(conn, [account(segment=word)], known_at=day(n))
        assert self.told(conn) == [("a", day(0)), ("b", day(2)), ("a", day(4))]

    def test_a_source_time_places_a_value_in_the_past(self, conn):
        take_in(conn, [account(segment="now", at=day(5))], known_at=day(5))
        report = take_in(conn, [account(segment="before", at=day(1))], known_at=day(6))
        assert report.counts == {"account": 1}
        assert self.told(conn) == [("before", day(1)), ("now", day(5))]

    def test_another_value_of_the_same_instant_is_reported_and_the_first_stays(self, conn):
        take_in(conn, [account(segment="first", at=day(1))], known_at=day(1))
        report = take_in(conn, [account(segment="second", at=day(1))], known_at=day(2))
        assert [refusal.why for refusal in report.problems] == ["conflict"]
        assert "account.segment" in report.problems[0].message
        assert self.told(conn) == [("first", day(1))]

    def test_null_is_a_value(self, conn):
        take_in(conn, [account(segment="a")], known_at=day(0))
        take_in(conn, [account(segment=None)], known_at=day(1))
        assert take_in(conn, [account(segment=None)], known_at=day(2)).repeats == 1
        assert self.told(conn) == [("a", day(0)), (None, day(1))]

    def test_a_bare_date_is_midnight_in_the_accounts_zone(self, conn):
        facts = [account(zone="Asia/Tokyo"), MetricFact(account="acme", metric="nps", value=1, at=date(2024, 5, 3))]
        take_in(conn, facts, known_at=day(5))
        assert self.told(conn)[0] == (1, datetime(2024, 5, 2, 15, tzinfo=UTC))

    def test_several_values_of_one_field_in_one_list_are_judged_in_order(self, conn):
        told = [(account(segment=word), day(n)) for n, word in enumerate("abba")]
        report = take_in_dated(conn, told)
        assert (report.taken, report.repeats) == (3, 1)
        assert self.told(conn) == [("a", day(0)), ("b", day(1)), ("a", day(3))]


class TestRecords:
    def versions(self, conn):
        rows = conn.execute(sa.select(schema.record).order_by("id"))
        return [(row.props.get("arr"), row.at, row.superseded_at) for row in rows]

    def test_a_later_source_time_is_a_correction(self, conn):
        take_in(conn, [account(), subscription(arr=1, at=day(1))], known_at=day(1))
        report = take_in(conn, [subscription(arr=2, at=day(2))], known_at=day(3))
        assert (report.corrections, report.counts) == (1, {"record": 1})
        assert self.versions(conn) == [(1, day(1), day(3)), (2, day(2), None)]

    def test_an_earlier_one_is_kept_without_effect(self, conn):
        take_in(conn, [account(), subscription(arr=2, at=day(2))], known_at=day(2))
        report = take_in(conn, [subscription(arr=1, at=day(1))], known_at=day(3))
        assert (report.outdated, report.taken) == (1, 0)
        assert self.versions(conn) == [(2, day(2), None), (1, day(1), day(3))]
        assert take_in(conn, [subscription(arr=1, at=day(1))], known_at=day(4)).repeats == 1

    def test_other_content_of_the_same_instant_is_reported(self, conn):
        take_in(conn, [account(), subscription(arr=1, at=day(1))], known_at=day(1))
        report = take_in(conn, [subscription(arr=2, at=day(1))], known_at=day(2))
        assert [refusal.why for refusal in report.problems] == ["conflict"]
        assert self.versions(conn) == [(1, day(1), None)]

    def test_start_and_end_told_in_one_list_are_two_versions(self, conn):
        told = [subscription(arr=1, at=T0), subscription(arr=1, at=day(9), ends_at=day(9))]
        take_in(conn, [account(), *told], known_at=day(10))
        assert self.versions(conn) == [(1, T0, day(10)), (1, day(9), None)]
        assert take_in(conn, told, known_at=day(11)).repeats == 2

    def test_moving_to_another_account_touches_both(self, conn):
        take_in(conn, [account(), account("other"), subscription(at=day(1))], known_at=day(1))
        conn.execute(sa.delete(schema.change))
        take_in(conn, [subscription(account="other", at=day(2))], known_at=day(2))
        assert len({row.account_id for row in changes(conn)}) == 2


class TestEvents:
    def test_the_first_of_one_id_wins_and_another_content_is_reported(self, conn):
        report = take_in(conn, [account(), usage(n=1), usage(n=1), usage(n=2)], known_at=day(1))
        assert (report.counts, report.repeats) == ({"account": 1, "event": 1}, 1)
        assert [(refusal.n, refusal.why) for refusal in report.problems] == [(3, "conflict")]
        report = take_in(conn, [usage(n=3)], known_at=day(2))
        assert [refusal.why for refusal in report.problems] == ["conflict"]
        assert conn.execute(sa.select(schema.event.c.props)).scalars().all() == [{"n": 1}]

    def test_without_an_id_equal_content_is_the_same_event(self, conn):
        report = take_in(conn, [account(), usage(None, n=1), usage(None, n=1), usage(None, n=2)], known_at=day(1))
        assert (report.counts["event"], report.repeats) == (2, 1)


class TestPeople:
    def test_a_contact_changes_by_a_later_word_only(self, conn):
        def contact(name, at):
            return ContactFact(account="acme", key="c1", name=name, at=at)

        take_in(conn, [account(), contact("Ada", day(2))], known_at=day(2))
        assert take_in(conn, [contact("Old", day(1))], known_at=day(3)).outdated == 1
        assert take_in(conn, [contact("Ida", day(3))], known_at=day(3)).corrections == 1
        assert conn.execute(sa.select(schema.contact.c.name)).scalars().all() == ["Ida"]

    def test_of_colleagues_the_last_word_counts(self, conn):
        take_in(conn, [PersonFact(key="kim", name="Kim")], known_at=day(1))
        report = take_in(conn, [PersonFact(key="kim", name="Kim Novak", manager="lee")], known_at=day(1))
        assert report.corrections == 1
        assert conn.execute(sa.select(schema.person.c.name)).scalars().all() == ["Kim Novak"]


@pytest.mark.parametrize(
    ("shape", "statement"),
    [
        (values._SHAPE, values._LOCK),
        (values._SHAPE, values._DATED),
        (values._SHAPE, values._ANY),
        (events._SHAPE, events._LOCK),
        (events._SHAPE, events._WRITE),
    ],
)
def test_the_accounts_of_a_block_are_found_in_one_walk_over_their_keys(conn, shape, statement):
    for making in (
        "insert into account (key, learned_at) select 'A-' || n, now() from generate_series(1, 20000) as n",
        "analyze account",
        f"create temporary table {shape.table} ({shape.definition})",
    ):
        conn.exec_driver_sql(making)
    rest = ", ".join(f"null::{kind}" for kind in [*shape.columns.values()][2:])
    conn.exec_driver_sql(f"insert into {shape.table} select n, 'A-' || n, {rest} from generate_series(1, 2000) as n")
    conn.exec_driver_sql(f"analyze {shape.table} (n)")
    plan = conn.exec_driver_sql(f"explain {statement.many.text}").scalars().all()
    assert [line for line in plan if re.search(r"Seq Scan on account\b(?!_)", line)] == []
    assert [line.strip() for line in plan if "Index Cond: (key = " in line] == [
        "Index Cond: (key = ANY ((InitPlan 1).col1))"
    ]
