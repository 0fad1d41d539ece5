"""A driver waits until runs rest by being told, not by asking again and again."""

import pytest
import sqlalchemy as sa

from engine.turns.runtime import Waiting
from store import clock
from store.deciding.moments import restless
from store.running import runs
from tests.store.world import FALLS, START, World
from workflows import lookout as module
from workflows.lookout import Lookout

_WATCHED = Waiting(
    key="steps[0].until", condition={"text": "metric.nps >= 90", "type": "bool", "reads": {"metric.nps": "number"}}
)


@pytest.fixture
def world(database):
    """With one open run, 1, of acme, under a virtual clock."""
    world = World(database)
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme", arr=100.0)
    world.metric("acme", "nps", 80.0)
    world.sweep()
    world.day(nps=50.0)
    yield world
    world.engine.dispose()


@pytest.fixture
def lookout(world, monkeypatch):
    """It would sooner fail than look again because time has passed."""
    monkeypatch.setattr(module, "_LONGEST", 60.0)
    made = Lookout(world.engine)
    made.see(restless)
    yield made
    made.close()


def _rest(world, *waiting):
    with world.tx() as conn:
        runs.rest(conn, 1, heard=1, due_at=None, waiting=waiting)


def _end(world):
    with world.tx() as conn:
        runs.end(conn, 1, outcome="end", reason="done", at=START)


@pytest.mark.parametrize("comes_to", [_rest, _end])
def test_it_hears_that_a_run_rests_or_has_ended(world, lookout, comes_to):
    comes_to(world)
    lookout.wait_for([1])
    assert lookout.see(restless) == []


def test_a_run_that_watches_something_rests_when_nothing_of_it_is_there_already(world, lookout, monkeypatch):
    _rest(world, _WATCHED)
    monkeypatch.setattr(module, "_LONGEST", 0.0)
    lookout.wait_for([1])
    assert lookout.see(restless) == [1]
    with world.tx() as conn:
        runs.settled(conn, 1, stuck=False)
    monkeypatch.setattr(module, "_LONGEST", 60.0)
    lookout.wait_for([1])
    assert lookout.see(restless) == []


def test_under_the_real_clock_nobody_is_told(world, lookout):
    with world.tx() as conn:
        conn.execute(sa.text("update clock set instant = null"))
        assert not clock.is_virtual(conn)
    _rest(world)
    lookout.see(restless)
    driver = lookout.see(lambda conn: conn.connection.dbapi_connection)
    assert list(driver.notifies(timeout=0)) == []


def test_after_its_connection_broke_it_looks_and_hears_anew(world, lookout):
    with world.tx() as conn:
        other = "select pid from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
        conn.execute(sa.text(f"select pg_terminate_backend(pid, 60000) from ({other}) as others"))
    with pytest.raises(sa.exc.OperationalError):
        lookout.see(restless)
    lookout.see(restless)
    _rest(world)
    lookout.wait_for([1])
