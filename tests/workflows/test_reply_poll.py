"""The loop that asks a mailbox: nothing is lost, nothing counts twice, and one worker asks at a time."""

import threading

import pytest
import sqlalchemy as sa

from connectors.errors import Unavailable
from connectors.replies.memory import MemoryMailbox
from store import schema
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.waiting import PATIENCE, until
from workflows import reply_poll
from workflows.reply_poll import ReplyPoll


@pytest.fixture
def post(database):
    engine = engine_of(database)
    return Post(engine)


@pytest.fixture
def sent(post):
    run_id = post.run(listens=("email.replied",))
    mail_id = post.mail(run_id)
    post.change(schema.mail, mail_id, state="sent", settled_at=NOW, replies_to="reply+abc@in.corp.test")
    return mail_id


def raw(n, to="reply+abc@in.corp.test"):
    return f"From: ann@acme.test\r\nTo: {to}\r\nMessage-ID: <r{n}@acme.test>\r\n\r\nYes {n}\r\n".encode()


def replies(post):
    with post.engine.begin() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(schema.mail_reply)).scalar()


def ask(post, box):
    return ReplyPoll(post.engine, lambda: box).ask(threading.Event())


def test_everything_new_is_taken_in_batches_and_strangers_do_not_come_again(post, sent, monkeypatch):
    monkeypatch.setattr(reply_poll, "_BATCH", 2)
    box = MemoryMailbox(held={n: raw(n) for n in range(5)} | {9: raw(9, "somebody@corp.test")})
    assert ask(post, box) == {"replied": 5, "stranger": 1}
    assert not box.held
    assert replies(post) == 5


def test_what_was_committed_and_not_marked_comes_again_and_counts_once(post, sent):
    box = MemoryMailbox(held={1: raw(1)})
    box.failures.extend([None, Unavailable("gone")])
    with pytest.raises(Unavailable):
        ask(post, box)
    assert (replies(post), len(box.held)) == (1, 1)
    assert ask(post, box) == {"repeat": 1}
    assert (replies(post), len(box.held)) == (1, 0)


def test_nobody_asks_while_another_does(post, sent):
    box = MemoryMailbox(held={1: raw(1)})
    with post.engine.begin() as conn:
        conn.execute(sa.select(sa.func.pg_advisory_lock(reply_poll._LOCK)))
        assert ask(post, box) == {}
        conn.execute(sa.select(sa.func.pg_advisory_unlock(reply_poll._LOCK)))
    assert ask(post, box) == {"replied": 1}


def test_no_mailbox_is_nothing_to_do(post):
    assert ask(post, None) == {}


def test_the_loop_outlives_every_outage(post, sent, monkeypatch):
    monkeypatch.setattr(reply_poll, "_EVERY", 0.01)
    box = MemoryMailbox(held={1: raw(1)})
    box.failures.extend([Unavailable("gone"), None, ValueError("a mistake")])  # type: ignore[list-item]
    stop = threading.Event()
    thread = threading.Thread(target=ReplyPoll(post.engine, lambda: box).run, args=(stop,))
    thread.start()
    try:
        until(lambda: not box.held)
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert (replies(post), len(box.held)) == (1, 0)
