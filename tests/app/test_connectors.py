"""A deploy takes effect on mail at once: a worker that was started before it must not go on as before."""

from datetime import UTC, datetime

import pytest

from app.connectors import open_ports
from connectors.email.port import OutgoingMail
from connectors.errors import Misconfigured, Unavailable
from engine.workspace import load_workspace
from store.database import engine_for
from store.deploy import deploy
from workflows.ports import STREAM

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
MAIL = OutgoingMail(
    message_id="<1@tenure.example>",
    to_address="ann@acme.test",
    from_address="team@tenure.example",
    from_name="Team",
    subject="Hello",
    html="<p>Hello</p>",
    plain="Hello",
    at=NOW,
)


@pytest.fixture
def engine(database):
    engine = engine_for(database)
    yield engine
    engine.dispose()


def publish(engine, email):
    workspace = load_workspace({"tenure.yaml": f"name: W\nzone: UTC\nconnectors: {{ email: {email} }}\n".encode()})
    with engine.begin() as conn:
        deploy(conn, workspace, [], NOW)


def test_the_provider_is_the_one_that_is_deployed_when_a_mail_leaves(engine):
    transport = open_ports(engine).transports()[STREAM]
    transport.deliver(MAIL, lambda: None)
    publish(engine, "{ provider: smtp, host: 127.0.0.1, port: 1, security: plain }")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        transport.deliver(MAIL, lambda: None)
    publish(engine, "{ provider: smtp, hots: 127.0.0.1 }")
    with pytest.raises(Misconfigured, match=r"connectors\.email"):
        transport.deliver(MAIL, lambda: None)
    publish(engine, "{ provider: stored }")
    transport.deliver(MAIL, lambda: None)
    transport.close()
