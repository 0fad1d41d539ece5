"""A deploy takes effect on mail at once: a worker that was started before it must not go on as before."""

from datetime import UTC, datetime

import pytest

from app.connectors import open_ports, sendgrid_key
from connectors.chat.port import Message
from connectors.email.port import OutgoingMail
from connectors.errors import Misconfigured, Unavailable
from connectors.webhook.port import Request
from engine.workspace import load_workspace
from store.deploying.deploy import deploy
from tests.connectors.receiver import Receiver
from tests.databases import engine_of
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
    return engine_of(database)


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


# --- webhooks and chats


def declare(engine, connectors):
    workspace = load_workspace({"tenure.yaml": f"name: W\nconnectors: {connectors}\n".encode()})
    with engine.begin() as conn:
        deploy(conn, workspace, [], NOW)


REQUEST = Request(id="msg_1", body={})


def test_a_webhook_is_the_one_that_is_deployed_when_a_request_leaves(engine, monkeypatch):
    ports = open_ports(engine)
    with pytest.raises(Misconfigured, match="no webhook connector crm any more"):
        ports.webhook("crm")
    with Receiver() as receiver:
        declare(engine, f"{{ crm: {{ kind: webhook, url: '{receiver.url()}', allow_private: true }} }}")
        ports.webhook("crm").call(REQUEST, lambda: None)
        declare(engine, "{ crm: { kind: webhook, provider: stored } }")
        ports.webhook("crm").call(REQUEST, lambda: None)
        assert len(receiver.received) == 1
    declare(engine, "{ crm: { kind: chat } }")
    with pytest.raises(Misconfigured):
        ports.webhook("crm")
    ports.chat("crm").say(Message(id="1", text="x"), lambda: None)


@pytest.mark.parametrize(
    "crm",
    ["{ kind: webhook }", "{ kind: webhook, url: 'http://x.example/' }", "{ kind: webhook, provider: htp }",
     "{ kind: webhook, url: 'https://x.example/very-private', urll: y }"],
)  # fmt: skip
def test_settings_that_cannot_be_used_name_the_connector_and_repeat_nothing(engine, crm):
    declare(engine, f"{{ crm: {crm} }}")
    with pytest.raises(Misconfigured, match=r"connectors\.crm") as caught:
        open_ports(engine).webhook("crm")
    assert "very-private" not in str(caught.value)


def test_a_secret_may_stand_in_a_file(engine, monkeypatch, tmp_path):
    (tmp_path / "url").write_text("http://127.0.0.1:9/hook\n")
    monkeypatch.setenv("TEAM_URL_FILE", str(tmp_path / "url"))
    declare(engine, "{ team: { kind: chat, provider: slack, url_env: TEAM_URL, allow_private: true } }")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        open_ports(engine).chat("team").say(Message(id="1", text="x"), lambda: None)
    monkeypatch.setenv("TEAM_URL_FILE", str(tmp_path / "missing"))
    with pytest.raises(Misconfigured, match="TEAM_URL_FILE"):
        open_ports(engine).chat("team").say(Message(id="1", text="x"), lambda: None)


def links(engine):
    with engine.begin() as conn:
        return open_ports(engine).links(conn)


def test_links_lead_to_the_public_address_and_are_signed_by_the_settings_key(engine, monkeypatch):
    declare(engine, "{ email: { provider: smtp, host: x.example } }")
    with pytest.raises(Misconfigured, match="TENURE_PUBLIC_URL"):
        links(engine)
    monkeypatch.setenv("TENURE_PUBLIC_URL", "https://cs.example/")
    first = links(engine)
    assert first.survey(7).startswith("https://cs.example/s/")
    assert links(engine) == first, "the database keeps the key it made"
    assert first.key not in repr(first)
    monkeypatch.setenv("TENURE_SIGNING_KEY", "k" * 32)
    assert links(engine).key == "k" * 32


def test_mail_that_is_only_stored_needs_no_public_address(engine):
    declare(engine, "{ email: { provider: stored } }")
    assert links(engine).survey(7).startswith("http://127.0.0.1:8000/s/")


def test_the_key_of_sendgrid_s_events_is_the_one_that_is_named_where_sendgrid_is_used(engine, monkeypatch):
    monkeypatch.setenv("EVENTS_KEY", "MFkw")
    assert sendgrid_key(engine) is None
    publish(engine, "{ provider: sendgrid, api_key_env: SENDGRID_API_KEY }")
    assert sendgrid_key(engine) is None
    publish(engine, "{ provider: sendgrid, api_key_env: SENDGRID_API_KEY, events_key_env: EVENTS_KEY }")
    assert sendgrid_key(engine) == "MFkw"
    publish(engine, "{ provider: smtp, host: localhost }")
    assert sendgrid_key(engine) is None


def test_without_its_key_sendgrid_is_not_asked_and_the_mail_waits(engine, monkeypatch):
    monkeypatch.delenv("SENDGRID_API_KEY", raising=False)
    publish(engine, "{ provider: sendgrid, api_key_env: SENDGRID_API_KEY }")
    transport = open_ports(engine).transports()[STREAM]
    with pytest.raises(Misconfigured, match="SENDGRID_API_KEY is not set"):
        transport.deliver(MAIL, lambda: None)
    transport.close()
