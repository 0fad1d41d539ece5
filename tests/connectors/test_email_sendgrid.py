"""SendGrid against a receiver on a real socket: what leaves, what each answer means, and what never shows."""

import json
import logging
import ssl
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.email.port import OutgoingMail
from connectors.email.sendgrid import SendGridSettings, SendGridTransport, request_body
from connectors.errors import ConnectorError, Misconfigured, RateLimited, Rejected, Unavailable, UnknownOutcome
from connectors.pace import Pace
from tests.connectors.receiver import reply
from tests.connectors.sendgrid_account import DESCRIPTION, KEY, Account, described_statuses, faults, refused, taken
from tests.connectors.test_pace import Clock
from tests.ports import free_port
from tests.waiting import PATIENCE, until


@pytest.fixture
def account():
    with Account() as account:
        yield account


def opened(account, secrets=None, **settings):
    given = {"api_key_env": "SENDGRID_API_KEY", "url": account.base(), "timeout_seconds": PATIENCE} | settings
    return SendGridTransport(SendGridSettings.model_validate(given), (secrets or {"SENDGRID_API_KEY": KEY}).get)


def settings(**more):
    return SendGridSettings.model_validate({"api_key_env": "SENDGRID_API_KEY"} | more)


def deliver(transport, mail, **changes):
    """What became of it: the class of the error or the provider's id, and how often it was handed over."""
    handed_over = []
    try:
        accepted = transport.deliver(mail(**changes), lambda: handed_over.append(1))
    except ConnectorError as error:
        return type(error), str(error), len(handed_over)
    return accepted.provider_id, "", len(handed_over)


# --- what leaves


def test_a_mail_is_one_request_with_the_key_and_nothing_else_of_ours(account, mail):
    account.answers.append(taken("14c5d75ce93"))
    accepted = opened(account).deliver(mail(category="service"), lambda: None)
    assert accepted.provider_id == "14c5d75ce93"
    (request,) = account.received
    assert request.line == "POST /v3/mail/send HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    (body,) = account.requests()
    assert faults(body) == []
    assert body["custom_args"] == {"tenure_mail": "1a2b3c@corp.test"}
    assert body["categories"] == ["service"]
    assert body["headers"] == {
        "Message-ID": "<1a2b3c@corp.test>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://mail.corp.test/u/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_nothing_is_tracked_and_no_link_of_sendgrid_s_own_is_added_unless_asked(mail):
    assert request_body(mail(), settings())["tracking_settings"] == {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
    }
    asked = request_body(mail(), settings(track_clicks=True, track_opens=True))["tracking_settings"]
    assert (asked["click_tracking"]["enable"], asked["open_tracking"]["enable"]) == (True, True)
    assert asked["subscription_tracking"] == {"enable": False}


def test_a_reply_reaches_a_person_and_us(mail):
    assert request_body(mail(), settings())["reply_to"] == {"email": "robin@corp.test"}
    body = request_body(mail(replies_to="reply+abc@in.corp.test"), settings())
    assert body["reply_to_list"] == [{"email": "robin@corp.test"}, {"email": "reply+abc@in.corp.test"}]
    assert "reply_to" not in body, "SendGrid takes one of the two"


def test_a_second_attempt_is_the_same_request(mail):
    assert json.dumps(request_body(mail(), settings())) == json.dumps(request_body(mail(), settings()))


_TEXT = st.text(max_size=200)
_WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)


