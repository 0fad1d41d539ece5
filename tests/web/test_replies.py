"""Replies posted by SendGrid's Inbound Parse: who may post, what is answered, what is counted."""

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from connectors.errors import Misconfigured
from store import schema
from tests.connectors.test_replies_reading import form, mail
from tests.mailing import NOW, Post
from tests.web.signed_in import alive
from web.app import create_app
from web.bodies import REPLY_BODY
from web.deps import WebDeps

SECRET = "s3cret-in-the-address"
PATH = f"/hooks/replies/{SECRET}"


@pytest.fixture
def client(engine):
    app = create_app(WebDeps(engine=engine, temporal_answers=alive, replies_secret=lambda: SECRET))
    with TestClient(app) as client:
        yield client


@pytest.fixture
def sent(engine):
    post = Post(engine)
    mail_id = post.mail(post.run())
    post.change(schema.mail, mail_id, state="sent", settled_at=NOW, replies_to="reply+abc234@in.corp.test")
    return mail_id


def tell(client, content, path=PATH):
    content_type, body = content
    return client.post(path, content=body, headers={"content-type": content_type})


def counted(client, name, **labels):
    # Straight from the registry: the page itself asks for a sign-in.
    return client.app.state.metrics._registry.get_sample_value(name, labels) or 0


def test_a_posted_reply_is_kept_and_a_repeat_is_one(client, engine, sent):
    post = form(email=mail(), attachment1=b"%PDF" * 1000)
    assert tell(client, post).json() == {"became": "replied"}
    assert tell(client, post).json() == {"became": "repeat"}
    with engine.connect() as conn:
        found = conn.execute(sa.select(schema.mail_reply.c.mail_id, schema.mail_reply.c.says)).all()
    assert found == [(sent, "Yes, Tuesday.")]
    assert counted(client, "tenure_mail_events_total", provider="replies", became="replied") == 1


@pytest.mark.parametrize(
    ("path", "content", "status", "why"),
    [
        ("/hooks/replies/guessed", form(email=mail()), 403, "not_signed"),
        (PATH, ("application/json", b"{}"), 400, "malformed"),
        (PATH, form(subject="x"), 400, "malformed"),
        (PATH, ("multipart/form-data; boundary=x", b"x" * (REPLY_BODY + 1)), 413, "too_large"),
    ],
    ids=["another secret", "no form", "no mail", "too large"],
)
def test_what_is_refused_is_counted_and_changes_nothing(client, engine, sent, path, content, status, why):
    assert tell(client, content, path).status_code == status
    assert counted(client, "tenure_hook_refusals_total", hook="replies", why=why) == 1
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.mail_reply.c.id)).all() == []


def test_nothing_is_posted_where_nothing_is_expected_or_set_up(engine):
    def broken():
        raise Misconfigured("REPLIES_SECRET is not set")

    for secret, status in ((lambda: None, 404), (broken, 503)):
        with TestClient(create_app(WebDeps(engine=engine, temporal_answers=alive, replies_secret=secret))) as client:
            assert tell(client, form(email=mail())).status_code == status
