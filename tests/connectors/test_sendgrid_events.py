"""What SendGrid's event webhook posts: whose it is, and what is read from it."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from connectors.email.sendgrid_events import SIGNATURE, TIMESTAMP, Malformed, NotSendGrids, read_post, verify
from connectors.errors import Misconfigured
from engine.mail.seen import Seen
from tests.connectors.sendgrid_posts import AT, VERIFICATION_KEY, event, post, signed

BODY = b'[{"event": "delivered"}]\r\n'


def check(headers, body=BODY, now=AT, key=VERIFICATION_KEY):
    return verify(key, body, headers.get(SIGNATURE), headers.get(TIMESTAMP), now)


def test_a_post_is_taken_with_the_signature_over_its_raw_bytes_and_tells_its_age():
    assert check(signed(BODY, AT), now=AT + timedelta(minutes=3)) == timedelta(minutes=3)


def test_the_key_may_be_given_as_sendgrid_shows_it_or_between_its_pem_lines():
    in_lines = "\n".join(VERIFICATION_KEY[n : n + 64] for n in range(0, len(VERIFICATION_KEY), 64))
    pem = f"-----BEGIN PUBLIC KEY-----\n{in_lines}\n-----END PUBLIC KEY-----\n"
    assert check(signed(BODY, AT), key=pem) == timedelta(0)


def test_a_redelivery_may_be_a_day_old_and_no_older():
    headers = signed(BODY, AT)
    assert check(headers, now=AT + timedelta(hours=24)) == timedelta(hours=24)
    for now in (AT + timedelta(hours=26), AT - timedelta(minutes=6)):
        with pytest.raises(NotSendGrids, match="too long ago"):
            check(headers, now=now)


@pytest.mark.parametrize(
    "change",
    [
        {"body": BODY.strip()},
        {"body": BODY + b" "},
        {TIMESTAMP: str(int(AT.timestamp()) + 1)},
        {TIMESTAMP: "0" + str(int(AT.timestamp()))},
        {TIMESTAMP: "soon"},
        {TIMESTAMP: "1" * 5000},
        {TIMESTAMP: "١٢٣"},
        {TIMESTAMP: None},
        {SIGNATURE: None},
        {SIGNATURE: ""},
        {SIGNATURE: "!"},
        {SIGNATURE: "AAAA"},
        {SIGNATURE: "ü"},
        {SIGNATURE: base64.b64encode(b"\x30" * 5000).decode()},
    ],
    ids=lambda change: str(change)[:60],
)
def test_whatever_was_changed_on_the_way_is_noticed(change):
    body = change.pop("body", BODY)
    with pytest.raises(NotSendGrids):
        check(signed(BODY, AT) | change, body=body)


def test_another_account_s_post_is_not_taken():
    with pytest.raises(NotSendGrids):
        check(signed(BODY, AT, ec.derive_private_key(7, ec.SECP256R1())))


_OTHER_KIND = base64.b64encode(
    ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32)
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


@pytest.mark.parametrize("key", ["", "no key", "AAAA", VERIFICATION_KEY[:-8], _OTHER_KIND])
def test_a_key_that_is_none_is_a_setting_to_mend(key):
    with pytest.raises(Misconfigured, match="verification key"):
        check(signed(BODY, AT), key=key)


# --- events


@pytest.mark.parametrize(
    ("kind", "more", "type_", "says"),
    [
        ("processed", {}, "processed", {}),
        (
            "deferred",
            {"response": "400 try again later", "attempt": "5"},
            "deferred",
            {"reason": "400 try again later"},
        ),
        ("delivered", {"response": "250 OK"}, "delivered", {"reason": "250 OK"}),
        (
            "bounce",
            {"reason": "550 5.1.1 gone", "type": "bounce"},
            "bounced",
            {"reason": "550 5.1.1 gone", "stops": "bounced"},
        ),
        ("bounce", {"reason": "blocked", "type": "blocked"}, "bounced", {"reason": "blocked"}),
        ("dropped", {"reason": "Bounced Address"}, "dropped", {"reason": "Bounced Address", "stops": "provider"}),
        ("dropped", {"reason": "SMTPAPI error"}, "dropped", {"reason": "SMTPAPI error"}),
        ("open", {"useragent": "Mozilla/5.0", "ip": "203.0.113.5"}, "opened", {}),
        ("open", {"sg_machine_open": True}, "opened", {"machine": True}),
        ("open", {"sg_machine_open": False}, "opened", {}),
        ("click", {"url": "https://corp.test/a?b=c"}, "clicked", {"link": "https://corp.test/a?b=c"}),
        ("spamreport", {}, "complained", {"stops": "complained"}),
        ("unsubscribe", {}, "unsubscribed", {"stops": "provider"}),
        ("group_unsubscribe", {"asm_group_id": 10}, "group_unsubscribed", {"stops": "provider"}),
    ],
)
def test_an_event_in_our_words(kind, more, type_, says):
    read = read_post(post(event(kind, **more)))
    expected = {"message_id": "<1a2b3c@corp.test>", "type": type_, "key": "sendgrid/e1", "at": AT}
    assert (read.seen, read.ignored) == ((Seen(**(expected | says)),), 0)


def test_nothing_personal_is_read():
    read = read_post(post(event("click", url="https://corp.test/", ip="203.0.113.5", useragent="Mozilla/5.0")))
    assert "kim@" not in repr(read)
    assert "203.0.113.5" not in repr(read)


@pytest.mark.parametrize(
    "strange",
    [
        {"event": "group_resubscribe"},
        {"event": "account_status_change"},
        {"event": "tomorrow's kind"},
        {"event": None},
        {"event": ["delivered"]},
        {"tenure_mail": None},
        {"tenure_mail": 7},
        {"tenure_mail": ""},
        {"tenure_mail": "a\x00b"},
        {"tenure_mail": "x" * 201},
        {"sg_event_id": None},
        {"sg_event_id": "a\nb"},
        {"timestamp": None},
        {"timestamp": "soon"},
        {"timestamp": True},
        {"timestamp": -1},
        {"timestamp": 10**30},
    ],
    ids=str,
)
def test_what_is_none_of_ours_is_ignored_beside_what_is(strange):
    read = read_post(post(event() | strange, event(id_="e2")))
    assert ([one.key for one in read.seen], read.ignored) == (["sendgrid/e2"], 1)


def test_without_our_argument_an_event_belongs_to_another_program():
    other = event()
    del other["tenure_mail"]
    assert read_post(post(other)).ignored == 1


def test_events_come_out_in_the_order_in_which_they_happened():
    events = [event(id_=f"e{n}", at=AT + timedelta(seconds=9 - n)) for n in range(10)]
    assert [one.key for one in read_post(post(*events)).seen] == [f"sendgrid/e{n}" for n in reversed(range(10))]


def test_words_of_a_server_are_cut_and_cleaned():
    read = read_post(post(event("bounce", reason="550\r\n\x00gone " + "x" * 5000)))
    reason = read.seen[0].reason
    assert reason is not None
    assert reason.startswith("550 gone xxx")
    assert len(reason) == 300


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b"[null]",
        b'[{"event": "delivered"}, 7]',
        b'"delivered"',
        b"[{",
        b"\xff\xfe[",
        b"[" * 200_000,
        b'{"event":' * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_list_of_events_is_refused_as_a_whole(body):
    with pytest.raises(Malformed):
        read_post(body)


def test_an_empty_list_is_what_sendgrid_s_own_test_may_send():
    assert read_post(b"[]").seen == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
_FIELDS = ("event", "tenure_mail", "sg_event_id", "timestamp", "url", "reason", "sg_machine_open")


@given(st.lists(st.dictionaries(st.sampled_from(_FIELDS), _JSON | st.sampled_from(["open", "click", 1_700_000_000]))))
def test_any_json_is_read_without_a_fault(events):
    read = read_post(json.dumps(events).encode())
    assert len(read.seen) + read.ignored == len(events)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with contextlib.suppress(Malformed):
        read_post(body)


@given(st.binary(max_size=100), st.text(max_size=60), st.text(max_size=20))
def test_no_signature_but_the_key_s_own_passes(body, signature, timestamp):
    with pytest.raises(NotSendGrids):
        verify(VERIFICATION_KEY, body, signature, timestamp, datetime(2026, 11, 22, tzinfo=UTC))
