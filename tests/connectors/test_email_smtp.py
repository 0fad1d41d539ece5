import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import ValidationError

from connectors.email.smtp import SmtpSettings, SmtpTransport
from connectors.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome
from tests.waiting import PATIENCE

_ALL_AT_ONCE = {"EHLO": "250-here\r\n250-PIPELINING\r\n250 SIZE 1000000"}


def patient(server):
    return SmtpSettings(
        host="localhost", port=server.port, security="plain", timeout_seconds=PATIENCE, content_seconds=PATIENCE
    )


@pytest.fixture
def transport(scripted_server):
    transport = SmtpTransport(patient(scripted_server), lambda _: None)
    yield transport
    transport.close()


CUTS = [
    ("connect", "cut", Unavailable, 0),
    ("connect", "silence", Unavailable, 0),
    ("connect", "421 too busy", Unavailable, 0),
    ("connect", "554 go away", Unavailable, 0),
    ("EHLO", "cut", Unavailable, 0),
    ("MAIL", "cut", Unavailable, 0),
    ("MAIL", "silence", Unavailable, 0),
    ("MAIL", "451 later", Unavailable, 0),
    ("MAIL", "530 authenticate first", Misconfigured, 0),
    ("MAIL", "552 too large", Rejected, 0),
    ("RCPT", "cut", Unavailable, 0),
    ("RCPT", "450 greylisted", Unavailable, 0),
    ("MAIL", "421 closing", Unavailable, 0),
    ("MAIL", "drip", Unavailable, 0),
    ("RCPT", "550 no such person", Rejected, 0),
    ("RCPT", "551 not here", Rejected, 0),
    ("RCPT", "552 mailbox full", Rejected, 0),
    ("RCPT", "553 not an address", Rejected, 0),
    ("RCPT", "451 local error", Unavailable, 0),
    ("RCPT", "452 too many", Unavailable, 0),
    ("RCPT", "silence", Unavailable, 0),
    ("DATA", "cut", Unavailable, 0),
    ("DATA", "silence", Unavailable, 0),
    ("DATA", "451 not now", Unavailable, 0),
    ("DATA", "554 no valid recipients", Rejected, 0),
    ("content", "cut at once", UnknownOutcome, 1),
    ("content", "cut", UnknownOutcome, 1),
    ("content", "silence", UnknownOutcome, 1),
    ("content", "drip", UnknownOutcome, 1),
    ("content", "999 what", UnknownOutcome, 1),
    ("content", "gibberish", UnknownOutcome, 1),
    ("content", "451 disk full", Unavailable, 1),
    ("content", "554 spam", Rejected, 1),
]


@pytest.mark.parametrize("offers", [{}, _ALL_AT_ONCE], ids=["step by step", "pipelining"])
@pytest.mark.parametrize(("phase", "answer", "error", "handed_over"), CUTS)
def test_whatever_happens_at_a_phase_the_error_says_whether_the_mail_may_have_left(
    transport, scripted_server, mail, offers, phase, answer, error, handed_over
):
    scripted_server.script = offers | {phase: answer} | ({"HELO": "cut"} if phase == "EHLO" else {})
    if answer in ("silence", "drip"):
        # Only what the server is too slow with is waited for in vain, however slow this machine is.
        limit = "content_seconds" if phase == "content" else "timeout_seconds"
        transport._settings = transport._settings.model_copy(update={limit: 0.5})
    count = []
    with pytest.raises(error) as caught:
        transport.deliver(mail(), lambda: count.append(1))
    assert type(caught.value) is error
    assert len(count) == handed_over
    transport._settings = patient(scripted_server)
    scripted_server.script = {}
    transport.deliver(mail(message_id="<again@corp.test>"), lambda: count.append(1))
    assert b"again@corp.test" in scripted_server.content[-1]


def test_a_mail_that_did_not_leave_as_a_whole_has_not_left(transport, scripted_server, mail):
    scripted_server.script = {"content": "cut at once"}
    count = []
    with pytest.raises(Unavailable, match="within the mail"):
        transport.deliver(mail(html="<p>" + "word " * 1_000_000), lambda: count.append(1))
    assert (len(count), scripted_server.content) == (1, [])


def test_a_server_may_take_longer_to_look_through_a_mail_than_to_answer_a_command(scripted_server, mail):
    settings = patient(scripted_server).model_copy(update={"timeout_seconds": 0.5})
    transport = SmtpTransport(settings, lambda _: None)
    scripted_server.script = {"MAIL": "late"}
    with pytest.raises(Unavailable):
        transport.deliver(mail(), lambda: None)
    transport._settings, scripted_server.script = patient(scripted_server), {}
    transport.deliver(mail(), lambda: None)
    [connection] = transport._idle
    scripted_server.script = {"content": "late"}
    # The short limit begins with the content, as this machine may be slower than that with all before it.
    accepted = transport.deliver(mail(), lambda: setattr(connection, "_settings", settings))
    assert accepted.provider_id == "at last"
    transport.close()


