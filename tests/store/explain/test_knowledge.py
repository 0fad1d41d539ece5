"""What was known then: facts learned later never show, and agree with what the sweep itself had worked out."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact, ContactFact, EventFact, IncomingFact, MetricFact, RecordFact
from engine.mail.addresses import address_key
from engine.mail.consent import Consent
from engine.workspace import load_workspace
from store import consent, schema
from store.explain import explain
from store.explain.knowledge import account_as_known, told_at
from store.intake import take_in
from tests.store.world import World

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
WORKSPACE = load_workspace(
    {
        "tenure.yaml": b"""
name: Then
zone: Europe/Berlin
records: { subscription: { arr: number } }
events: { usage: { n: number } }
fields: { account.arr: { type: number, from: sum(subscription.arr where active) } }
metrics:
  nps: number
  uses: sum(event.usage.n, 7 days)
"""
    }
)


def day(n: float) -> datetime:
    return T0 + timedelta(days=n)


def subscription(arr: float, ends_at: datetime | None = None) -> RecordFact:
    return RecordFact(record="subscription", key="s", account="acme", starts_at=T0, ends_at=ends_at, props={"arr": arr})


STORY: list[tuple[float, IncomingFact]] = [
    (0, AccountFact(key="acme", fields={"account.name": "Acme", "account.segment": "enterprise"})),
    (0, ContactFact(account="acme", key="c", name="Ann", email="ann@acme.test", roles=("champion",))),
    (0, subscription(100.0)),
    (1, MetricFact(account="acme", metric="nps", value=9.0)),
    (2, EventFact(type="usage", key="u1", account="acme", at=day(2), props={"n": 3.0})),
    (3, MetricFact(account="acme", metric="nps", value=3.0, at=day(1.5))),
    (4, subscription(250.0)),
    (5, EventFact(type="usage", key="u2", account="acme", at=day(2.5), props={"n": 4.0})),
    (6, AccountFact(key="acme", fields={"account.segment": "self-serve"})),
]


@pytest.fixture
def conn(scratch):
    for n, fact in STORY:
        report = take_in(scratch, [fact], known_at=day(n))
        assert not report.problems
    return scratch


@pytest.mark.parametrize(
    ("at", "values"),
    [
        (0.5, {"account.segment": "enterprise", "metric.nps": None, "account.arr": 100.0, "metric.uses": 0.0}),
        (2.5, {"metric.nps": 9.0, "metric.uses": 3.0, "account.arr": 100.0}),
        (3.5, {"metric.nps": 3.0, "metric.uses": 3.0}),
        (4.5, {"account.arr": 250.0, "metric.uses": 3.0}),
        (5.5, {"metric.uses": 7.0, "account.segment": "enterprise"}),
        (6.5, {"account.segment": "self-serve"}),
        (20, {"metric.uses": 0.0, "account.arr": 250.0}),
    ],
)
def test_nothing_that_was_learned_later_shows(conn, at, values):
    account_id = conn.execute(sa.select(schema.account.c.id)).scalar_one()
    then = account_as_known(conn, WORKSPACE, account_id, day(at))
    assert {name: then.field(name) for name in values} == values


def test_values_tell_since_when_they_are_true_and_when_they_were_heard(conn):
    account_id = conn.execute(sa.select(schema.account.c.id)).scalar_one()
    assert told_at(conn, account_id, day(2.5))["metric.nps"] == (day(1), day(1))
    assert told_at(conn, account_id, day(3.5))["metric.nps"] == (day(1.5), day(3))


def test_a_simulation_hears_what_its_contacts_want(conn):
    account_id = conn.execute(sa.select(schema.account.c.id)).scalar_one()
    ann = address_key("ann@acme.test")
    consent.save(conn, ann, {"offers": True, "service": False}, day(2), source="page")
    consent.suppress(conn, [consent.Suppressing(address="ann@acme.test", reason="bounced")], day(3))

    def wanted(at: float) -> Consent:
        known = account_as_known(conn, WORKSPACE, account_id, day(at))
        return known.consent_of(known.recipients("champion", "first")[0])

    assert wanted(1) == Consent()
    said = Consent(said={"offers": True, "service": False})
    assert wanted(2) == said
    assert wanted(3).listed == ["bounced"]
    wants_none = ContactFact(
        account="acme", key="c", name="Ann", email="ann@acme.test", roles=("champion",), do_not_contact=True
    )
    assert not take_in(conn, [wants_none], known_at=day(4)).problems
    assert wanted(4).wants_none


def test_an_account_that_was_not_known_yet_is_not_explained(database):
    world = World(database, T0)
    world.deploy(WORKSPACE, calm="triggers:\n  - metric: nps\n    falls_below: 5\n")
    with world.tx() as conn:
        take_in(conn, [fact for _, fact in STORY[:1]], known_at=T0)
        assert explain(conn, "acme", T0, at=T0 - timedelta(minutes=1)) is None
        found = explain(conn, "acme", T0 + timedelta(days=1), at=T0)
        assert found is not None
        assert found.at == T0
        assert found.playbooks[0].triggers[0].memory == "not kept"
