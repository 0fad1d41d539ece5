"""One suite for every mail provider in the registry, and for the in-memory twin."""

import email
import email.policy

import pytest

from connectors.email.memory import MemoryTransport
from connectors.email.message import build_message
from connectors.email.port import Accepted, Refused
from connectors.email.registry import PROVIDERS, Needs, open_transport
from connectors.errors import Rejected
from connectors.providers import UnknownProvider
from tests.connectors.sendgrid_account import KEY, Account
from tests.waiting import PATIENCE


@pytest.fixture(params=[*PROVIDERS, "memory"])
def provider(request, smtp_server, certificate):
    """(transport, function that gives the messages that arrived)."""
    if request.param == "memory":
        twin = MemoryTransport()
        yield twin, lambda: [_parsed(mail) for mail in twin.taken]
    elif request.param == "stored":
        kept = {}
        needs = Needs(
            secret=lambda _: None, keep=lambda mail: kept.update({mail.message_id: mail}), kept=kept.__contains__
        )
        yield open_transport("stored", {}, needs), lambda: [_parsed(mail) for mail in kept.values()]
    elif request.param == "smtp":
        arrivals, port = smtp_server("starttls", user="robin")
        secrets = {"MAIL_USER": "robin", "MAIL_PASSWORD": "open sesame"}
        settings = {
            "host": "localhost",
            "port": float(port),
            "user_env": "MAIL_USER",
            "password_env": "MAIL_PASSWORD",
            "ca_file": certificate[0],
            "timeout_seconds": PATIENCE,
        }
        needs = Needs(secret=secrets.get, keep=lambda _: None, kept=lambda _: False)
        transport = open_transport("smtp", settings, needs)
        yield transport, lambda: arrivals.messages
        transport.close()
    elif request.param == "sendgrid":
        needs = Needs(secret={"SENDGRID_API_KEY": KEY}.get, keep=lambda _: None, kept=lambda _: False)
        with Account() as account:
            settings = {"api_key_env": "SENDGRID_API_KEY", "url": account.base(), "timeout_seconds": PATIENCE}
            yield open_transport("sendgrid", settings, needs), account.messages
    else:
        pytest.fail(f"no bench for {request.param}: add one here")


def _parsed(mail):
    return email.message_from_bytes(build_message(mail), policy=email.policy.default)


def test_a_mail_arrives_once_and_only_after_it_was_handed_over(provider, mail):
    transport, arrived = provider
    seen = []
    accepted = transport.deliver(mail(), lambda: seen.append(len(arrived())))
    assert isinstance(accepted, Accepted)
    assert seen == [0]
    assert [message["Message-ID"] for message in arrived()] == ["<1a2b3c@corp.test>"]


def test_what_arrives_is_what_was_sent(provider, mail):
    transport, arrived = provider
    transport.deliver(mail(subject="Grüße aus Köln", html="<p>Grüße</p>"), lambda: None)
    message = arrived()[0]
    assert message["Subject"] == "Grüße aus Köln"
    assert message["To"] == "Kim Nguyễn <kim@customer.test>"
    assert message["Reply-To"] == "robin@corp.test"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == "<https://mail.corp.test/u/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_body(("plain",)).get_content().splitlines() == ["Hello", ".", "with a lone dot"]
    assert message.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"


def test_a_mail_that_may_not_leave_after_all_does_not(provider, mail):
    transport, arrived = provider

    class Withdrawn(Exception):
        pass

    def refuse():
        raise Withdrawn

    with pytest.raises(Withdrawn):
        transport.deliver(mail(), refuse)
    assert arrived() == []
    transport.deliver(mail(message_id="<next@corp.test>"), lambda: None)
    assert [message["Message-ID"] for message in arrived()] == ["<next@corp.test>"]


@pytest.mark.parametrize(
    "part",
    [
        {"to_address": "kim@customer.test\r\nBcc: all@corp.test"},
        {"to_address": "kim"},
        {"to_address": ""},
        {"to_address": "kim@"},
        {"from_address": "x y@corp.test"},
        {"message_id": "<a@b>\r\nX: y"},
        {"unsubscribe_url": "https://x.test/a\r\nBcc: all@corp.test"},
        {"unsubscribe_url": "http://x.test/"},
    ],
    ids=str,
)
def test_what_no_header_can_hold_is_rejected_before_anything_happens(provider, mail, part):
    transport, arrived = provider
    handed_over = []
    with pytest.raises(Rejected):
        transport.deliver(mail(**part), lambda: handed_over.append(1))
    assert (handed_over, arrived()) == ([], [])


def test_no_text_can_add_a_header(provider, mail):
    transport, arrived = provider
    evil = "x\r\nBcc: all@corp.test\r\n\r\n<p>hi</p>\u2028y\x00"
    transport.deliver(mail(subject=evil, to_name=evil, from_name=evil), lambda: None)
    message = arrived()[0]
    assert message["Bcc"] is None
    assert message["Subject"] == "x Bcc: all@corp.test <p>hi</p> y"
    assert [address.addr_spec for address in message["To"].addresses] == ["kim@customer.test"]


def test_an_international_domain_arrives_in_ascii(provider, mail):
    transport, arrived = provider
    transport.deliver(mail(to_address="kim@münchen.test"), lambda: None)
    assert arrived()[0]["To"].addresses[0].addr_spec == "kim@xn--mnchen-3ya.test"


def test_a_name_before_the_at_that_is_not_ascii_arrives_whole_or_is_rejected(provider, mail):
    transport, arrived = provider
    try:
        transport.deliver(mail(to_address="kïm@customer.test"), lambda: None)
    except Rejected:
        assert arrived() == []
    else:
        assert arrived()[0]["To"].addresses[0].addr_spec == "kïm@customer.test"


def test_looking_up_tells_what_happened_or_nothing(provider, mail):
    transport, _ = provider
    transport.deliver(mail(), lambda: None)
    assert isinstance(transport.look_up("<1a2b3c@corp.test>"), Accepted | None)
    assert isinstance(transport.look_up("<never@corp.test>"), Refused | None)


def test_a_closed_transport_opens_again(provider, mail):
    transport, arrived = provider
    transport.close()
    transport.deliver(mail(), lambda: None)
    transport.close()
    transport.close()
    transport.deliver(mail(message_id="<2@corp.test>"), lambda: None)
    assert len(arrived()) == 2


def test_no_secret_shows(provider):
    transport, _ = provider
    assert "sesame" not in repr(transport) + str(vars(transport))


def test_an_unknown_provider_is_told_the_known_ones():
    with pytest.raises(UnknownProvider, match='did you mean "smtp"'):
        open_transport("smpt", {}, Needs(secret=lambda _: None, keep=lambda _: None, kept=lambda _: True))
