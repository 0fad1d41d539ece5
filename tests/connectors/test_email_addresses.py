"""Whom mail can be sent to, and whom it is not, whoever carries it."""

import pytest

from connectors.email.message import build_message, envelope_address, parts_of
from connectors.errors import Rejected

LOOK_ALIKES = [
    "kim@p\u0430ypal.test",  # a Cyrillic а
    "kim@xn--pypal-4ve.test",
    "kim@\u0440\u0430y.corp.test",
    "kim@g\u03bf\u03bfgle.test",  # Greek omicrons
    "kim@\u0251\u0561pple.test",  # an Armenian letter
]
MALFORMED = [
    *("", " ", "kim", "kim@", "@corp.test", "kim@@corp.test", "kim@corp..test", ".kim@corp.test", "kim.@corp.test"),
    *("kim@corp.test\r\nBcc: evil@evil.test", "kim@corp.test\n", "kim @corp.test", "kim@corp test", "kim@-corp.test"),
    *("kim@corp.test, lee@corp.test", "Kim <kim@corp.test>", '"kim"@corp.test', "kim@[127.0.0.1]", "kim@localhost"),
    *("a" * 65 + "@corp.test", "kim@" + "a" * 64 + ".test", "kim@" + "a." * 130 + "test", "kim@corp.t\u0000est"),
    *("kim@c\u200borp.test", "kim@corp.test\u202e", "kim\u2028@corp.test", "kim@\ud800.test"),
]
GOOD = [
    ("kim@corp.test", "kim@corp.test"),
    ("Kim.O'Hara+a@Corp.Test", "Kim.O'Hara+a@corp.test"),
    ("kim@b\u00fccher.test", "kim@xn--bcher-kva.test"),
    ("kim@\u044f\u043d\u0434\u0435\u043a\u0441.test", "kim@xn--d1acpjx3f.test"),
    ("kim@\u65e5\u672c\u8a9ekk.test", "kim@xn--kk-5t7du0ck91h.test"),
    ("kim@xn--bcher-kva.test", "kim@xn--bcher-kva.test"),
]


@pytest.mark.parametrize(("address", "travels_as"), GOOD)
def test_an_international_domain_travels_in_its_ascii_form(mail, address, travels_as):
    assert envelope_address(address, "recipient") == travels_as
    assert parts_of(mail(to_address=address)).recipient.addr_spec == travels_as
    assert build_message(mail(to_address=address)).isascii()


@pytest.mark.parametrize("address", LOOK_ALIKES)
def test_a_domain_that_passes_for_another_is_refused(mail, address):
    with pytest.raises(Rejected, match=r"mixes .* letters"):
        build_message(mail(to_address=address))


@pytest.mark.parametrize("address", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize("part", ["to_address", "from_address", "reply_to", "replies_to"])
def test_what_is_no_address_is_refused_in_every_part(mail, part, address):
    if part == "reply_to" and not address:
        return  # nothing is nobody
    with pytest.raises(Rejected, match=r"cannot be mailed to|mixes"):
        build_message(mail(**{part: address}))


def test_a_reply_reaches_a_person_and_us(mail):
    raw = build_message(mail(replies_to="reply+abc@in.corp.test"))
    assert b"Reply-To: robin@corp.test,\r\n reply+abc@in.corp.test\r\n" in raw
    raw = build_message(mail(reply_to=None, replies_to="reply+abc@in.corp.test"))
    assert b"Reply-To: success@corp.test,\r\n reply+abc@in.corp.test\r\n" in raw
    assert b"Reply-To" not in build_message(mail(reply_to=None))
