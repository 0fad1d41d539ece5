"""Where a virtual clock stops of itself."""

from datetime import timedelta

import pytest

from engine.facts import EventFact, MetricFact, RecordFact
from store.deciding.moments import next_moment
from tests.store.world import DAY, WORKSPACE, World, workspace

OF = workspace(WORKSPACE + "records: { subscription: { arr: number } }\nevents: { login: {} }\n")
STARTS = "triggers: [{ event: login }]"


@pytest.fixture
def world(database) -> World:
    world = World(database)
    world.deploy(OF, save=STARTS)
    world.account("acme", name="Acme")
    world.sweep()
    return world


def stops_after(world: World) -> timedelta | None:
    with world.tx() as conn:
        found = next_moment(conn, world.now)
    return None if found is None else found - world.now


def test_nothing_is_due_of_itself(world):
    assert stops_after(world) is None


@pytest.mark.parametrize(
    "fact",
    [
        lambda at: EventFact(type="login", account="acme", at=at),
        lambda at: MetricFact(account="acme", metric="nps", value=3.0, at=at),
        lambda at: RecordFact(record="subscription", key="s", account="acme", starts_at=at, props={"arr": 1.0}),
        lambda at: RecordFact(
            record="subscription", key="s", account="acme", starts_at=at - 9 * DAY, ends_at=at, props={"arr": 1.0}
        ),
    ],
    ids=["event", "metric", "record begins", "record ends"],
)
def test_the_clock_stops_where_a_fact_that_was_dated_ahead_begins_to_count_or_ends(world, fact):
    ahead = timedelta(hours=3)
    world.tell(fact(world.now + timedelta(seconds=1) + ahead))
    assert stops_after(world) == ahead


def test_an_event_dated_ahead_starts_its_playbook_when_it_comes(world):
    world.tell(EventFact(type="login", account="acme", at=world.now + timedelta(seconds=1, hours=3)))
    world.sweep()
    assert world.crossings() == []
    world.pass_time(stops_after(world))
    world.sweep()
    assert [state for _, _, state, _ in world.crossings()] == ["started"]