def test_where_it_is_offered_the_envelope_is_one_journey_and_tells_the_size(transport, scripted_server, mail):
    scripted_server.script = _ALL_AT_ONCE
    transport.deliver(mail(), lambda: None)
    transport.deliver(mail(message_id="<2@corp.test>"), lambda: None)
    envelope = scripted_server.commands[1:4]
    size = int(envelope[0].removeprefix("MAIL FROM:<success@corp.test> SIZE="))
    # Two dots of the plain text are doubled on the way.
    assert 0 <= len(scripted_server.content[0]) - size <= 2
    assert envelope[1:] == ["RCPT TO:<kim@customer.test>", "DATA"]
    assert scripted_server.phases.count("connect") == 1
    assert len(scripted_server.content) == 2


def test_a_recipient_refused_behind_a_go_ahead_gets_nothing_and_the_connection_goes_on(
    transport, scripted_server, mail
):
    scripted_server.script = _ALL_AT_ONCE | {"RCPT": "550 no such person"}
    with pytest.raises(Rejected, match="no such person"):
        transport.deliver(mail(), lambda: None)
    assert scripted_server.content == [b""]
    scripted_server.script = _ALL_AT_ONCE
    transport.deliver(mail(), lambda: None)
    assert scripted_server.phases.count("connect") == 1
    assert len(scripted_server.content) == 2


def test_the_mail_is_handed_over_between_the_go_ahead_and_the_content(transport, scripted_server, mail):
    seen = []
    transport.deliver(mail(), lambda: seen.append((scripted_server.phases[-1], list(scripted_server.content))))
    assert seen == [("DATA", [])]


def test_dots_are_doubled_on_the_way(transport, scripted_server, mail):
    transport.deliver(mail(plain=".\n..x\n.y"), lambda: None)
    assert b"\r\n=2E\r\n...x\r\n..y" in scripted_server.content[0]


def test_a_connection_serves_several_mails(transport, scripted_server, mail):
    for number in range(3):
        transport.deliver(mail(message_id=f"<{number}@corp.test>"), lambda: None)
    assert scripted_server.phases.count("connect") == 1


def test_a_connection_that_the_server_closed_is_noticed_before_the_next_mail(
    transport, scripted_server, mail, monkeypatch
):
    monkeypatch.setattr("connectors.email.smtp._CHECK_AFTER", 0.0)
    transport.deliver(mail(), lambda: None)
    scripted_server.script = {"NOOP": "cut"}
    transport.deliver(mail(message_id="<2@corp.test>"), lambda: None)
    assert scripted_server.phases.count("connect") == 2
    assert len(scripted_server.content) == 2


def test_a_rejected_mail_leaves_the_connection_clean(transport, scripted_server, mail):
    scripted_server.script = {"RCPT": "550 no such person"}
    with pytest.raises(Rejected):
        transport.deliver(mail(), lambda: None)
    scripted_server.script = {}
    transport.deliver(mail(), lambda: None)
    assert scripted_server.phases.count("connect") == 1
    assert "RSET" in scripted_server.phases


def test_nobody_listening_is_an_outage(mail, scripted_server):
    scripted_server.close()
    transport = SmtpTransport(
        SmtpSettings(host="localhost", port=1, security="plain", timeout_seconds=1), lambda _: None
    )
    with pytest.raises(Unavailable):
        transport.deliver(mail(), lambda: None)


def test_tls_from_the_first_byte(smtp_server, certificate, mail):
    arrivals, port = smtp_server("tls")
    settings = SmtpSettings(
        host="localhost", port=port, security="tls", ca_file=certificate[0], timeout_seconds=PATIENCE
    )
    transport = SmtpTransport(settings, lambda _: None)
    accepted = transport.deliver(mail(), lambda: None)
    assert accepted.provider_id == "2.0.0 kept as 7"
    assert len(arrivals.messages) == 1
    transport.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_many_mails_go_over_one_connection_of_a_server_that_offers_pipelining(smtp_server, certificate, mail, security):
    arrivals, port = smtp_server(security)
    arrivals.pipelining = True
    settings = SmtpSettings(
        host="localhost", port=port, security=security, ca_file=certificate[0], timeout_seconds=PATIENCE
    )
    transport = SmtpTransport(settings, lambda _: None)
    for n in range(20):
        transport.deliver(mail(message_id=f"<{n}@corp.test>", plain=".\n" * n), lambda: None)
    assert [message["Message-ID"] for message in arrivals.messages] == [f"<{n}@corp.test>" for n in range(20)]
    assert arrivals.messages[3].get_body(("plain",)).get_content().splitlines() == ["."] * 3
    assert arrivals.connections == (2 if security == "starttls" else 1)
    transport.close()


