"""The act that ends a run, performed again by a walk that has heard more than the one that was lost."""

import pytest

from app.connectors import own_tasks
from engine.turns.runtime import Act, Entry
from store.deciding.enrolment import enrol
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
