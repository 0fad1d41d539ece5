"""A walk that comes to the end again, having heard more than the one that was lost with the end written."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.connectors import own_tasks
from engine.turns.runtime import Act, Entry, Receipt
from store.deciding.enrolment import enrol
from store.running import runs
from tests.store.world import DAY, World
from tests.waiting import PATIENCE, until
from workflows.activities import Activities
from workflows.acts import PERFORM
from workflows.acts.acting import Acting
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
    perform(world, Act(step="end", path="end", verb="end", visit=1, seq=seq, params=params), *heard)
    world.pass_time(DAY)
    return lines_of(world)


def perform(world: World, act: Act, *heard: tuple[int, str]) -> Receipt:
    entries = [Entry(seq=n, at=world.now, path=path, what="mail") for n, path in heard]
    acts = Activities(world.engine, Ports(tasks=own_tasks, transports=dict))
    return acts.perform(Performing(run_id=1, at=world.now, act=act, entries=entries))


def lines_of(world: World) -> list[tuple[int, str]]:
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


GIVE = Act(
    step="call",
    path="steps[0]",
    verb="task",
    visit=1,
    seq=1,
    params={"title": "Call", "description": "", "checklist": [], "outcomes": [], "assign": "csm", "due": None},
)


def test_what_another_walk_does_while_the_run_is_ended_is_not_done(world, monkeypatch):
    """Its worker was thought dead, and has begun while the run was open: nobody would take its task back any more."""
    give = PERFORM["task"]

    def give_and_be_overtaken(acting: Acting, act: Act) -> Receipt:
        receipt = give(acting, act)
        end(world, 1)
        return receipt

    monkeypatch.setitem(PERFORM, "task", give_and_be_overtaken)
    with pytest.raises(Exception, match="run 1 was ended while call was done"):
        perform(world, GIVE)
    assert world.rows("select id from task") == []
    assert perform(world, GIVE).reason == "the run has ended", "as Temporal asks again"
    assert lines_of(world) == [(1, "task steps[0]"), (2, "end end")]


def test_a_walk_that_comes_to_the_end_while_another_is_ending_the_run_leaves_the_end_last(world, monkeypatch):
    """They end it with one receipt; the second has heard more, and may write only what leads to the end."""
    ends, begun, go_on = PERFORM["end"], threading.Event(), threading.Event()

    def end_slowly(acting: Acting, act: Act) -> Receipt:
        receipt = ends(acting, act)
        begun.set()
        assert go_on.wait(PATIENCE)
        return receipt

    def second_waits() -> bool:
        waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        return bool(world.rows(waiting))

    monkeypatch.setitem(PERFORM, "end", end_slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(end, world, 1)
        assert begun.wait(PATIENCE)
        second = pool.submit(end, world, 3, (1, "steps[0]"), (2, "steps[1]"))
        until(second_waits)
        go_on.set()
        first.result(PATIENCE), second.result(PATIENCE)
    assert lines_of(world) == [(1, "mail steps[0]"), (2, "mail steps[1]"), (3, "end end")]