@given(
    text=_TEXT,
    name=_TEXT,
    who=_WORD,
    token=_WORD,
    category=st.sampled_from(["", "service", "marketing", "transactional", "internal"]),
    link=st.booleans(),
    reply_to=st.booleans(),
    replies_to=st.booleans(),
    sandbox=st.booleans(),
    track=st.booleans(),
)
def test_every_request_is_one_that_the_official_description_allows(
    text, name, who, token, category, link, reply_to, replies_to, sandbox, track
):
    outgoing = OutgoingMail(
        message_id=f"<{token}@corp.test>",
        to_address=f"{who}@customer.test",
        to_name=name,
        from_address="success@corp.test",
        from_name=name,
        reply_to="robin@corp.test" if reply_to else None,
        replies_to=f"reply+{token}@in.corp.test" if replies_to else None,
        subject=text,
        html=text,
        plain=text,
        unsubscribe_url=f"https://mail.corp.test/u/{token}" if link else None,
        category=category,
        at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    try:
        body = request_body(outgoing, settings(sandbox=sandbox, track_clicks=track, track_opens=track))
    except Rejected:
        return
    # As it travels.
    body = json.loads(json.dumps(body, ensure_ascii=False).encode())
    assert faults(body) == []
    assert body["custom_args"] == {"tenure_mail": f"{token}@corp.test"}
    assert body.get("categories", []) == ([category] if category else [])
    assert body.get("mail_settings") == ({"sandbox_mode": {"enable": True}} if sandbox else None)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"categories": [str(n) for n in range(11)]}, "categories"),
        ({"from": {"name": "nobody"}}, "from"),
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"headers": {"Subject": "x"}}, "reserved"),
        ({"content": []}, None),
        ({"personalizations": [{"to": [{"email": "a@b.test"}, {"email": "A@b.test"}]}]}, "repeated"),
        ({"custom_args": {"tenure_mail": 7}}, "custom_args"),
        ({"custom_args": {"x": "y" * 10_000}}, "too large"),
    ],
    ids=str,
)
def test_the_check_against_the_description_finds_faults(mail, broken, fault):
    found = faults({**request_body(mail(), settings()), **broken})
    assert (fault is None) == (found == [])
    assert fault is None or fault in found[0]


def test_without_a_subject_a_mail_is_rejected_before_anything_happens(account, mail):
    kind, _, handed_over = deliver(opened(account), mail, subject=" \n ")
    assert (kind, handed_over, account.received) == (Rejected, 0, [])


def test_a_key_in_a_text_is_rejected_by_the_sdk_before_anything_happens(account, mail):
    kind, _, handed_over = deliver(opened(account), mail, plain="SG.abc.def is our key")
    assert (kind, handed_over, account.received) == (Rejected, 0, [])


def test_a_name_has_no_comma_that_could_end_the_address(mail):
    body = request_body(mail(to_name="Novak, Kim; Dr.", to_address="kim@customer.test"), settings())
    assert body["personalizations"] == [{"to": [{"name": "Novak Kim Dr.", "email": "kim@customer.test"}]}]


# --- what each answer means

_WRONG = {"message": "Does not contain a valid address.", "field": "personalizations.0.to.0.email", "help": None}
ANSWERS = [
    (taken("x1"), "x1", ""),
    (reply(202), None, ""),
    (refused(400, _WRONG), Rejected, "400: personalizations.0.to.0.email: Does not contain a valid address."),
    (
        refused(400, _WRONG, {"message": "The subject is required.", "field": "subject"}),
        Rejected,
        "valid address.; subject: The subject is required.",
    ),
    (refused(401, {"message": "The provided authorization grant is invalid"}), Misconfigured, "SENDGRID_API_KEY"),
    (refused(403, {"message": "The from address does not match a verified Sender"}), Misconfigured, "verified Sender"),
    (refused(404, {"message": "not found"}), Misconfigured, "url"),
    (reply(405), Misconfigured, "405"),
    (reply(302, location="https://elsewhere.test/"), Misconfigured, "302"),
    (reply(307, location="https://elsewhere.test/"), Misconfigured, "307"),
    (reply(408), Unavailable, "408"),
    (refused(413, {"message": "Your message is too large"}), Rejected, "too large"),
    (refused(415, {"message": "content-type"}), Rejected, "content-type"),
    (refused(429, {"message": "too many requests"}), RateLimited, "too many requests"),
    (reply(500), UnknownOutcome, "500"),
    (refused(500, {"message": "Internal error"}), UnknownOutcome, "Internal error"),
    (reply(502, b"<html>Bad gateway</html>"), UnknownOutcome, "Bad gateway"),
    (reply(503), Unavailable, "503"),
    (reply(504), UnknownOutcome, "504"),
    (reply(200), UnknownOutcome, "200"),
    (reply(204), UnknownOutcome, "204"),
    (reply(599), UnknownOutcome, "599"),
    (reply(400, b""), Rejected, "400"),
    (reply(400, b'{"errors":'), Rejected, '400: {"errors":'),
    (reply(400, b'{"errors": "no list"}'), Rejected, "no list"),
    (reply(400, b'{"errors": [1, null]}'), Rejected, "400"),
    (reply(400, b'{"errors": [{}]}'), Rejected, "400"),
    (reply(400, b"[" * 60_000), Rejected, "400"),
    (reply(400, b"\xff\xfe\x00\x07" * 100), Rejected, "400"),
    (reply(400, b"x" * 70_000), Rejected, "400"),
]


