"""Starts by hand are judged like every other crossing, at once, and never double."""

import hashlib
import threading

import pytest

from store.deciding.enrolment import CannotEnrol, enrol
from tests.store.world import FALLS, World

HAND = "triggers: [{ manual: true }]\n"
GROUP = "entry: {{ exclusive: attention, on_conflict: {0} }}\n"


@pytest.fixture
def world(database):
    return World(database)


def settle(world):
    world.account("acme", name="Acme")
    world.day(nps=80.0)


def start_by_hand(world, playbook, key="acme"):
    with world.tx() as conn:
        return enrol(conn, playbook, key, by="kim")


def test_a_person_starts_a_run_at_once(world):
    world.deploy(risk=HAND)
    settle(world)
    ruled = start_by_hand(world, "risk")
    assert (ruled.ruling.state, ruled.run_id) == ("started", 1)
    again = start_by_hand(world, "risk")
    assert (again.ruling.state, again.ruling.why) == ("not_started", "already running (run 1 of risk)")


@pytest.mark.parametrize(
    ("playbook", "key", "kind"),
    [("rsk", "acme", "unknown_playbook"), ("risk", "nobody", "unknown_account"), ("other", "acme", "not_by_hand")],
)
def test_a_start_by_hand_that_cannot_be_is_refused(world, playbook, key, kind):
    world.deploy(risk=HAND, other=FALLS)
    settle(world)
    refused = start_by_hand(world, playbook, key)
    assert isinstance(refused, CannotEnrol)
    assert refused.kind == kind
    assert world.crossings() == []


def test_an_account_no_sweep_has_seen_is_not_known_to_be_in_the_audience(world):
    world.deploy(risk=HAND)
    world.account("acme", name="Acme")
    ruled = start_by_hand(world, "risk")
    assert ruled.ruling.state == "not_started"
    assert ruled.ruling.why.startswith("not known to be in the audience")


def test_many_people_at_once_start_one_run_each_group(world):
    world.deploy(a=GROUP.format("wait") + HAND, b=GROUP.format("wait") + HAND)
    settle(world)
    rulings = []

    def press(playbook):
        rulings.append(start_by_hand(world, playbook).ruling.state)

    people = [threading.Thread(target=press, args=(name,)) for name in "abab"]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert rulings.count("started") == 1
    assert len(world.runs()) == 1


def test_a_start_that_loses_against_one_not_yet_committed_waits_for_it(world):
    world.deploy(risk=HAND)
    settle(world)
    states = []
    with world.engine.connect() as first:
        enrol(first, "risk", "acme", by="kim")
        second = threading.Thread(target=lambda: states.append(start_by_hand(world, "risk").ruling.why))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        first.commit()
        second.join()
    assert states == ["already running (run 1 of risk)"]


@pytest.mark.parametrize(
    ("key", "id_"),
    [
        ("acme", "risk/acme/1"),
        ("x" * 200, f"risk/{hashlib.sha256(b'x' * 200).hexdigest()[:16]}/1"),
        ("é" * 96, f"risk/{'é' * 96}/1"),
        ("é" * 97, f"risk/{hashlib.sha256(('é' * 97).encode()).hexdigest()[:16]}/1"),
    ],
)
def test_a_workflow_id_fits_into_200_bytes(world, key, id_):
    world.deploy(risk=HAND)
    world.account(key, name="Acme")
    world.sweep()
    start_by_hand(world, "risk", key)
    assert world.rows("select workflow_id from run") == [(id_,)]
