"""The page behind a mail's unsubscribe link, as readers, their mailboxes and mail scanners meet it."""

import pytest
import sqlalchemy as sa
from itsdangerous import URLSafeSerializer

from engine.mail.addresses import address_key
from engine.workspace import load_workspace
from store import clock, schema
from store.deploying.deploy import deploy
from store.responses.links import Links, own_key
from tests.store.book import NOW

WORKSPACE = b"""
name: Corp <&>
mail:
  topics:
    tips: { title: "Tips <b>", says: How to get more out of it. }
    offers: { title: Offers, opt_in: true }
"""
ANN = address_key("ann@acme.test")


@pytest.fixture
def link(engine):
    """The path of a link in a mail of this topic."""
    with engine.begin() as conn:
        clock.set_virtual(conn, NOW)
        deploy(conn, load_workspace({"tenure.yaml": WORKSPACE}), [], NOW)
        key = own_key(conn)
    links = Links(public_url="", key=key)
    return lambda topic="tips", person=ANN, language="en": links.preferences(person, topic, language)


def said(engine, person=ANN):
    """The topics of which the person has spoken, and whether they have left everything."""
    of, listed = schema.subscription.c, schema.suppression.c
    with engine.connect() as conn:
        topics = {
            row.topic: row.subscribed
            for row in conn.execute(sa.select(of.topic, of.subscribed).where(of.address_key == person))
        }
        left = conn.execute(sa.select(listed.reason).where(listed.address_key == person)).scalars().all()
    return topics, left


def test_opening_a_link_shows_the_topics_and_changes_nothing(client, engine, link):
    for _ in range(2):
        page = client.get(link())
    assert page.status_code == 200
    assert "Tips &lt;b&gt;" in page.text
    assert 'value="tips" checked' in page.text
    assert 'value="offers">' in page.text, "nobody is subscribed to what has to be asked for"
    assert page.headers["x-robots-tag"] == "noindex"
    assert 'href="/tasks"' not in page.text, "customers see nothing of ours"
    assert said(engine) == ({}, [])


@pytest.mark.parametrize(
    "how",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b"List-Unsubscribe=One-Click"},
        {},
    ],
    ids=["form", "multipart", "no type", "empty"],
)
def test_one_click_unsubscribes_from_the_mails_topic_without_cookie_login_or_redirect(client, engine, link, how):
    for _ in range(2):
        answer = client.post(link(), follow_redirects=False, **how)
        assert answer.status_code == 200, "also when it is so already"
        assert "set-cookie" not in answer.headers
    assert "You are unsubscribed from “Tips &lt;b&gt;”" in answer.text
    assert said(engine) == ({"tips": False}, [])
    assert said(engine, address_key("bob@acme.test")) == ({}, [])


def test_a_reader_chooses_topics(client, engine, link):
    page = client.post(link(), data={"do": "chosen", "topic": ["offers", "marketing"]})
    assert "Your choice is saved" in page.text
    assert said(engine) == ({"tips": False, "service": False, "offers": True, "marketing": True}, [])
    assert 'value="offers" checked' in client.get(link()).text


def test_a_reader_leaves_everything_and_comes_back(client, engine, link):
    assert "from all of our mails" in client.post(link(), data={"do": "all"}).text
    assert said(engine) == ({}, ["unsubscribed"])
    page = client.get(link())
    assert "You get none of our mails" in page.text
    assert "checked" not in page.text
    client.post(link(), data={"do": "chosen", "topic": ["tips"]})
    topics, left = said(engine)
    assert (topics["tips"], topics["service"], left) == (True, False, [])


def test_a_topic_that_is_declared_no_more_can_still_be_left(client, engine, link):
    path = link("once_declared")
    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 200
    assert said(engine) == ({"once_declared": False}, [])


@pytest.mark.parametrize("cut", ["", "x", "W10.abc", "a" * 5000])
def test_unknown_and_cut_links_are_refused_in_words(client, engine, link, cut):
    for path in (f"/u/{cut}x", link()[:-3]):
        for page in (client.get(path), client.post(path)):
            assert page.status_code == 404
            assert "This link does not work" in page.text
    assert said(engine) == ({}, [])


def test_a_surveys_link_is_no_preference_link(client, link, engine):
    with engine.begin() as conn:
        token = Links(public_url="", key=own_key(conn)).survey(1).rpartition("/")[2]
    assert client.post(f"/u/{token}").status_code == 404


@pytest.mark.parametrize(
    ("language", "shown", "heading", "left"),
    [
        ("de-CH", "de", "Worüber wir Ihnen schreiben", "Sie haben „Hilfe zu dem, was Sie nutzen“ abbestellt."),
        ("fr", "fr", "Ce dont nous vous parlons par e-mail", "désabonné de « Aide sur ce que vous utilisez »."),
        ("es", "es", "Sobre qué le escribimos", "Se ha dado de baja de «Ayuda con lo que usa»."),
        ("pl", "en", "What we write to you about", "You are unsubscribed from “Help with what you use”."),
    ],
)
def test_the_page_speaks_the_language_of_its_mail(client, link, language, shown, heading, left):
    path = link("service", language=language)
    page = client.get(path, headers={"accept-language": "es"})
    assert f'<html lang="{shown}">' in page.text
    assert f"<h1>{heading}</h1>" in page.text
    assert "Tips &lt;b&gt;" in page.text, "an author's own words stay as they are"
    assert left in client.post(path).text.replace("\u00a0", " ")


def test_links_from_before_they_knew_their_language_work(client, engine, link):
    with engine.begin() as conn:
        token = URLSafeSerializer(own_key(conn), salt="tenure.preferences").dumps([ANN, "tips"])
    assert client.post(f"/u/{token}").status_code == 200
    assert said(engine) == ({"tips": False}, [])


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("de", "Dieser Link funktioniert nicht"),
        ("pl, fr;q=0.4, es-MX;q=0.9", "Este enlace no funciona"),
        ("de;q=0, x;q=y, pl", "This link does not work"),
        ("", "This link does not work"),
    ],
)
@pytest.mark.parametrize("page", ["u", "l", "s"])
def test_a_broken_link_is_told_in_a_language_that_the_browser_asks_for(client, link, page, wanted, says):
    answer = client.get(f"/{page}/broken", headers={"accept-language": wanted})
    assert answer.status_code == 404
    assert f"<h1>{says}</h1>" in answer.text
    assert 'tenure.svg" alt' not in answer.text, "customers see nothing of ours"
