import contextlib
import html.parser
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.problems import DocumentError
from engine.texts.document import MailText, load_text
from engine.texts.filters import RenderError
from engine.texts.mail import Letterhead, render_mail
from engine.texts.names import known_names
from engine.texts.scale import Scale

KNOWN = known_names(["account.name", "account.portal", "account.renewal_date", "health.score"], ["champion"], ["csm"])
LETTERHEAD = Letterhead(
    sender_name="Acorn & Co",
    postal_address="1 Long Lane\nOld <Town>",
    unsubscribe_url="https://mail.acorn.example/u/abc?x=1&y=2",
)

FILE = """---
subject: How is {{ account.name }} doing?
preheader: One short question
category: marketing
---
# Hello {{ recipient.first_name or "there" }}

**{{ account.name }}** renews on {{ account.renewal_date | date }}; see `{{ account.name }}`.

{% if health.score < 60 %}
We would like to help.
{% endif %}

- first
- second
  1. inner

> quoted

[Open your portal]({{ account.portal }})

Or read [the guide](https://docs.acorn.example/a?b=c&q={{ account.name }}).
"""
VALUES = {
    "account.name": "Acme",
    "account.portal": "https://portal.acorn.example/x?y=1&z=ü",
    "account.renewal_date": "2027-01-31",
    "health.score": 41.5,
    "recipient.first_name": "Kim",
}


def refusals(text, file="emails/x.md"):
    with pytest.raises(DocumentError) as caught:
        load_text(text, file, KNOWN)
    return [(p.code, p.spot.line, p.spot.column) for p in caught.value.problems]


def test_a_mail_text_is_front_matter_and_body():
    text = load_text(FILE.encode(), "emails/x.md", KNOWN)
    assert (text.category, text.preheader) == ("marketing", "One short question")
    assert text.body.startswith("# Hello")
    assert text.reads == (
        *("account.name", "account.portal", "account.renewal_date", "health.score", "recipient.first_name"),
    )
    assert text.hash == load_text(FILE.replace("\n", "\r\n"), "other.md", KNOWN).hash
    assert text.hash != MailText.model_validate({**text.model_dump(), "category": "service"}).hash
    assert MailText.model_validate_json(text.model_dump_json()) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("PB401", 1, 1)]),
        ("subject: x\n---\nbody", [("PB401", 1, 1)]),
        ("---\nsubject: x\nbody", [("PB401", 3, 1)]),
        ("---\nsubject: x\n---\n\n", [("PB402", 4, 1)]),
        ("---\nsubject: x\ncategry: marketing\n---\nbody", [("PB101", 3, 1)]),
        ("---\nsubject: x\ncategory: spam\n---\nbody", [("PB104", 3, 11)]),
        ("---\npreheader: x\n---\nbody", [("PB102", 2, 1)]),
        (
            "---\nsubject: A {{ account.nme }}\n---\nHi {{ csm.nam }}\n\n {{ x }}",
            [("PB405", 2, 15), ("PB405", 4, 7), ("PB405", 6, 5)],
        ),
        (
            "---\nsubject: x\n---\n[a](javascript:x) [b](/c) [d](https://ok.example) [e]({{ account.portal }})",
            [("PB409", 4, 5), ("PB409", 4, 23)],
        ),
        (b"---\nsubject: \xff\n---\nbody", [("PB005", 1, 1)]),
        ("---\nsubject: x\n---\nbo\x07dy", [("PB408", 4, 3)]),
        ('---\nsubject: "x\\ny"\n---\nbody', [("PB408", 2, 10)]),
    ],
)
def test_every_problem_has_its_place(text, expected):
    assert refusals(text) == expected


def test_html_and_plain_text_say_the_same():
    mail = render_mail(load_text(FILE, "x.md", KNOWN), VALUES, LETTERHEAD)
    assert mail.subject == "How is Acme doing?"
    for part in (mail.html, mail.plain):
        for words in ("Hello Kim", "31 January 2027", "We would like to help.", "first", "quoted", "1 Long Lane"):
            assert words in part
    assert "Open your portal <https://portal.acorn.example/x?y=1&z=%C3%BC>" in mail.plain
    assert "- first\n- second\n  1. inner\n" in mail.plain
    assert (
        "-- \nAcorn & Co\n1 Long Lane\nOld <Town>\n\nUnsubscribe from mails like this one: https://mail.acorn.example/u/abc?x=1&y=2"
        in mail.plain
    )
    assert "Acorn &amp; Co" in mail.html
    assert "Old &lt;Town&gt;" in mail.html


def test_the_page_is_accessible_and_knows_the_dark():
    mail = render_mail(load_text(FILE, "x.md", KNOWN), VALUES, LETTERHEAD)
    assert '<html lang="en"' in mail.html
    assert "<title>How is Acme doing?</title>" in mail.html
    assert "prefers-color-scheme: dark" in mail.html
    assert mail.html.count('role="presentation"') == mail.html.count("<table")
    assert mail.html.index("charset") < 300
    button = next(line for line in mail.html.splitlines() if "Open your portal" in line)
    assert "background-color" in button
    guide = next(line for line in mail.html.splitlines() if "the guide" in line)
    assert 'class="button"' not in guide


def test_transactional_mail_has_no_way_out_to_show():
    mail = render_mail(load_text(FILE, "x.md", KNOWN), VALUES, LETTERHEAD.model_copy(update={"unsubscribe_url": None}))
    assert "nsubscribe" not in mail.html + mail.plain


class _Shape(html.parser.HTMLParser):
    """The tags of a page and where its links lead."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]


BODY = """# {{ account.name }}

