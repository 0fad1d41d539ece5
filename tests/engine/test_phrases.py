import pytest

from engine.phrases import PHRASES, direction_of, phrases_for
from engine.surveys import SCALES
from engine.texts.document import MailText
from engine.texts.mail import Letterhead, render_mail
from engine.texts.notation import NOTATIONS
from engine.texts.preview import preview_mail
from engine.texts.templates import fill
from engine.workspace import Workspace

WORKSPACE = Workspace(name="Acorn", postal_address="Acorn Ltd\n1 Long Lane", locales=("en", "de"))


@pytest.mark.parametrize(
    ("locale", "language"),
    [(None, "en"), ("de", "de"), ("de-AT", "de"), ("DE_at", "de"), ("fr-CA", "fr"), ("es-419", "es"), ("it", "en")],
)
def test_a_locale_is_answered_in_its_language_or_in_english(locale, language):
    assert phrases_for(locale).language == language


@pytest.mark.parametrize(
    ("locale", "direction"),
    [
        *((None, "ltr"), ("en", "ltr"), ("he", "rtl"), ("ar-EG", "rtl"), ("fa_IR", "rtl"), ("ur", "rtl")),
        *(("az-Arab", "rtl"), ("ar-Latn", "ltr"), ("uz-Cyrl-UZ", "ltr")),
    ],
)
def test_a_language_is_written_as_its_script_is(locale, direction):
    assert direction_of(locale) == direction


def test_every_language_says_everything_and_fills_in_the_same():
    assert set(NOTATIONS) == set(PHRASES)
    english = PHRASES["en"].model_dump()
    for phrases in PHRASES.values():
        for name, text in phrases.model_dump().items():
            assert text.strip()
            assert text.count("{") == english[name].count("{"), name
    assert all(len(one.months) == 12 and len(one.weekdays) == 7 for one in NOTATIONS.values())


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "1 March 2027, 1 Mar 2027, Monday 1 March, 1,234.5, €1,234.50, CHF 3"),
        ("de-CH", "1. März 2027, 01.03.2027, Montag, 1. März, 1.234,5, 1.234,50\u00a0€, CHF 3"),
        ("fr", "1er mars 2027, 01/03/2027, lundi 1er mars, 1\u202f234,5, 1\u202f234,50\u00a0€, CHF 3"),
        ("es", "1 de marzo de 2027, 01/03/2027, lunes, 1 de marzo, 1.234,5, 1.234,50\u00a0€, CHF 3"),
    ],
)
def test_dates_and_amounts_are_written_as_the_reader_writes_them(language, expected):
    text = (
        '{{ d | date }}, {{ d | date("short") }}, {{ d | date("weekday") }}, '
        '{{ n | number }}, {{ n | money("EUR") }}, {{ c | money("CHF") }}'
    )
    assert fill(text, {"d": "2027-03-01", "n": 1234.5, "c": 3.0}, language=language) == expected


def test_the_foot_speaks_the_language_of_the_text():
    letterhead = Letterhead(
        sender_name="Acorn",
        postal_address="Acorn Ltd\n1 Long Lane",
        unsubscribe_url="https://a.example/u",
        preferences_url="https://a.example/p",
    )
    mail = render_mail(MailText(subject="x", body="Hallo"), {}, letterhead, language="de-AT")
    assert '<html lang="de-AT" dir="ltr">' in mail.html
    for part in (mail.html, mail.plain):
        assert "Solche E-Mails abbestellen" in part
        assert "Auswählen, welche E-Mails kommen" in part
        assert part.count("Acorn") == 1, "the name is not said twice"


def test_a_mail_in_hebrew_reads_from_the_right():
    mail = render_mail(
        MailText(subject="שלום", body="> שלום"), {}, Letterhead(sender_name="A", postal_address="B"), language="he"
    )
    assert '<html lang="he" dir="rtl">' in mail.html
    assert "text-align: right" in mail.html
    assert "border-right" in mail.html


def test_a_preview_has_what_a_sent_mail_has():
    text = MailText(subject="x", body="Hi {{ recipient.first_name }}", question="")
    mail = preview_mail(text, {"recipient.first_name": "Ann"}, WORKSPACE, asks="csat")
    assert mail.plain.count("survey?score=") == len(SCALES["csat"].scores)
    assert "How satisfied are you with us?" in mail.html
    assert "Unsubscribe" in mail.plain
    exempt = preview_mail(
        text.model_copy(update={"category": "transactional"}), {"recipient.first_name": "A"}, WORKSPACE
    )
    assert "nsubscribe" not in exempt.plain


def test_links_lead_through_another_address_in_html_alone_and_only_those_of_the_text():
    text = MailText(subject="x", body="[Open](https://a.example/?x=1&y=2) [write](mailto:a@b.example)")
    letterhead = Letterhead(sender_name="A", postal_address="B", unsubscribe_url="https://a.example/u")
    asked = []

    def through(address):
        asked.append(address)
        return "https://t.example/l/1"

    mail = render_mail(text, {}, letterhead, through=through)
    assert asked == ["https://a.example/?x=1&y=2"]
    assert mail.html.count("https://t.example/l/1") == 1
    assert "https://a.example/u" in mail.html
    assert "mailto:a@b.example" in mail.html
    assert "Open <https://a.example/?x=1&y=2>" in mail.plain
