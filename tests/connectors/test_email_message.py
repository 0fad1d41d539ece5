import email
import email.policy

from hypothesis import given
from hypothesis import strategies as st

from connectors.email.message import build_message
from connectors.errors import Rejected


def test_a_long_unsubscribe_link_stays_one_line(mail):
    link = "https://mail.corp.test/u/" + "a" * 700 + "?token=" + "b=" * 40
    raw = build_message(mail(unsubscribe_url=link))
    assert f"List-Unsubscribe: <{link}>\r\n".encode() in raw
    assert b"=?" not in raw.split(b"List-Unsubscribe:")[1].split(b"\r\n")[0]


def test_transactional_mail_has_no_unsubscribe_headers(mail):
    assert b"nsubscribe" not in build_message(mail(unsubscribe_url=None))


def test_the_same_mail_is_the_same_bytes_every_time(mail):
    assert build_message(mail()) == build_message(mail())


def test_lines_are_short_and_ascii_whatever_the_body(mail):
    raw = build_message(mail(html="<p>" + "ü" * 5000 + "</p>", plain="x" * 5000, subject="ü" * 300))
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")


@given(
    subject=st.text(max_size=400), name=st.text(max_size=200), plain=st.text(max_size=300), html=st.text(max_size=300)
)
def test_any_text_makes_one_message_with_the_same_headers(subject, name, plain, html):
    from datetime import UTC, datetime

    from connectors.email.port import OutgoingMail

    outgoing = OutgoingMail(
        message_id="<a@corp.test>",
        to_address="kim@customer.test",
        to_name=name,
        from_address="success@corp.test",
        from_name=name,
        subject=subject,
        html=html,
        plain=plain,
        at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    try:
        raw = build_message(outgoing)
    except Rejected:
        return
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
    ]
    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/alternative", "text/plain", "text/html"),
    ]