@pytest.mark.parametrize(("answer", "outcome", "says"), ANSWERS, ids=lambda one: str(one)[:60])
def test_an_answer_tells_whether_the_mail_was_taken(account, mail, answer, outcome, says):
    account.answers.append(answer)
    found, text, handed_over = deliver(opened(account), mail)
    assert (found, handed_over) == (outcome, 1)
    assert says in text
    assert len(text) < 600
    assert text.isprintable()
    assert len(account.received) == 1, "neither sent again nor sent elsewhere"


def test_every_status_of_the_description_has_a_meaning():
    if not DESCRIPTION.exists():
        pytest.skip(f"SendGrid's official description is not beside the repository, as {DESCRIPTION.name}")
    tried = {int(head.split()[1]) for (head, *_), *_ in ANSWERS if isinstance(head, bytes)}
    assert described_statuses() <= tried


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "30"}, 30),
        ({"x_ratelimit_reset": "{soon}"}, 2000),
        ({"retry_after": "30", "x_ratelimit_reset": "{soon}"}, 30),
        ({"x_ratelimit_reset": "1"}, 0),
        ({"x_ratelimit_reset": "99999999999"}, 3600),
        ({"x_ratelimit_reset": "soon"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_too_many_requests_are_followed_by_a_pause_of_the_length_that_was_asked_for(account, mail, headers, wait):
    soon = str(int(time.time()) + 2001)
    account.answers.append(refused(429, **{name: value.format(soon=soon) for name, value in headers.items()}))
    transport = opened(account)
    with pytest.raises(RateLimited) as caught:
        transport.deliver(mail(), lambda: None)
    found = caught.value.retry_after
    assert (found is None) == (wait is None)
    if found is not None and wait is not None:
        late = timedelta(seconds=PATIENCE if wait == 2000 else 2)
        assert -late < found - timedelta(seconds=wait) < timedelta(seconds=2)
    # Without a time of SendGrid's, one of our own; a time that is over is no pause.
    kind, _, handed_over = deliver(transport, mail)
    expected = (None, 1) if wait == 0 else (RateLimited, 0)
    assert (kind if wait != 0 else None, handed_over) == expected
    assert len(account.received) == 1 + expected[1]


def test_in_the_sandbox_a_200_is_the_answer_and_says_so(account, mail):
    account.answers.append(reply(200))
    assert deliver(opened(account, sandbox=True), mail) == ("sandbox", "", 1)
    assert account.requests()[0]["mail_settings"] == {"sandbox_mode": {"enable": True}}


# --- when the connection does not hold


def test_a_refused_connection_is_an_outage_and_nothing_was_handed_over(account, mail):
    found, _, handed_over = deliver(opened(account, url=f"http://127.0.0.1:{free_port()}"), mail)
    assert (found, handed_over) == (Unavailable, 0)


@pytest.mark.parametrize(
    "answer",
    [
        ["reset"],
        [],
        [b"HTTP/1.1 202 Acc", "reset"],
        [b"gibberish\r\n\r\n"],
        [3600.0, *taken()],
    ],
    ids=["reset", "closed", "cut in the status", "no HTTP", "later than the time-out"],
)
def test_an_answer_that_is_lost_leaves_the_mail_unknown_and_is_not_asked_for_again(account, mail, answer):
    account.answers.append(answer)
    found, text, handed_over = deliver(opened(account, timeout_seconds=0.3 if 3600.0 in answer else PATIENCE), mail)
    assert (found, handed_over) == (UnknownOutcome, 1)
    assert f"127.0.0.1:{account.port} did not answer" in text
    until(lambda: account.received)
    assert len(account.received) == 1


def test_an_answer_that_is_cut_after_its_status_is_an_answer(account, mail):
    account.answers.append([b"HTTP/1.1 202 Accepted\r\nx-message-id: x9\r\ncontent-length: 100\r\n\r\nabc", "reset"])
    assert deliver(opened(account), mail) == ("x9", "", 1)


def test_an_answer_that_drips_does_not_hold_the_stream_for_ever(account, mail):
    account.answers.append([part for byte in b"HTTP/1.1 202 Accepted" * 200 for part in (bytes([byte]), 0.05)])
    began = time.monotonic()
    assert deliver(opened(account, timeout_seconds=0.5), mail)[0] is UnknownOutcome
    assert time.monotonic() - began < PATIENCE, "it would have gone on for three and a half minutes"


def test_a_connection_cut_before_the_request_was_read_is_unknown_if_it_had_left_as_a_whole(account, mail):
    account.hang_ups = 1
    found, _, handed_over = deliver(opened(account), mail)
    # The system may notice before or after the last byte is its own; both are told truly.
    assert found in (UnknownOutcome, Unavailable)
    assert (handed_over, account.received) == (1, [])


def test_a_request_that_could_not_leave_as_a_whole_is_an_outage(account, mail):
    account.hang_ups = 1
    found, text, handed_over = deliver(opened(account), mail, html="<p>" + "x" * 30_000_000)
    assert (found, handed_over, account.received) == (Unavailable, 1, []), text


def test_an_untrusted_certificate_is_a_setting_to_mend_and_no_key_travels(mail, server_context):
    with Account(context=server_context) as account:
        found, text, handed_over = deliver(opened(account, url=f"https://localhost:{account.port}"), mail)
        assert (found, handed_over, account.received) == (Misconfigured, 0, [])
        assert "certificate" in text


def test_over_tls_a_mail_is_taken(mail, server_context, certificate, monkeypatch):
    # How the system's own trust is widened.
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    assert ssl.get_default_verify_paths().cafile == certificate[0]
    with Account(context=server_context) as account:
        assert deliver(opened(account, url=f"https://localhost:{account.port}"), mail) == ("14c5d75ce93", "", 1)


# --- the key


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "SENDGRID_API_KEY is not set"),
        ("two words", "no API key"),
        ("ключ", "no API key"),
        ("a\r\nX: y", "no API"),
    ],
)
def test_without_a_usable_key_nothing_is_asked(account, mail, key, says):
    found, text, handed_over = deliver(opened(account, secrets={"SENDGRID_API_KEY": key}), mail)
    assert (found, handed_over, account.received) == (Misconfigured, 0, [])
    assert says in text
    assert key is None or key not in text


