import email
import email.policy
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from connectors.email.message import build_message, parts_of
from connectors.email.port import OutgoingMail
from connectors.email.smtp import _as_data
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


@given(text=st.text(max_size=3000), local=st.sampled_from(["kim", "kïm"]))
def test_no_line_is_longer_than_smtp_allows_and_none_ends_otherwise(text, local):
    outgoing = OutgoingMail(
        message_id="<a@corp.test>",
        to_address=f"{local}@customer.test",
        to_name=text,
        from_address="success@corp.test",
        from_name=text,
        subject=text,
        html=text,
        plain=text,
        unsubscribe_url="https://mail.corp.test/u/" + "a" * 700,
        at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    lines = _as_data(build_message(outgoing, international=True)).split(b"\r\n")
    assert all(len(line) <= 998 and not set(line) & set(b"\r\n") for line in lines)
    assert not any(line.startswith(b".") and not line.startswith(b"..") for line in lines[:-2])
    assert lines[-2:] == [b".", b""]


@given(
    subject=st.text(max_size=400), name=st.text(max_size=200), plain=st.text(max_size=300), html=st.text(max_size=300)
)
def test_any_text_makes_one_message_with_the_same_headers(subject, name, plain, html):
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


_WRITTEN = st.text(st.sampled_from("ab ,;:<>@\"\\()[]=?._-'ü漢🙂\u0301\u200d"), max_size=250)


@given(subject=_WRITTEN | st.text(max_size=250), name=_WRITTEN | st.text(max_size=150), body=st.text(max_size=500))
@example(subject="=?utf-8?q?x?=", name='a "b" \\c', body="=_\r\n.\r\n--=_x--")
@example(subject="x" * 900, name="Novak, Kim <kim@other.test>", body="a \n\t\n")
@example(subject="a " * 400, name="ü" * 150, body="x" * 2000)
def test_a_reader_s_program_reads_what_was_written(subject, name, body):
    outgoing = OutgoingMail(
        message_id="<a@corp.test>",
        to_address="kim@customer.test",
        to_name=name,
        from_address="success@corp.test",
        from_name=name,
        subject=subject,
        html=body,
        plain=body,
        at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    parts, raw = parts_of(outgoing), build_message(outgoing)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert max(map(len, raw.split(b"\r\n"))) <= 160
    assert message["Subject"] == parts.subject
    for header, expected in (("From", parts.sender), ("To", parts.recipient)):
        (found,) = message[header].addresses
        assert found.addr_spec == expected.addr_spec
        # Python 3.11 puts a space between the encoded words of one name.
        assert found.display_name.replace(" ", "") == expected.display_name.replace(" ", "")
        assert not name.isascii() or found.display_name == expected.display_name or "=?" in name
    plain, html = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == parts.plain
    assert html.get_content().replace("\r\n", "\n") == parts.html
    assert message["Date"].datetime == outgoing.at
    assert not message.defects
