from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, EventFact
from store import schema
from store.intake.arriving import arrive, next_arrival, stage

T0 = datetime(2024, 5, 1, tzinfo=UTC)


def day(n):
    return T0 + timedelta(days=n)


@pytest.fixture
def conn(scratch):
    return scratch


ACCOUNT = AccountFact(key="acme", fields={"account.name": "Acme", "account.seats": 5, "account.vip": True})


def used(n):
    return EventFact(type="usage", account="acme", at=day(n), props={"n": n, "beta": False, "note": None})


def test_facts_arrive_in_order_each_as_learned_at_its_own_instant(conn):
    stage(conn, [(used(3), day(3)), (ACCOUNT, day(1)), (used(2), day(2))])
    assert next_arrival(conn) == day(1)
    assert arrive(conn, day(2)).counts == {"account": 1, "event": 1}
    assert next_arrival(conn) == day(3)
    assert arrive(conn, day(30)).counts == {"event": 1}
    learned = conn.execute(sa.select(schema.event.c.at, schema.event.c.learned_at).order_by("at")).all()
    assert learned == [(day(2), day(2)), (day(3), day(3))]
    assert next_arrival(conn) is None


def test_a_fact_comes_back_from_staging_as_it_went_in(conn):
    stage(conn, [(ACCOUNT, day(1)), (used(2), day(2))])
    arrive(conn, day(2))
    props = conn.execute(sa.select(schema.event.c.props)).scalar()
    assert props == {"n": 2, "beta": False, "note": None}
    values = {row.field: row.value for row in conn.execute(sa.select(schema.account_value))}
    assert values == {"account.name": "Acme", "account.seats": 5, "account.vip": True}


def test_staging_again_adds_nothing(conn):
    facts = [(ACCOUNT, day(1)), (used(2), day(2)), (used(2), day(2))]
    assert stage(conn, facts) == (True, True, False)
    assert stage(conn, facts) == (False, False, False)
    assert stage(conn, []) == ()


def test_nothing_due_is_nothing_done(conn):
    stage(conn, [(ACCOUNT, day(1))])
    assert arrive(conn, T0).taken == 0
    assert conn.execute(sa.select(sa.func.count()).select_from(schema.change)).scalar() == 0