{{ account.name }} **{{ account.name }}** *{{ account.name }}* `{{ account.name }}`
[{{ account.name }}](https://a.example/{{ account.name }}?q={{ account.name }})

1. {{ account.name }}

    {{ account.name }}

{{ account.name }}
===
> {{ account.name }}
"""

_NASTY = st.lists(
    st.sampled_from(
        [
            *(
                "<script>alert(1)</script>",
                "<b>",
                "&lt;",
                "\n\n# x",
                "\n- x",
                "](javascript:x)",
                "[x](https://evil.test)",
                "![",
            ),
            *(
                "`",
                "``",
                "*",
                "**",
                "_",
                "~~~",
                "```",
                "\n---\n",
                "\n===",
                "|",
                "\\",
                "<https://evil.test>",
                "    ",
                "\t",
                "{{ x }}",
            ),
            *("zq0x0z", "zq1x0z", "\u202e", "\x00", "/../", "?", "#", "@", "&amp;", "%0d%0a", "é", "a", " "),
        ]
    ),
    min_size=1,
    max_size=8,
).map("".join)


@settings(deadline=1000)
@given(st.one_of(_NASTY, st.text(min_size=1, max_size=60)).filter(lambda value: any(c.isalnum() for c in value)))
def test_no_value_can_change_the_structure_of_a_mail(value):
    text = MailText(subject="{{ account.name }}", body=BODY)
    tame = render_mail(text, {"account.name": "Acme"}, LETTERHEAD)
    nasty = render_mail(text, {"account.name": value}, LETTERHEAD)
    tame_shape, shape = _Shape(tame.html), _Shape(nasty.html)
    assert shape.tags == tame_shape.tags
    assert len(shape.links) == len(tame_shape.links)
    assert shape.links[0].startswith("https://a.example/")
    assert shape.links[0].count("?") == 1
    assert "\n" not in nasty.subject
    assert nasty.plain.count("\n") == tame.plain.count("\n")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil.test", "acme", "file:///x", " "]
)
def test_a_link_whose_value_is_no_address_is_an_error_not_a_dead_link(address):
    text = MailText(subject="x", body="[Open]({{ account.portal }})")
    with pytest.raises(RenderError, match="not a web address"):
        render_mail(text, {"account.portal": address}, LETTERHEAD)


def test_values_in_mail_addresses_keep_their_at_sign_and_nothing_else():
    text = MailText(subject="x", body="[Write](mailto:{{ csm.email }}?subject=Hi) now")
    mail = render_mail(text, {"csm.email": "kim+a@acorn.test&bcc=x@y.test"}, LETTERHEAD)
    assert "mailto:kim%2Ba@acorn.test%26bcc%3Dx@y.test?subject=Hi" in mail.plain


def test_values_cannot_make_a_mail_of_any_size():
    text = MailText(subject="x", body="{{ account.name }} " * 400)
    with pytest.raises(RenderError, match="longer than"):
        render_mail(text, {"account.name": "x" * 10_000}, LETTERHEAD)


@pytest.mark.parametrize(
    "body",
    [
        *("[" * 16_000, "![" * 8_000, "> " * 8_000, "*a **a " * 2_000, "`" * 200 + "a" * 15_000, "- " * 8_000),
        *("[a](" * 4_000, "<" * 16_000, "&" * 16_000, "_a" * 8_000, "\\" * 16_000, "[a]: x\n" * 2_000, "* * " * 4_000),
        *("".join("`" * n + " " for n in range(170)), "(" * 16_000, "~~~\n" * 4_000, "\n" * 16_000 + "x"),
    ],
    ids=range(17),
)
def test_a_hostile_body_is_set_or_refused_in_a_second(body):
    begun = time.process_time()
    with contextlib.suppress(DocumentError, RenderError):
        text = load_text(f"---\nsubject: x\n---\n{body}", "x.md", KNOWN)
        assert render_mail(text, {}, LETTERHEAD).html
    assert time.process_time() - begun < 1


@settings(deadline=1000)
@given(
    st.one_of(
        st.text(max_size=120),
        st.binary(max_size=60),
        st.tuples(st.text(max_size=40), st.text(max_size=80)).map(
            lambda parts: f"---\nsubject: {parts[0]}\n---\n{parts[1]}"
        ),
    )
)
def test_any_file_is_a_text_or_has_problems(text):
    try:
        loaded = load_text(text, "x.md", KNOWN)
    except DocumentError:
        return
    assert loaded.body.strip()


SCALE = Scale(
    question="How likely?", low="not at all", high="very", links={0: "https://a.example/0", 1: "https://a.example/1"}
)


@pytest.mark.parametrize(
    ("ending", "order"),
    [
        ("{{ sender.name }}", ("I answer.", "How likely?", "Mina")),
        ("{{ sender.first_name }}, for all of us\nAcorn", ("I answer.", "How likely?", "Mina")),
        ("Yours, {{ sender.name }}", ("I answer.", "Mina", "How likely?")),
        ("{{ sender.name }} will call.\n\nBye", ("I answer.", "Mina", "Bye", "How likely?")),
        ("- {{ sender.name }}", ("I answer.", "Mina", "How likely?")),
    ],
)
def test_a_survey_asks_before_its_writer_signs(ending, order):
    text = MailText(subject="One number", category="service", body=f"Hi\n\nI answer.\n\n{ending}\n")
    values = {"sender.name": "Mina Kovac", "sender.first_name": "Mina"}
    mail = render_mail(text, values, LETTERHEAD, scale=SCALE)
    for shown in (mail.html.partition("<main>")[2], mail.plain):
        assert sorted(order, key=shown.index) == list(order)
    assert mail.plain.count("\n\n\n") == 0
