"""Mails as they come in: from people, from machines, and from nowhere."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.replies.posted import Malformed, mail_in
from connectors.replies.quoting import plain_of, without_quotation
from connectors.replies.reading import read_mail
from engine.mail.incoming import MOST_SAID

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
OURS = "<0123456789abcdef@corp.test>"


def mail(body="Yes, Tuesday.\n", content="text/plain; charset=utf-8", **headers):
    heads = {
        "From": "Ann Ex <ann@acme.test>",
        "To": "Desk <desk@corp.test>, reply+ABC234@In.Corp.test",
        "Subject": "Re: Hello",
        "Date": "Sat, 21 Nov 2026 10:00:00 +0100",
        "Message-ID": "<r1@acme.test>",
        "In-Reply-To": OURS,
        "References": f"<older@corp.test> {OURS}",
        "Content-Type": content,
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in heads.items() if value is not None)
    return (f"{head}\r\n" + body.replace("\n", "\r\n")).encode()


def test_a_reply_says_who_what_when_and_to_which_mail():
    found = read_mail(mail(), NOW)
    assert (found.kind, found.key) == ("replied", "<r1@acme.test>")
    assert found.to == ("desk@corp.test", "reply+abc234@in.corp.test")
    assert found.about == (OURS, "<older@corp.test>")
    assert (found.from_name, found.from_address, found.subject) == ("Ann Ex", "ann@acme.test", "Re: Hello")
    assert found.says == "Yes, Tuesday."
    assert found.at == datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "replied"),
        ({"Auto-Submitted": "no"}, "replied"),
        ({"Auto-Submitted": "auto-replied"}, "auto_replied"),
        ({"Auto_Submitted": "auto-generated; owner-email=x@y.test"}, "auto_replied"),
        ({"Precedence": "bulk"}, "auto_replied"),
        ({"X_Autoreply": "yes"}, "auto_replied"),
        ({"List_Id": "<news.acme.test>"}, "auto_replied"),
        ({"Return_Path": "<>"}, "auto_replied"),
        ({"Subject": "Automatische Antwort: Hello"}, "auto_replied"),
        ({"Subject": "Out of office: Hello"}, "auto_replied"),
        ({"Subject": "Re: Automatic replies in your product"}, "replied"),
        ({"From": "MAILER-DAEMON@acme.test"}, "auto_replied"),
        ({"From": "noreply@acme.test"}, "auto_replied"),
        # Outlook puts it on what people write, too.
        ({"X_Auto_Response_Suppress": "All"}, "replied"),
        ({"X_Auto_Response_Suppress": "All", "Subject": "RE: Automatic reply: Hello"}, "auto_replied"),
    ],
)
def test_machines_are_told_from_people(headers, kind):
    assert read_mail(mail(**headers), NOW).kind == kind


def report(action="failed", status="5.1.1", back="message/rfc822", diagnostic="smtp; 550 no such person"):
    inner = f"From: success@corp.test\nMessage-ID: {OURS}\nSubject: Hello\n\nHi\n"
    body = (
        "--b\nContent-Type: text/plain\n\nSorry.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.acme.test\n\n"
        f"Final-Recipient: rfc822; ann@acme.test\nAction: {action}\nStatus: {status}\nDiagnostic-Code: {diagnostic}\n"
        f"\n--b\nContent-Type: {back}\n\n{inner}\n--b--\n"
    )
    kind = "multipart/report; report-type=delivery-status; boundary=b"
    return mail(body, kind, From="MAILER-DAEMON@mx.acme.test", In_Reply_To=None, References=None)


@pytest.mark.parametrize("back", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_that_it_did_not_arrive_is_a_bounce_of_the_mail_that_comes_back(back):
    found = read_mail(report(back=back), NOW)
    assert (found.kind, found.about) == ("bounced", (OURS,))
    assert found.reason == "5.1.1 550 no such person"
    assert found.says == ""


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.2.2", "bounced"),
        ("Failed", "4.4.7", "bounced"),
        ("delayed", "4.4.1", "deferred"),
        ("delivered", "2.0.0", "auto_replied"),
        ("", "4.0.0", "deferred"),
        ("", "5.0.0", "bounced"),
    ],
)
def test_a_report_says_whether_it_is_over(action, status, kind):
    assert read_mail(report(action, status), NOW).kind == kind


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Yes.\n\nOn Sat, 21 Nov 2026 at 10:00, Kim <kim@corp.test> wrote:\n> Hello\n", "Yes."),
        ("Ja.\n\nAm 21.11.2026 um 10:00 schrieb Kim Lund\n<kim@corp.test>:\n\n> Hallo\n", "Ja."),
        ("Oui.\n\nLe 21 nov. 2026, Kim a écrit :\n> Bonjour", "Oui."),
        ("Sí.\n\nEl 21 nov 2026, Kim escribió:\n> Hola", "Sí."),
        ("Yes.\n\n-----Original Message-----\nFrom: Kim\n", "Yes."),
        ("Yes.\n\n________________________________\nFrom: Kim\nSent: today\n", "Yes."),
        ("Ja.\n\nVon: Kim <k@corp.test>\nGesendet: heute\nAn: Ann\n\nHallo", "Ja."),
        ("> What day?\nTuesday.\n> And when?\nAt ten.", "Tuesday.\nAt ten."),
        ("On Tuesday we wrote a plan: it is good.\nBye", "On Tuesday we wrote a plan: it is good.\nBye"),
        ("From: the heart,\nI say yes", "From: the heart,\nI say yes"),
        ("", ""),
    ],
)
def test_what_a_person_wrote_stands_above_the_quotation(text, says):
    assert without_quotation(text) == says


def test_words_of_html_are_those_a_reader_sees():
    html = (
        "<html><head><title>x</title><style>p{}</style></head><body><p>Yes,&nbsp;<b>Tuesday</b>.</p><div>Ann</div>"
        "<script>alert(1)</script><blockquote><p>Hello</p></blockquote></body></html>"
    )
    assert plain_of(html).split("\n")[0] == "Yes, Tuesday."
    found = read_mail(mail(html, "text/html; charset=utf-8"), NOW)
    assert found.says == "Yes, Tuesday.\n\nAnn"


@pytest.mark.parametrize(
    ("body", "content", "says"),
    [
        ("Gr=FC=DFe\n", "text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable", "Grüße"),
        ("4pyTIHllcw==\n", "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", "✓ yes"),
        ("yes\n", "text/plain; charset=x-made-up", "yes"),
        ("yes \x00\x07 no\n", "text/plain", "yes    no"),
        ("x" * 50_000, "text/plain", "x" * MOST_SAID),
        ("!!!", "text/plain\r\nContent-Transfer-Encoding: base64", ""),
    ],
)
def test_text_of_any_kind_becomes_text_that_can_be_kept(body, content, says):
    assert read_mail(mail(body, content), NOW).says.rstrip("!") == says


def test_attachments_are_never_what_a_person_says():
    body = (
        "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nsecret\n"
        "--b\nContent-Type: text/plain\n\nsee attached\n--b--\n"
    )
    assert read_mail(mail(body, "multipart/mixed; boundary=b"), NOW).says == "see attached"


def test_a_date_that_is_none_or_ahead_is_now_and_a_mail_without_an_id_is_known_by_its_bytes():
    assert read_mail(mail(Date="someday"), NOW).at == NOW
    assert read_mail(mail(Date="Sat, 21 Nov 2099 10:00:00 +0100"), NOW).at == NOW
    one, same, other = (read_mail(mail(text, Message_ID=None), NOW).key for text in ("a", "a", "b"))
    assert one == same != other


@given(st.binary(max_size=2_000) | st.text(max_size=600).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read(raw):
    read_mail(raw, NOW)


_HEAD = st.sampled_from(["From", "To", "Date", "Message-ID", "References", "Content-Type", "Subject", "Auto-Submitted"])
_WILD = st.text(max_size=80) | st.sampled_from(
    ["<@>", "=?utf-8?b?//8=?=", "a@b, <c@", '"\\', "multipart/report; boundary="]
)


@given(st.lists(st.tuples(_HEAD, _WILD), max_size=12), st.text(max_size=200))
def test_any_head_is_read(heads, body):
    text = "".join(f"{name}: {value}\r\n" for name, value in heads) + f"\r\n{body}"
    found = read_mail(text.encode("utf-8", "replace"), NOW)
    assert found.at <= NOW
    assert len(found.says) <= MOST_SAID


def form(boundary="xyz", **fields):
    parts = []
    for name, value in fields.items():
        raw = value if isinstance(value, bytes) else value.encode()
        file = '; filename="a.pdf"\r\nContent-Type: application/pdf' if name.startswith("attachment") else ""
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + raw + b"\r\n"
        )
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def test_a_post_with_the_raw_mail_is_that_mail_to_the_byte():
    raw = mail("Gr\u00fc\u00dfe\n").replace("ü".encode(), b"\xfc")
    assert mail_in(*form(email=raw, to="x", attachment1=b"%PDF")) == raw


def test_a_post_of_parts_is_put_together_again():
    headers = mail(Auto_Submitted="no").partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
    found = read_mail(
        mail_in(
            *form(
                headers=headers + "\nX-Folded: a\n b",
                text="Grüße\n\nOn Sat, Kim wrote:\n> x".encode("iso-8859-1"),
                charsets='{"text": "iso-8859-1"}',
                envelope='{"to": ["reply+abc234@in.corp.test"], "from": "ann@acme.test"}',
                html="<p>other</p>",
            )
        ),
        NOW,
    )
    assert (found.kind, found.says, found.about[0]) == ("replied", "Grüße", OURS)
    assert "reply+abc234@in.corp.test" in found.to


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b""),
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=xyz", b"not a form"),
        form(subject="x"),
        ("multipart/form-data; boundary=xyz", form(email="x")[1][:40]),
    ],
)
def test_what_is_no_mail_is_malformed(content_type, body):
    with pytest.raises(Malformed):
        mail_in(content_type, body)


@given(
    st.binary(max_size=400), st.sampled_from(["", "multipart/form-data; boundary=x", "multipart/form-data; boundary="])
)
def test_any_post_is_a_mail_or_malformed(body, content_type):
    with contextlib.suppress(Malformed):
        read_mail(mail_in(content_type, body), NOW)
