"""Links of tracked mails, as readers and their mailboxes' scanners follow them."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from itsdangerous import URLSafeSerializer
from starlette.testclient import TestClient

from store import clock, schema
from store.responses.links import Links, own_key
from tests.store.book import NOW
from tests.web.signed_in import alive
from web.app import create_app
from web.deps import WebDeps

TARGETS = [
    "https://app.corp.example/invite?x=1&y=a%2Fb&z=%C3%BC#part",
    "http://corp.example:8080/~kim/;v=1?q=a+b|c^d",
    "https://corp.example",
    "HTTPS://CORP.example/" + "a" * 1400,
]


@pytest.fixture
def sent(engine, in_book):
    """A mail that was delivered an hour ago; its message id."""

    def write(book):
        clock.set_virtual(book.conn, NOW)
        account = book.account()
        run = book.run(account)
        mail_id = book.mail(run, account, book.contact(account), state="sent", settled_at=NOW - timedelta(hours=1))
        query = sa.select(schema.mail.c.message_id).where(schema.mail.c.id == mail_id)
        return book.conn.execute(query).scalar_one()

    return in_book(write)


@pytest.fixture
def links(engine):
    with engine.begin() as conn:
        return Links(public_url="", key=own_key(conn))


def clicks(engine):
    with engine.connect() as conn:
        return conn.execute(
            sa.select(schema.mail_event.c.type, schema.mail_event.c.link, schema.mail_event.c.evidence)
        ).all()


def follow(client, path, method="GET", **headers):
    return client.request(method, path, headers=headers, follow_redirects=False)


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_a_reader_arrives_exactly_where_the_link_led_and_the_click_is_known(stranger, engine, sent, links, target):
    answer = follow(stranger, links.click(sent, target))
    assert (answer.status_code, answer.headers["location"]) == (302, target)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert clicks(engine) == [("clicked", target, "human")]
    follow(stranger, links.click(sent, target))
    assert len(clicks(engine)) == 1, "twice in a second is once"


def test_who_only_looks_or_fetches_ahead_is_no_person(stranger, engine, sent, links):
    path = links.click(sent, TARGETS[0])
    assert follow(stranger, path, "HEAD").headers["location"] == TARGETS[0]
    assert clicks(engine) == []
    follow(stranger, path, **{"sec-purpose": "prefetch;anonymous-client-ip"})
    assert [row.evidence for row in clicks(engine)] == ["likely_machine"]


def test_a_scanner_that_follows_every_link_is_found_out(stranger, engine, sent, links):
    for target in TARGETS[:3]:
        follow(stranger, links.click(sent, target))
    assert {row.evidence for row in clicks(engine)} == {"likely_machine"}


def test_nobody_is_sent_where_no_mail_led(stranger, engine, sent, links):
    good = links.click(sent, TARGETS[0]).removeprefix("/l/")
    forged = URLSafeSerializer("guessed", salt="tenure.click").dumps([sent, "https://evil.example/"])
    other = URLSafeSerializer(links.key, salt="tenure.survey").dumps([sent, "https://evil.example/"])
    script = URLSafeSerializer(links.key, salt="tenure.click").dumps([sent, "javascript:alert(1)"])
    shapes = [URLSafeSerializer(links.key, salt="tenure.click").dumps(one) for one in (1, [sent], ["a", 1], "x")]
    for token in (forged, other, script, *shapes, good[:-1], good + "x", "x", "%0d%0aLocation:x", "//evil.example"):
        answer = follow(stranger, f"/l/{token}?url=https://evil.example/")
        assert answer.status_code in (404, 400), token
        assert "location" not in answer.headers
    assert clicks(engine) == []


def test_a_link_in_a_mail_that_has_not_left_was_followed_by_one_of_us(stranger, engine, sent, links):
    with engine.begin() as conn:
        conn.execute(sa.update(schema.mail).values(state="prepared", settled_at=None))
    assert follow(stranger, links.click(sent, TARGETS[0])).status_code == 302
    assert clicks(engine) == []
    with engine.begin() as conn:
        assert conn.execute(sa.select(schema.mail.c.state)).scalar() == "prepared"


def test_the_links_of_a_mail_that_is_gone_still_lead_on(stranger, engine, links):
    assert follow(stranger, links.click("<gone@corp.test>", TARGETS[0])).headers["location"] == TARGETS[0]
    assert clicks(engine) == []


def test_a_reader_is_sent_on_while_the_database_is_away():
    away = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing?connect_timeout=1")
    links = Links(public_url="", key="k" * 32)
    app = create_app(WebDeps(engine=away, temporal_answers=alive, signing_key="k" * 32))
    with TestClient(app) as stranger:
        assert follow(stranger, links.click("<a@corp.test>", TARGETS[0])).headers["location"] == TARGETS[0]
        assert follow(stranger, "/l/made-up").status_code >= 400


def test_what_is_longer_or_other_than_an_address_is_left_as_it_is(links):
    for target in (
        "https://a.example/" + "x" * 2000,
        "https://a.example/ü",
        "https://a.example/a b",
        "mailto:a@b.test",
    ):
        assert links.click("<a@corp.test>", target) == target
