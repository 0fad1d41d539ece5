from engine.facts import AccountFact, MetricFact
from store import breaker
from tests.store.world import FALLS, WORKSPACE, World, workspace
from workflows.owner_mail import tell_owners


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


def test_the_owner_is_written_to_once_the_provider_is_there(database):
    world, post = World(database), Post()
    sender = "sender: { name: Team, address: team@corp.test }\n"
    world.deploy(workspace(WORKSPACE + "breaker: { at_least: 1 }\n" + sender), risk=FALLS)
    keys = [f"a{n}" for n in range(5)]
    world.tell(
        *(AccountFact(key=key) for key in keys), *(MetricFact(account=key, metric="nps", value=80) for key in keys)
    )
    world.sweep()
    assert tell_owners(world.engine, post) == 0
    world.tell(*(MetricFact(account=key, metric="nps", value=0) for key in keys))
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
