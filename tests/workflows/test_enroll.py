"""The act that starts another playbook: by the rules of entry, once however often it is performed."""

import pytest

from app.connectors import own_tasks
from engine.turns.runtime import Act, Receipt
from store.deciding.arbitration import Ruled
from store.deciding.enrolment import enrol
from store.deploying.deploy import pause
from tests.store.world import DAY, World
from workflows.activities import Activities
from workflows.ports import Ports
from workflows.wire import Performing

MANUAL = "triggers: [{ manual: true }]\n"
ALONE = MANUAL + "entry: { exclusive: attention }\n"


@pytest.fixture
def world(database):
    """With run 1 of first for acme."""
    world = World(database)
    world.deploy(first=ALONE, second=MANUAL, rival=ALONE, timed="triggers: [{ date: account.renewal_date }]\n")
    world.account("acme", lifecycle="live")
    world.sweep()
    with world.tx() as conn:
        started = enrol(conn, "first", "acme", by="kim")
    assert isinstance(started, Ruled)
    assert started.run_id == 1
    return world


def enroll(world: World, playbook: str, step: str = "next", visit: int = 1) -> Receipt:
    acts = Activities(world.engine, Ports(tasks=own_tasks, transports=dict))
    act = Act(step=step, path="steps[0]", verb="enroll", visit=visit, seq=1, params={"playbook": playbook})
    return acts.perform(Performing(run_id=1, at=world.now, act=act))


def test_another_playbook_starts_once_however_often_the_act_is_performed(world):
    receipts = [enroll(world, "second") for _ in range(3)]
    assert [receipt.values["outcome"] for receipt in receipts] == ["started"] * 3
    assert [(key, playbook) for _, key, playbook, _ in world.runs()] == [("acme", "first"), ("acme", "second")]
    ((reason,),) = world.rows("select reasons->0->>'says' from crossing where playbook = 'second'")
    assert reason == "started by first, run 1"


def test_another_visit_asks_again_and_one_that_runs_is_not_started(world):
    enroll(world, "second")
    again = enroll(world, "second", visit=2)
    assert (again.values["outcome"], again.reason) == ("not_started", "already running (run 2 of second)")


def test_what_may_not_start_now_is_held_and_starts_when_it_may(world):
    held = enroll(world, "rival")
    assert (held.values["outcome"], held.reason) == ("held", "run 1 of first holds the group attention")
    world.end(1)
    world.pass_time(DAY)
    world.sweep()
    assert [playbook for _, _, playbook, _ in world.runs()] == ["first", "rival"]


def test_a_paused_playbook_is_an_obstacle_like_any_other(world):
    with world.tx() as conn:
        pause(conn, "second")
    assert enroll(world, "second").values["outcome"] == "held"


@pytest.mark.parametrize(
    ("playbook", "why"), [("nothing", 'there is no playbook "nothing"'), ("timed", "timed cannot be started by hand")]
)
def test_what_is_not_there_or_not_to_be_started_is_an_outcome(world, playbook, why):
    receipt = enroll(world, playbook)
    assert (receipt.outcome, receipt.values["outcome"], receipt.reason) == ("done", "not_started", why)
