from dataclasses import replace
from typing import cast

from temporalio.client import Client

from engine.facts import AccountFact, MetricFact
from store.deciding import breaker
from tests.e2e.test_equality import stored_ports
from tests.store.world import FALLS, WORKSPACE, World, workspace
from workflows.driver import Driver
from workflows.owner_mail import tell_owners
from workflows.ports import STREAM


class Post:
    """A transport that keeps what it is given, and may be away."""

    at_once = 1

    def __init__(self):
        self.mails, self.away = [], False

    def deliver(self, mail, hand_over):
        from connectors.email.port import Accepted
        from connectors.errors import Unavailable

        if self.away:
            raise Unavailable("away")
        hand_over()
        self.mails.append(mail)
        return Accepted()

    def look_up(self, message_id):
        return None

    def close(self):
        pass


KEYS = [f"a{n}" for n in range(5)]


def world_before_a_fall(database: str) -> World:
    world = World(database)
    sender = "sender: { name: Team, address: team@corp.test }\n"
    world.deploy(workspace(WORKSPACE + "breaker: { at_least: 1 }\n" + sender), risk=FALLS)
    world.tell(
        *(AccountFact(key=key) for key in KEYS), *(MetricFact(account=key, metric="nps", value=80) for key in KEYS)
    )
    world.sweep()
    return world


async def test_driving_a_clock_tells_the_owner_as_well(database):
    world, post = world_before_a_fall(database), Post()
    nobody = cast("Client", None)  # there is nothing to deliver
    driver = Driver(world.engine, nobody, replace(stored_ports(), transports=lambda: {STREAM: post}))
    await driver.settle(world.now)
    assert post.mails == []
    world.tell(*(MetricFact(account=key, metric="nps", value=0) for key in KEYS))
    await driver.settle(world.now)
    await driver.settle(world.now)
    assert [mail.subject for mail in post.mails] == ["Held back: 5 starts of risk"]
    await driver.close()


def test_the_owner_is_written_to_once_the_provider_is_there(database):
    world, post = world_before_a_fall(database), Post()
    assert tell_owners(world.engine, post) == 0
    world.tell(*(MetricFact(account=key, metric="nps", value=0) for key in KEYS))
    assert world.sweep().held == 5
    post.away = True
    assert tell_owners(world.engine, post) == 0
    post.away = False
    assert [tell_owners(world.engine, post) for _ in range(2)] == [1, 0]
    (mail,) = post.mails
    assert (mail.to_address, mail.subject) == ("ops@example.test", "Held back: 5 starts of risk")
    with world.tx() as conn:
        (incident,) = breaker.list_incidents(conn)
    assert f"tenure breaker drop {incident.id}" in mail.plain