def test_mails_that_leave_at_once_have_connections_of_their_own_which_are_kept(smtp_server, certificate, mail):
    arrivals, port = smtp_server("tls")
    settings = SmtpSettings(
        host="localhost", port=port, security="tls", ca_file=certificate[0], timeout_seconds=PATIENCE
    )
    transport = SmtpTransport(settings, lambda _: None)
    for turn in range(3):
        # All are offered before any is handed over.
        together = threading.Barrier(4, timeout=PATIENCE)
        with ThreadPoolExecutor(4) as threads:
            mails = [mail(message_id=f"<{turn}.{n}@corp.test>") for n in range(4)]
            list(threads.map(lambda one: _deliver(transport, one, together), mails))  # noqa: B023 - called at once
    assert len({message["Message-ID"] for message in arrivals.messages}) == 12
    assert arrivals.connections == 4
    transport.close()


def _deliver(transport, mail, together):
    transport.deliver(mail, together.wait)


def test_a_connection_in_use_while_the_transport_is_closed_ends_with_its_mail(smtp_server, certificate, mail):
    arrivals, port = smtp_server("tls")
    settings = SmtpSettings(
        host="localhost", port=port, security="tls", ca_file=certificate[0], timeout_seconds=PATIENCE
    )
    transport = SmtpTransport(settings, lambda _: None)
    transport.deliver(mail(), transport.close)
    transport.deliver(mail(message_id="<2@corp.test>"), lambda: None)
    assert (len(arrivals.messages), arrivals.connections) == (2, 2)
    transport.close()


def test_an_address_that_is_not_ascii_arrives_where_the_server_offers_it(smtp_server, certificate, mail):
    arrivals, port = smtp_server("starttls")
    settings = SmtpSettings(host="localhost", port=port, ca_file=certificate[0], timeout_seconds=PATIENCE)
    transport = SmtpTransport(settings, lambda _: None)
    transport.deliver(mail(to_address="kïm@münchen.test", subject="Grüße"), lambda: None)
    assert arrivals.envelopes == [("success@corp.test", ["kïm@xn--mnchen-3ya.test"])]
    assert arrivals.messages[0]["Subject"] == "Grüße"
    assert arrivals.messages[0]["To"].addresses[0].addr_spec == "kïm@xn--mnchen-3ya.test"
    transport.close()


def test_an_address_that_the_server_cannot_carry_is_rejected_with_the_reason(transport, scripted_server, mail):
    with pytest.raises(Rejected, match="SMTPUTF8"):
        transport.deliver(mail(to_address="kïm@customer.test"), lambda: None)
    assert "MAIL" not in scripted_server.phases


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        (("starttls", None), {"security": "starttls"}),
        (("tls", None), {"security": "tls"}),
        (("plain", None), {"security": "starttls", "ca": True}),
        (("starttls", "robin"), {"security": "starttls", "ca": True, "user_env": "U", "password_env": "P"}),
        (("starttls", "robin"), {"security": "starttls", "ca": True, "user_env": "U", "password_env": "NOT_SET"}),
        (("starttls", None), {"security": "starttls", "ca_file": "no/such/file.pem"}),
    ],
    ids=["untrusted starttls", "untrusted tls", "no starttls", "wrong password", "no password", "no ca file"],
)
def test_what_only_a_person_can_mend_is_misconfigured(smtp_server, certificate, mail, server, settings):
    _, port = smtp_server(*server)
    if settings.pop("ca", False):
        settings["ca_file"] = certificate[0]
    secrets = {"U": "robin", "P": "wrong"}
    transport = SmtpTransport(
        SmtpSettings(host="localhost", port=port, timeout_seconds=PATIENCE, **settings), secrets.get
    )
    with pytest.raises(Misconfigured) as caught:
        transport.deliver(mail(), lambda: None)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": ""},
        {"host": "x", "port": 0},
        {"host": "x", "user_env": "U"},
        {"host": "x", "security": "plain", "user_env": "U", "password_env": "P"},
        {"host": "x", "password": "secret"},
        {"host": "x", "timeout_seconds": 0},
        {"host": "x", "content_seconds": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_when_read(settings):
    with pytest.raises(ValidationError):
        SmtpSettings.model_validate(settings)
