"""The whole way of a reply: a mail leaves over SMTP, its reader answers, a real mailbox is asked, the run hears."""

import email
import email.policy
import tempfile
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.email.smtp import SmtpSettings, SmtpTransport
from connectors.replies.imap import ImapMailbox, ImapSettings
from store import schema
from tests.connectors.conftest import ScriptedServer, certificate  # noqa: F401 - a fixture
from tests.connectors.dovecot import DOVECOT, PASSWORD, USER, Dovecot
from tests.mailing import NOW
from tests.workflows.outward import WORKSPACE, Stage
from workflows.mail_stream import MailStream
from workflows.ports import STREAM
from workflows.reply_poll import ReplyPoll

pytestmark = pytest.mark.skipif(DOVECOT is None, reason="there is no IMAP server here; install dovecot-imapd")
REPLIES = b"connectors:\n  replies: { kind: replies, provider: imap, address: reply@in.corp.test }\n"


@pytest.fixture
def stage(database):
    stage = Stage(database, WORKSPACE.replace(b"connectors:\n", REPLIES))
    with stage.engine.begin() as conn:
        version = schema.playbook_version
        compiled = conn.execute(sa.select(version.c.compiled)).scalar_one()
        listening = compiled | {"plan": compiled["plan"] | {"listens": ["email.replied"]}}
        conn.execute(sa.update(version).values(compiled=listening))
    return stage


@pytest.fixture
def postbox(certificate):  # noqa: F811 - the fixture
    with tempfile.TemporaryDirectory(prefix="imap-") as home:
        server = Dovecot(Path(home), certificate)
        server.start()
        yield server
        server.stop()


def leave(stage):
    """The mail as its reader's server took it."""
    server = ScriptedServer()
    settings = SmtpSettings(host="localhost", port=server.port, security="plain")
    stream = MailStream(stage.engine, {STREAM: SmtpTransport(settings, lambda _: None)})
    assert stream.dispatch_due(NOW).sent == 1
    stream.close()
    server.close()
    return email.message_from_bytes(server.content[-1], policy=email.policy.default)


def answer(mail, **headers):
    """What a mail program makes of an answer to it."""
    heads = {
        "From": "ann@acme.test",
        "To": str(mail["Reply-To"]),
        "Subject": f"Re: {mail['Subject']}",
        "Message-ID": f"<{len(headers)}@acme.test>",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in (heads | headers).items())
    return f"{head}\r\nYes, Tuesday.\r\n\r\n> Hello\r\n".encode()


def test_a_person_s_answer_reaches_the_run_and_a_machine_s_does_not(stage, postbox):
    stage.perform("email", "hello", **stage.mail_params())
    mail = leave(stage)
    assert str(mail["Reply-To"]).startswith("desk@corp.test, reply+")
    postbox.put(answer(mail, **{"Auto-Submitted": "auto-replied"}), answer(mail))
    settings = ImapSettings(
        address="reply@in.corp.test",
        host="localhost",
        port=postbox.tls,
        ca_file=postbox.certificate,
        user_env="USER",
        password_env="PASSWORD",
    )
    secrets = {"USER": USER, "PASSWORD": PASSWORD}
    poll = ReplyPoll(stage.engine, lambda: ImapMailbox(settings, secrets.get))
    assert poll.ask(threading.Event()) == {"auto_replied": 1, "replied": 1}
    assert poll.ask(threading.Event()) == {}
    told = [fact["values"] for fact in stage.post.told(stage.run_id) if fact["kind"] == "event"]
    assert told == [{"event": "email.replied"}]
    assert {row["kind"]: row["says"] for row in stage.rows(schema.mail_reply)} == {
        "auto_replied": "Yes, Tuesday.",
        "replied": "Yes, Tuesday.",
    }
