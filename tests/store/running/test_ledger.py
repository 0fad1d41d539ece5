"""Each act is done once, whoever asks and however often."""

import threading

import pytest

from engine.turns.runtime import Act, Receipt
from store.running.ledger import once
from tests.store.world import FALLS, World
from tests.waiting import PATIENCE


@pytest.fixture
def world(database):
    world = World(database)
    world.deploy(risk=FALLS)
    world.account("acme", name="Acme")
    world.metric("acme", "nps", 80.0)
    world.sweep()
    world.day(nps=50.0)
    return world


def act(step="call", visit=1, verb="task"):
    return Act(step=step, path="steps[0]", verb=verb, visit=visit, seq=1, params={})


class Doing:
    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return Receipt(outcome="done", values={"task": self.times}, reason="why")


def test_an_act_asked_again_answers_with_its_receipt(world):
    doing = Doing()
    with world.tx() as conn:
        first = once(conn, 1, act(), doing)
    with world.tx() as conn:
        assert once(conn, 1, act(), doing) == first == Receipt(outcome="done", values={"task": 1}, reason="why")
    assert doing.times == 1


@pytest.mark.parametrize(
    ("other", "recipient"), [(act(visit=2), ""), (act(verb="remind"), ""), (act(step="other"), ""), (act(), "7")]
)
def test_another_visit_effect_step_or_recipient_is_another_act(world, other, recipient):
    doing = Doing()
    with world.tx() as conn:
        once(conn, 1, act(), doing)
        once(conn, 1, other, doing, recipient=recipient)
    assert doing.times == 2


def test_nothing_stays_of_an_act_that_broke(world):
    def break_down():
        raise RuntimeError("down")

    with pytest.raises(RuntimeError), world.tx() as conn:
        once(conn, 1, act(), break_down)
    doing = Doing()
    with world.tx() as conn:
        once(conn, 1, act(), doing)
    assert doing.times == 1


def test_of_two_performers_at_once_one_does_it_and_both_get_its_receipt(world):
    doing, receipts = Doing(), []
    inside, go_on = threading.Event(), threading.Event()

    def slowly():
        inside.set()
        assert go_on.wait(PATIENCE)
        return doing()

    def perform(do):
        with world.tx() as conn:
            receipts.append(once(conn, 1, act(), do))

    first = threading.Thread(target=perform, args=(slowly,))
    first.start()
    assert inside.wait(PATIENCE)
    second = threading.Thread(target=perform, args=(doing,))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert doing.times == 1
    assert receipts[0] == receipts[1]