def test_a_new_key_counts_from_the_next_mail_on(account, mail):
    secrets = {"SENDGRID_API_KEY": "SG.one"}
    transport = opened(account, secrets)
    deliver(transport, mail)
    secrets["SENDGRID_API_KEY"] = "SG.two"
    deliver(transport, mail)
    assert [one.headers["authorization"] for one in account.received] == ["Bearer SG.one", "Bearer SG.two"]


def test_the_key_of_the_environment_that_the_sdk_knows_is_not_taken(account, mail, monkeypatch):
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.of.another")
    assert deliver(opened(account, secrets={"OTHER": "x"}), mail)[0] is Misconfigured


def test_the_key_shows_neither_in_errors_nor_in_logs(account, mail, caplog):
    caplog.set_level(logging.DEBUG)
    for answer in (
        refused(401, {"message": f"the key {KEY} is wrong"}),
        reply(500, KEY.encode()),
        taken(),
        ["reset"],
    ):
        account.answers.append(answer)
        assert KEY not in deliver(opened(account), mail)[1]
    assert KEY not in caplog.text
    assert "Hello" not in caplog.text


# --- settings


@pytest.mark.parametrize(
    ("region", "host"), [("global", "https://api.sendgrid.com"), ("eu", "https://api.eu.sendgrid.com")]
)
def test_the_region_is_the_host(region, host):
    transport = SendGridTransport(settings(region=region), {"SENDGRID_API_KEY": KEY}.get)
    assert transport._client().client.host == host


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"api_key_env": ""},
        {"api_key_env": "K", "api_key": "SG.secret"},
        {"api_key_env": "K", "region": "mars"},
        {"api_key_env": "K", "url": "http://sendgrid.corp.test"},
        {"api_key_env": "K", "url": "ftp://127.0.0.1"},
        {"api_key_env": "K", "url": "https://sendgrid.corp.test", "region": "eu"},
        {"api_key_env": "K", "per_second": 0},
        {"api_key_env": "K", "timeout_seconds": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_when_read(given):
    with pytest.raises(ValidationError):
        SendGridSettings.model_validate(given)


def test_no_more_leave_in_a_second_than_the_settings_say(account, mail, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("connectors.email.sendgrid.Pace", partial(Pace, clock=clock, sleep=clock.sleep))
    transport = opened(account, per_second=2)
    assert [deliver(transport, mail)[0] for _ in range(2)] == ["14c5d75ce93"] * 2
    assert clock.slept == []
    deliver(transport, mail)
    assert clock.slept == [0.5]


def test_the_sdk_is_imported_when_a_mail_leaves_and_not_before():
    import subprocess
    import sys

    code = "import sys; import connectors.email.registry; print('sendgrid' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
