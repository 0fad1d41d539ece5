"""Sending oneself one mail of a playbook."""

import email
import email.policy
import json
import re

import pytest

from tests.command_line import TENURE, make_shop, tenure
from tests.connectors.conftest import ScriptedServer


@pytest.fixture
def shop(tmp_path):
    return make_shop(tmp_path)[0]


@pytest.fixture
def server():
    server = ScriptedServer()
    yield server
    server.close()


def through(shop, server, **settings):
    found = {"provider": "smtp", "host": "localhost", "port": server.port, "security": "plain"} | settings
    inside = ", ".join(f"{key}: {value}" for key, value in found.items())
    (shop / "tenure.yaml").write_text(TENURE.replace("{ provider: stored }", f"{{ {inside} }}"))
    return shop / "playbooks/rescue/hello"


def test_the_mail_arrives_as_a_customer_would_get_it_but_for_its_subject(shop, server):
    found = tenure("mail", "test", through(shop, server), "--to", "me@shop.test", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert (told["to"], told["subject"]) == ("me@shop.test", "[Test] How is Alder & Finch?")
    message = email.message_from_bytes(server.content[-1], policy=email.policy.default)
    assert (message["To"], message["Subject"]) == ("me@shop.test", told["subject"])
    assert re.fullmatch(r"<test\.[0-9a-f]{24}@shop\.test>", message["Message-ID"])
    assert message["List-Unsubscribe"] is None, "nobody can leave by a test"
    plain = message.get_body(("plain",))
    assert plain is not None
    assert "How are you?" in plain.get_content()


def test_a_workspace_that_only_stores_mail_says_so(shop):
    found = tenure("mail", "test", shop / "playbooks/rescue/hello", "--to", "me@shop.test")
    assert (found.code, "nothing would leave" in found.err) == (2, True)


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        ({"RCPT": "550 no such person"}, 1, "refused: localhost"),
        ({"MAIL": "451 later"}, 3, "Nothing was sent"),
        ({"content": "cut"}, 1, "it may have left, or not"),
        ({"MAIL": "530 authenticate first"}, 2, "530"),
    ],
)
def test_what_went_wrong_is_said_with_an_exit_code(shop, server, script, code, says):
    server.script = script
    found = tenure("mail", "test", through(shop, server), "--to", "me@shop.test")
    assert (found.code, says in found.err) == (code, True), found.err


def test_an_address_that_is_none_and_a_mail_that_is_none_are_refused(shop, server):
    where = through(shop, server)
    assert tenure("mail", "test", where, "--to", "me").code == 1
    assert tenure("mail", "test", where.parent / "helo", "--to", "me@shop.test").code == 2
    assert server.content == []
