"""One suite for every way of telling another program in the registry, and for the in-memory twin."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from pydantic import ValidationError

from connectors.errors import Misconfigured
from connectors.providers import UnknownProvider
from connectors.webhook.http import signatures
from connectors.webhook.memory import MemoryCaller
from connectors.webhook.port import Request
from connectors.webhook.registry import PROVIDERS, Needs, open_caller
from tests.connectors.receiver import Receiver, reply

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
REQUEST = Request(id="msg_1", body={"account": "Größe", "arr": 80000.0, "risk": True, "since": None})
NEEDS = Needs(secret={"CRM_SECRET": SECRET}.get)


@pytest.fixture(params=[*PROVIDERS, "memory"])
def provider(request):
    """(caller, function that gives the ids and bodies that arrived; None where nothing leaves)."""
    if request.param == "memory":
        twin = MemoryCaller()
        yield twin, lambda: [(one.id, dict(one.body)) for one in twin.taken]
    elif request.param == "stored":
        yield open_caller("stored", {}, NEEDS), None
    elif request.param == "http":
        with Receiver() as receiver:
            settings = {"url": receiver.url(), "secret_env": "CRM_SECRET", "allow_private": True}
            yield (
                open_caller("http", settings, NEEDS),
                lambda: [(one.headers["webhook-id"], json.loads(one.body)) for one in receiver.received],
            )
    else:
        pytest.fail(f"no bench for {request.param}: add one here")


def test_a_request_arrives_once_and_only_after_it_was_handed_over(provider):
    caller, arrived = provider
    seen = []
    answered = caller.call(REQUEST, lambda: seen.append(len(arrived()) if arrived else 0))
    assert (answered.status, seen) == (200, [0])
    assert arrived is None or arrived() == [("msg_1", dict(REQUEST.body))]


def test_a_request_that_may_not_leave_after_all_does_not(provider):
    caller, arrived = provider

    class Withdrawn(Exception):
        pass

    def refuse():
        raise Withdrawn

    with pytest.raises(Withdrawn):
        caller.call(REQUEST, refuse)
    assert arrived is None or arrived() == []


def test_no_secret_shows(provider):
    caller, _ = provider
    assert SECRET not in repr(caller) + str(vars(caller))


def test_it_is_signed_as_standard_webhooks_has_it():
    with Receiver() as receiver:
        settings = {"url": receiver.url(), "secret_env": "CRM_SECRET", "allow_private": True}
        open_caller("http", settings, NEEDS).call(REQUEST, lambda: None)
    (request,) = receiver.received
    timestamp = request.headers["webhook-timestamp"]
    assert abs(int(timestamp) - time.time()) < 60
    content = b"msg_1." + timestamp.encode() + b"." + request.body
    expected = hmac.new(b"0123456789abcdef0123456789abcdef", content, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


def test_the_signature_is_that_of_the_specification():
    """The example of the Standard Webhooks specification's reference libraries."""
    made = signatures(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_sign_twice_so_that_receivers_can_change_over():
    other = "whsec_" + base64.b64encode(b"another secret of 24 bytes").decode()
    both = signatures(f"{SECRET} {other}", "msg_1", "1", b"{}").split(" ")
    assert both == [signatures(one, "msg_1", "1", b"{}") for one in (SECRET, other)]


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_short", "not base64!", "whsec_" + "A" * 2000])
def test_a_secret_that_cannot_sign_is_a_setting_to_correct_and_is_not_repeated(secret):
    settings = {"url": "https://x.example/", "secret_env": "CRM_SECRET"}
    caller = open_caller("http", settings, Needs(secret=lambda _: secret))
    with pytest.raises(Misconfigured) as caught:
        caller.call(REQUEST, lambda: pytest.fail("handed over"))
    assert not secret or len(secret) < 7 or secret not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [{}, {"url": "x.example"}, {"url": "http://x.example/"}, {"url": "https://x.example/", "urll": "x"},
     {"url": "https://x.example/ y"}, {"url": "https://x.example/", "total_seconds": 0}],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(settings):
    with pytest.raises(ValidationError):
        open_caller("http", settings, NEEDS)


def test_the_answer_is_there_to_be_read():
    with Receiver() as receiver:
        receiver.answers.append(reply(202, b'{"ticket": "T-7"}'))
        caller = open_caller("http", {"url": receiver.url(), "allow_private": True}, NEEDS)
        answered = caller.call(REQUEST, lambda: None)
    assert (answered.status, answered.json) == (202, {"ticket": "T-7"})
    assert "webhook-signature" not in receiver.received[0].headers


def test_an_unknown_provider_is_told_the_known_ones():
    with pytest.raises(UnknownProvider, match='did you mean "http"'):
        open_caller("htp", {}, NEEDS)
