"""One suite for every chat in the registry, and for the in-memory twin."""

import json

import pytest
from pydantic import ValidationError

from connectors.chat.memory import MemoryChat
from connectors.chat.port import Message
from connectors.chat.registry import PROVIDERS, Needs, open_chat
from connectors.errors import Misconfigured, Rejected
from connectors.providers import UnknownProvider
from tests.connectors.receiver import Receiver, reply

MESSAGE = Message(id="msg_1", text="Größe is at risk.\nCall them.")


@pytest.fixture(params=[*PROVIDERS, "memory"])
def provider(request):
    """(chat, function that gives the texts that arrived; None where nothing leaves)."""
    if request.param == "memory":
        twin = MemoryChat()
        yield twin, lambda: [one.text for one in twin.said]
    elif request.param == "stored":
        yield open_chat("stored", {}, Needs(secret=lambda _: None)), None
    elif request.param == "slack":
        with Receiver() as receiver:
            needs = Needs(secret={"TEAM_URL": receiver.url("/services/T0/B0/secret")}.get)
            chat = open_chat("slack", {"url_env": "TEAM_URL", "allow_private": True}, needs)
            yield chat, lambda: [json.loads(one.body)["text"] for one in receiver.received]
    else:
        pytest.fail(f"no bench for {request.param}: add one here")


def test_a_message_arrives_once_and_only_after_it_was_handed_over(provider):
    chat, arrived = provider
    seen = []
    chat.say(MESSAGE, lambda: seen.append(len(arrived()) if arrived else 0))
    assert seen == [0]
    assert arrived is None or arrived() == [MESSAGE.text]


def test_a_message_that_may_not_leave_after_all_does_not(provider):
    chat, arrived = provider

    class Withdrawn(Exception):
        pass

    def refuse():
        raise Withdrawn

    with pytest.raises(Withdrawn):
        chat.say(MESSAGE, refuse)
    assert arrived is None or arrived() == []


def test_no_name_becomes_a_mention_of_everybody():
    with Receiver() as receiver:
        needs = Needs(secret=lambda _: receiver.url())
        chat = open_chat("slack", {"url_env": "TEAM_URL", "allow_private": True}, needs)
        chat.say(Message(id="1", text="<!channel> A & B <https://evil.example|click>"), lambda: None)
    expected = "&lt;!channel&gt; A &amp; B &lt;https://evil.example|click&gt;"
    assert json.loads(receiver.received[0].body) == {"text": expected}


def test_the_address_is_a_secret_and_is_not_repeated():
    with Receiver() as receiver:
        receiver.answers.append(reply(404, b"no_service"))
        needs = Needs(secret=lambda _: receiver.url("/services/T0/B0/secret"))
        chat = open_chat("slack", {"url_env": "TEAM_URL", "allow_private": True}, needs)
        with pytest.raises(Rejected) as caught:
            chat.say(MESSAGE, lambda: None)
    assert "B0/secret" not in str(caught.value) + repr(chat) + str(vars(chat))


def test_without_its_variable_it_is_a_setting_to_correct():
    chat = open_chat("slack", {"url_env": "TEAM_URL"}, Needs(secret=lambda _: None))
    with pytest.raises(Misconfigured, match="TEAM_URL"):
        chat.say(MESSAGE, lambda: pytest.fail("handed over"))


def test_an_address_in_the_file_is_refused():
    with pytest.raises(ValidationError):
        open_chat("slack", {"url": "https://x.example/services/T0/B0/secret"}, Needs(secret=lambda _: None))


def test_an_unknown_provider_is_told_the_known_ones():
    with pytest.raises(UnknownProvider, match='did you mean "slack"'):
        open_chat("slak", {}, Needs(secret=lambda _: None))
