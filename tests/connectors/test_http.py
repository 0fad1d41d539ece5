"""One POST against a real socket: what is an answer, what is an outage, what nobody knows, and where it never goes."""

import ipaddress
import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import pytest

from connectors.errors import Misconfigured, RateLimited, Unavailable, UnknownOutcome
from connectors.http import Declined, Limits, is_public, post
from tests.connectors.receiver import Receiver, reply
from tests.ports import free_port
from tests.waiting import PATIENCE, until

_SILENCE = 3600.0
"""Seconds; it ends when the receiver does."""
BODY = json.dumps({"grüße": 1}, ensure_ascii=False).encode()
USUAL = Limits(connect_seconds=PATIENCE, total_seconds=PATIENCE)
QUICK = Limits(connect_seconds=PATIENCE, total_seconds=1)


class _Due(threading.Timer):
    """Comes when something has happened instead of after so many seconds."""

    def __init__(self, happened, _seconds, function):
        super().__init__(0, function)
        self._happened = happened

    def run(self):
        assert self._happened.wait(PATIENCE)
        super().run()


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def send(receiver, hand_over=lambda: None, *, limits=USUAL, headers=None):
    return post(receiver.url(), BODY, headers or {}, hand_over, allow_private=True, limits=limits)


def test_what_arrives_is_what_was_sent_once_it_was_handed_over(receiver):
    seen = []
    receiver.answers.append(reply(201, b'{"ticket": "T-7"}'))
    answer = send(receiver, lambda: seen.append(len(receiver.received)), headers={"webhook-id": "msg_1"})
    assert (answer.status, answer.json(), seen) == (201, {"ticket": "T-7"}, [0])
    (request,) = receiver.received
    assert request.line == "POST /hooks?x=1 HTTP/1.1"
    assert request.body == BODY
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["webhook-id"] == "msg_1"


def test_what_may_not_be_handed_over_does_not_leave(receiver):
    class Withdrawn(Exception):
        pass

    def refuse():
        raise Withdrawn

    with pytest.raises(Withdrawn):
        send(receiver, refuse)
    send(receiver)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Declined),
        (302, Declined),
        (307, Declined),
        (400, Declined),
        (401, Declined),
        (404, Declined),
        (410, Declined),
        (408, Unavailable),
        (425, Unavailable),
        (429, RateLimited),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
def test_a_status_tells_whether_to_try_again(receiver, status, error):
    receiver.answers.append(reply(status, location="http://127.0.0.1:1/elsewhere"))
    with pytest.raises(error, match=str(status)) as caught:
        send(receiver)
    assert len(receiver.received) == 1, "a redirect is not followed"
    assert not isinstance(caught.value, Declined) or caught.value.status == status


@pytest.mark.parametrize(
    ("status", "header", "wait"),
    [
        (429, "7", timedelta(seconds=7)),
        (503, "120", timedelta(minutes=2)),
        (503, "999999999", timedelta(days=1)),
        (429, "soon", None),
        (429, "-5", None),
    ],
)
def test_a_receiver_says_when_to_come_back(receiver, status, header, wait):
    receiver.answers.append(reply(status, retry_after=header))
    with pytest.raises(RateLimited) as caught:
        send(receiver)
    assert caught.value.retry_after == wait


def test_it_may_say_so_by_a_date(receiver):
    until = datetime.now(UTC) + timedelta(minutes=10)
    receiver.answers.append(reply(503, retry_after=format_datetime(until, usegmt=True)))
    with pytest.raises(RateLimited) as caught:
        send(receiver)
    assert caught.value.retry_after is not None
    assert timedelta(minutes=9) < caught.value.retry_after <= timedelta(minutes=10)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        ["reset"],
        [_SILENCE],
        [b"HTTP/1.1 2"],
        [b"nonsense\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500],
        [b"HTTP/1.1 200 OK\r\n" + b"x" * 100_000],
    ],
    ids=["nothing", "reset", "silence", "half a line", "no HTTP", "many headers", "a long header"],
)
def test_without_an_answer_nobody_knows(receiver, answer):
    receiver.answers.append(answer)
    with pytest.raises(UnknownOutcome):
        send(receiver, limits=QUICK if _SILENCE in answer else USUAL)
    until(lambda: receiver.received)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"x" * 1_000_000),
        [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"],
        [b"HTTP/1.1 200 OK\r\nx: ", _SILENCE],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", _SILENCE],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
        reply(200, b"<html>"),
        reply(200, b"[" * 60_000),
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"],
    ],
    ids=["huge", "cut", "half a head", "slow", "broken chunks", "no JSON", "too deep", "continue"],
)
def test_an_answer_counts_whatever_becomes_of_its_body(receiver, answer, monkeypatch):
    if _SILENCE in answer:
        # The limit is over as soon as the receiver has fallen silent, however slow it was until then.
        monkeypatch.setattr("connectors.http.threading.Timer", partial(_Due, receiver.silent))
    receiver.answers.append(answer)
    answered = send(receiver)
    assert answered.status in (200, 204)
    assert answered.json() is None
    assert len(answered.body) <= 65_536


def test_a_byte_now_and_then_does_not_hold_us_up(receiver):
    receiver.answers.append([part for _ in range(50) for part in (b"H", 0.05)])
    with pytest.raises(UnknownOutcome):
        send(receiver, limits=QUICK)


def test_a_receiver_that_is_away_was_not_told():
    port, handed_over = free_port(), []
    with pytest.raises(Unavailable, match=str(port)):
        post(f"http://127.0.0.1:{port}/", BODY, {}, lambda: handed_over.append(1), allow_private=True)
    with pytest.raises(Unavailable, match="looked up"):
        post("https://nowhere.invalid/", BODY, {}, lambda: handed_over.append(1))
    assert handed_over == []


def test_a_certificate_nobody_vouches_for_is_a_setting_to_correct(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    with Receiver(context=context) as receiver:
        url = f"https://localhost:{receiver.port}/"
        with pytest.raises(Misconfigured, match="certificate"):
            post(url, BODY, {}, lambda: pytest.fail("handed over"), allow_private=True)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "10.1.2.3", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433"],
)
def test_inside_addresses_are_refused_before_anything_is_sent(host):
    with pytest.raises((Misconfigured, Unavailable)) as caught:
        post(f"https://{host}/", BODY, {}, lambda: pytest.fail("handed over"))
    assert "allow_private" in str(caught.value) or isinstance(caught.value, Unavailable)


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(receiver, monkeypatch):
    """A name server that gives a public address to the check and an inside one to the connection gets nowhere."""
    asked = []
    real = socket.getaddrinfo

    def rebinding(host, port, *args, **kwargs):
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return real(address, port, *args, **kwargs)

    connected = []

    def connect(address, timeout):
        connected.append(address[0])
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unavailable):
        post("https://rebind.example/", BODY, {}, lambda: None)
    assert (asked, connected) == (["rebind.example"], ["93.184.216.34"])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.9.9", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.1.1", False),
        ("239.255.255.250", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("ff0e::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_an_address_is_public_or_not_however_it_is_dressed(address, public):
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    "url",
    ["ftp://x.test/", "https://", "https://x.test/a b", "https://x.test/\r\nX: y", "https://x.test:99999/", "http://x.test/",
     "https://kim:pw@x.test/", "https://[::1", "//x.test/"],
)  # fmt: skip
def test_what_is_no_address_is_a_setting_to_correct(url):
    with pytest.raises(Misconfigured) as caught:
        post(url, BODY, {}, lambda: pytest.fail("handed over"))
    assert "pw" not in str(caught.value)
