"""What comes back by mail, as the store takes it in."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.mail.incoming import Incoming
from store import schema
from store.responses import replies
from tests.databases import engine_of
from tests.mailing import NOW, Post

LISTENS = ("email.replied", "email.bounced")


@pytest.fixture
def post(database):
    engine = engine_of(database)
    return Post(engine)


@pytest.fixture
def sent(post):
    """(id, run, message id) of a mail that has left, with an address of its own for replies."""
    run_id = post.run(listens=LISTENS)
    mail_id = post.mail(run_id)
    post.change(schema.mail, mail_id, state="sent", settled_at=NOW, replies_to="reply+abc@in.corp.test")
    return mail_id, run_id, post.find(mail_id).message_id


def incoming(key="<r1@acme.test>", kind="replied", **values):
    usual: dict[str, Any] = {
        "to": ("reply+abc@in.corp.test",),
        "about": (),
        "says": "Yes.",
        "at": NOW + timedelta(hours=1),
    }
    return Incoming(key=key, kind=kind, **(usual | values))


def take(post, one, now=NOW + timedelta(hours=2)):
    with post.engine.begin() as conn:
        return replies.take_in(conn, one, now)


def kept(post):
    with post.engine.begin() as conn:
        reply = schema.mail_reply.c
        return conn.execute(sa.select(reply.kind, reply.says).order_by(reply.id)).all()


def heard(post, run_id):
    return [fact["values"]["event"] for fact in post.told(run_id) if fact["kind"] == "event"]


def test_a_reply_is_kept_and_told_once_however_often_it_comes(post, sent):
    _, run_id, _ = sent
    assert [take(post, incoming()) for _ in range(3)] == ["replied", "repeat", "repeat"]
    assert kept(post) == [("replied", "Yes.")]
    assert heard(post, run_id) == ["email.replied"]


def test_a_machine_s_answer_is_kept_and_nobody_hears_of_it(post, sent):
    _, run_id, _ = sent
    assert take(post, incoming(kind="auto_replied", says="I am away.")) == "auto_replied"
    assert kept(post) == [("auto_replied", "I am away.")]
    assert heard(post, run_id) == []


def test_a_bounce_is_an_event_with_its_reason_and_no_reply(post, sent):
    mail_id, run_id, message_id = sent
    bounce = incoming(kind="bounced", to=("success@corp.test",), about=(message_id,), reason="5.1.1 no such person")
    assert take(post, bounce) == "bounced"
    assert kept(post) == []
    assert heard(post, run_id) == ["email.bounced"]
    with post.engine.begin() as conn:
        reason = conn.execute(sa.select(schema.mail_event.c.reason).where(schema.mail_event.c.mail_id == mail_id))
        assert reason.scalar() == "5.1.1 no such person"


def test_a_reply_finds_its_mail_by_its_address_first_and_by_what_it_answers_otherwise(post, sent):
    other = post.mail(post.run(listens=LISTENS))
    post.change(schema.mail, other, state="sent", settled_at=NOW)
    other_id = post.find(other).message_id
    take(post, incoming("<r1@a.test>", about=(other_id,)))
    take(post, incoming("<r2@a.test>", to=("desk@corp.test",), about=("<x@y.test>", other_id, sent[2])))
    with post.engine.begin() as conn:
        found = conn.execute(sa.select(schema.mail_reply.c.mail_id).order_by(schema.mail_reply.c.id)).scalars().all()
    assert found == [sent[0], other]


def test_what_is_about_no_mail_of_ours_changes_nothing(post, sent):
    assert take(post, incoming(to=("reply+made-up@in.corp.test",), about=("<x@y.test>",))) == "stranger"
    assert take(post, incoming(to=(), about=())) == "stranger"
    assert kept(post) == []


def test_a_reply_proves_that_a_mail_of_which_nobody_knew_has_left(post, sent):
    post.change(schema.mail, sent[0], state="unknown")
    take(post, incoming())
    assert post.find(sent[0]).state == "sent"


def test_a_reply_from_the_future_happened_now(post, sent):
    take(post, incoming(at=NOW + timedelta(days=3)), now=NOW + timedelta(hours=2))
    with post.engine.begin() as conn:
        assert conn.execute(sa.select(schema.mail_reply.c.at)).scalar() == NOW + timedelta(hours=2)
