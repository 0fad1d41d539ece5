"""The mailbox for replies over IMAP, beside a real server."""

import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.errors import Misconfigured, Unavailable
from connectors.replies.imap import ImapMailbox, ImapSettings
from tests.connectors.dovecot import DOVECOT, PASSWORD, USER, Dovecot
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(DOVECOT is None, reason="there is no IMAP server here; install dovecot-imapd")
SECRETS = {"REPLIES_USER": USER, "REPLIES_PASSWORD": PASSWORD, "WRONG": "wrong"}


@pytest.fixture(scope="module")
def running(certificate):
    # Not pytest's own folder: the paths of sockets are short.
    with tempfile.TemporaryDirectory(prefix="imap-") as home:
        server = Dovecot(Path(home), certificate)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def server(running):
    yield running
    running.empty()


@pytest.fixture
def mailbox(server):
    """Another client of the mailbox, with settings replaced as asked."""
    opened = []

    def open_one(**changes):
        opened.append(_mailbox(server, changes))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def _mailbox(server, changes):
    values = {
        "address": "reply@in.corp.test",
        "host": "localhost",
        "port": server.tls,
        "user_env": "REPLIES_USER",
        "password_env": "REPLIES_PASSWORD",
        "ca_file": server.certificate,
        "timeout_seconds": PATIENCE,
    }
    return ImapMailbox(ImapSettings(**(values | changes)), SECRETS.get)


def test_what_is_new_is_shown_until_it_was_taken_and_stays_unread_for_people(server, mailbox):
    server.put(b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n", b"Subject: three\r\n\r\n3\r\n")
    box = mailbox()
    first = box.new(2)
    assert [one.raw for one in first] == [b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n"]
    assert [one.number for one in box.new(2)] == [one.number for one in first], "nothing was taken yet"
    box.taken([first[0].number])
    box.close()
    assert [one.raw[9:14] for one in mailbox().new(5)] == [b"two\r\n", b"three"]
    assert server.flags() == ["$TenureTaken", "", ""]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"password_env": "WRONG"}, Misconfigured, "refuses the login; check REPLIES_USER and WRONG"),
        ({"password_env": "UNSET"}, Misconfigured, "UNSET is not set"),
        ({"folder": "Elsewhere"}, Misconfigured, "no folder 'Elsewhere'"),
        ({"ca_file": None}, Misconfigured, "is not trusted"),
        ({"ca_file": "/nowhere.pem"}, Misconfigured, "not there"),
        ({"port": 9}, Unavailable, "not available"),
    ],
)
def test_what_is_wrong_is_said_without_any_secret(server, mailbox, changes, error, says):
    with pytest.raises(error) as caught:
        mailbox(**changes).new(1)
    assert says in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("security", ["plain", "starttls"])
def test_the_plain_port_is_spoken_to_as_well(server, mailbox, security):
    server.put(b"Subject: one\r\n\r\n1\r\n")
    assert len(mailbox(port=server.plain, security=security).new(5)) == 1


def test_a_server_that_goes_and_comes_back_is_spoken_to_again(server, mailbox):
    server.put(b"Subject: one\r\n\r\n1\r\n")
    box = mailbox()
    (held,) = box.new(5)
    server.stop()
    try:
        with pytest.raises(Unavailable):
            box.new(5)
        with pytest.raises(Unavailable):
            box.taken([held.number])
    finally:
        server.start()
    assert len(box.new(5)) == 1


def test_a_mail_of_any_size_is_fetched_up_to_its_first_two_million_bytes(server, mailbox):
    server.put(b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" * 1_300_000)
    (held,) = mailbox().new(5)
    assert len(held.raw) == 2_000_000


def test_a_password_does_not_travel_in_plain_text():
    with pytest.raises(ValidationError, match="plain text"):
        ImapSettings(address="r@c.test", host="mail.corp.test", security="plain", user_env="A", password_env="B")
