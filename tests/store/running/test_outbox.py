"""Starts and facts reach workers in order, each run one worker at a time, until they are delivered."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from store.running import outbox, runs
from tests.store.world import FALLS, START, World


@pytest.fixture
def world(database):
    """With the runs 1 and 2 of acme and bee."""
    world = World(database)
    world.deploy(risk=FALLS)
    for key in ("acme", "bee"):
        world.account(key, name=key)
        world.metric(key, "nps", 80.0)
    world.sweep()
    world.metric("bee", "nps", 50.0)
    world.day(nps=50.0)
    return world


def take(conn, limit=100):
    return [
        (batch.account_key, batch.start is not None, [fact["n"] for fact in batch.facts])
        for batch in outbox.batches(conn, limit)
    ]


def tell(world, run_id, kind="wake"):
    with world.tx() as conn:
        runs.tell(conn, run_id, kind, at=START)


def test_the_start_comes_first_with_all_a_workflow_needs(world):
    tell(world, 1)
    with world.tx() as conn:
        first, second = outbox.batches(conn)
        assert (first.run_id, first.workflow_id, first.playbook) == (1, "risk/acme/1", "risk")
        assert first.start is not None
        assert first.start.plan["playbook"] == "risk"
        assert (first.start.account_key, first.start.priority, first.start.at) == ("acme", 50, world.now)
        assert [fact["kind"] for fact in first.facts] == ["wake"]
        assert first.last_n == 2
        assert second.account_key == "bee"


def test_what_is_delivered_does_not_come_again(world):
    with world.tx() as conn:
        for batch in outbox.batches(conn):
            outbox.delivered(conn, batch.ids)
    tell(world, 2)
    with world.tx() as conn:
        assert take(conn) == [("bee", False, [2])]
        outbox.delivered(conn, outbox.batches(conn)[0].ids, note="the run had ended")
    with world.tx() as conn:
        assert take(conn) == []
    assert world.rows("select note from outbox where n = 2") == [("the run had ended",)]


def test_what_was_not_delivered_comes_again(world):
    with world.engine.connect() as conn:
        assert len(take(conn)) == 2
        conn.rollback()
    with world.tx() as conn:
        assert len(take(conn)) == 2


def test_workers_share_by_run_and_nobody_overtakes(world):
    with world.engine.connect() as one, world.engine.connect() as other:
        assert take(one, limit=1) == [("acme", True, [])]
        tell(world, 1)
        assert take(other) == [("bee", True, [])], "acme's later fact stays behind the worker that has its start"
        outbox.delivered(one, [id_ for (id_,) in world.rows("select id from outbox where run_id = 1 and n = 1")])
        one.commit()
        other.rollback()
        assert ("acme", False, [2]) in take(other)


def test_the_oldest_need_comes_first_and_the_limit_counts_runs(world):
    with world.tx() as conn:
        for batch in outbox.batches(conn):
            outbox.delivered(conn, batch.ids)
    tell(world, 2)
    tell(world, 1)
    tell(world, 2)
    with world.tx() as conn:
        assert take(conn, limit=1) == [("bee", False, [2, 3])]
    with world.tx() as conn:
        assert take(conn) == [("bee", False, [2, 3]), ("acme", False, [2])]


def delivered(world):
    with world.tx() as conn:
        for batch in outbox.batches(conn):
            outbox.delivered(conn, batch.ids)


def test_a_lost_run_is_started_again_and_told_what_it_had_not_heard_at_its_last_rest(world):
    for _ in range(2):
        tell(world, 1)
    delivered(world)
    with world.tx() as conn:
        runs.rest(conn, 1, heard=2, due_at=None, position={"clock": "then"})
        outbox.again(conn, 1)
    with world.tx() as conn:
        (batch,) = outbox.batches(conn)
        assert batch.start
        assert batch.start.position == {"clock": "then"}
        assert [fact["n"] for fact in batch.facts] == [3]


def test_what_was_delivered_in_the_last_moments_is_told_again(world):
    for _ in range(2):
        tell(world, 1)
    tell(world, 2)
    delivered(world)
    with world.tx() as conn:
        conn.execute(sa.text("update outbox set delivered_at = delivered_at - interval '1 hour' where n = 2"))
        assert outbox.tell_latest_again(conn, timedelta(seconds=30)) == 1
        assert take(conn) == [("acme", False, [3])]
