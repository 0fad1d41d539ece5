"""A walk that comes to the end again, having heard more than the one that was lost with the end written."""

import pytest

from app.connectors import own_tasks
from engine.turns.runtime import Act, Entry
from store.deciding.enrolment import enrol
from store.running import runs
from tests.store.world import DAY, World
from workflows.activities import Activities
from workflows.ports import Ports
from workflows.wire import Performing


@pytest.fixture
def world(database):
    """With run 1 of first for acme."""
    world = World(database)
    world.deploy(first="triggers: [{ manual: true }]\n")
    world.account("acme", lifecycle="live")
    world.sweep()
    with world.tx() as conn:
        enrol(conn, "first", "acme", by="kim")
    return world


def end(world: World, seq: int, *heard: tuple[int, str]) -> list[tuple[int, str]]:
    """The lines of the trace then."""
    params = {"outcome": "end", "reason": "done", "withdraw": True}
    act = Act(step="end", path="end", verb="end", visit=1, seq=seq, params=params)
    entries = [Entry(seq=n, at=world.now, path=path, what="mail") for n, path in heard]
    acts = Activities(world.engine, Ports(tasks=own_tasks, transports=dict))
    acts.perform(Performing(run_id=1, at=world.now, act=act, entries=entries))
    world.pass_time(DAY)
    return world.rows("select seq, what || ' ' || path from trace order by seq")


@pytest.mark.parametrize(
    "more",
    [
        [(2, "steps[1]")],
        [(3, "steps[1]")],
        [(2, "steps[1]"), (3, "steps[2]"), (4, "steps[3]")],
        [(1, "steps[0]"), (2, "steps[1]"), (3, "steps[2]")],
    ],
)
def test_the_end_closes_the_trace_whatever_a_later_walk_has_heard_before_it(world, more):
    first = end(world, 2, (1, "steps[0]"))
    assert first == [(1, "mail steps[0]"), (2, "end end")]
    lines = end(world, 2 + len(more), *more)
    assert lines == end(world, 2 + len(more), *more), "performed once more, nothing changes"
    assert [n for n, _ in lines] == list(range(1, len(lines) + 1))
    assert lines[-1][1] == "end end"
    assert {path for _, path in lines} == {"mail steps[0]", "end end", *(f"mail {path}" for _, path in more)}
    assert len(lines) == len({path for _, path in lines})


def test_a_rest_before_the_end_is_come_to_again_stands_before_it_too(world):
    end(world, 2, (1, "steps[0]"))
    with world.tx() as conn:
        heard = [Entry(seq=n, at=world.now, path=f"steps[{n}]", what="mail") for n in (2, 3)]
        assert runs.rest(conn, 1, heard=1, due_at=None, entries=heard) is None
    lines = world.rows("select seq, what from trace order by seq")
    assert lines == [(1, "mail"), (2, "mail"), (3, "mail"), (4, "end")]


def test_a_run_that_ended_without_a_line_of_it_keeps_what_is_said_of_it(world):
    world.end(1)
    with world.tx() as conn:
        said = [Entry(seq=1, at=world.now, path="steps[0]", what="mail")]
        assert runs.rest(conn, 1, heard=1, due_at=None, entries=said) is None
    assert world.rows("select seq, what from trace") == [(1, "mail")]
