"""The outbox takes turns: nobody waits behind another playbook's crowd."""

import pytest

from engine.facts import AccountFact, MetricFact
from store.running import outbox
from store.telling import tell
from tests.store.world import FALLS, WORKSPACE, World, workspace


@pytest.fixture
def world(database):
    world = World(database)
    world.deploy(
        workspace(WORKSPACE + "breaker: { off: true }\n"),
        crowd=FALLS + "priority: 10\n",
        few=FALLS.replace("nps", "usage") + "priority: 90\n",
    )
    return world


def start(world, name, keys):
    world.tell(*(MetricFact(account=key, metric=name, value=80.0) for key in keys))
    world.sweep()
    world.tell(*(MetricFact(account=key, metric=name, value=10.0) for key in keys))
    return world.sweep().started


def playbooks(batches):
    return [one.playbook for one in batches]


def test_a_crowd_of_starts_holds_up_neither_other_playbooks_nor_facts_for_its_own_runs(world):
    keys = [f"a{n}" for n in range(60)]
    world.tell(*(AccountFact(key=key) for key in keys))
    assert start(world, "nps", keys[:2]) == 2
    with world.tx() as conn:
        first = outbox.batches(conn, 10)
        outbox.delivered(conn, [id_ for one in first for id_ in one.ids], None)
    assert start(world, "nps", keys[2:]) == 58
    assert start(world, "usage", keys[:3]) == 3
    with world.tx() as conn:
        assert tell(conn, first[0].run_id, "met", of="goal", at=world.now) == 1
    with world.tx() as conn:
        found = outbox.batches(conn, 12)
        assert playbooks(found)[:3] == ["few"] * 3  # of higher priority
        assert first[0].run_id in [one.run_id for one in found]
        assert len(found) == 3 + 1 + 4
        # Another worker takes what this one has not locked.
        with world.engine.begin() as other:
            again = outbox.batches(other, 12)
            assert playbooks(again) == ["crowd"] * 4
            assert not {one.run_id for one in again} & {one.run_id for one in found}


def test_all_is_delivered_in_the_end_and_once(world):
    keys = [f"a{n}" for n in range(30)]
    world.tell(*(AccountFact(key=key) for key in keys))
    start(world, "nps", keys)
    start(world, "usage", keys)
    seen = []
    with world.tx() as conn:
        while found := outbox.batches(conn, 7):
            seen += [one.run_id for one in found]
            outbox.delivered(conn, [id_ for one in found for id_ in one.ids], None)
    assert len(seen) == len(set(seen)) == 60
