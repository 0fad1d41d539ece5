"""Programs that subscribed are told what happens: by real requests to a real receiver, at least once."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from connectors.webhook.http import signatures
from store import endpoints
from store.schema import endpoint, endpoint_message, mail, run, task
from tests.connectors.receiver import Receiver, reply
from tests.databases import engine_of
from tests.store.book import NOW, Book
from workflows.endpoints import EndpointStream


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def stream(engine):
    stream = EndpointStream(engine, allow_private=True)
    yield stream
    stream.close()


def now():
    return datetime.now(UTC)


def subscribe(engine, url, events=("*",)):
    with engine.begin() as conn:
        return endpoints.add_endpoint(conn, url, events, "ada", now())


def live(engine):
    """Everything that is told of, once."""
    with engine.begin() as conn:
        book = Book(conn)
        acme = book.account()
        run_id = book.run(acme)
        task_id = book.task(run_id, acme)
        mail_id = book.mail(run_id, acme, book.contact(acme))
        settled = {"state": "done", "outcome": "reached", "settled_by": "kim", "settled_at": NOW}
        conn.execute(sa.update(task).where(task.c.id == task_id).values(**settled))
        conn.execute(sa.update(mail).where(mail.c.id == mail_id).values(state="sent", settled_at=NOW))
        ended = {"state": "ended", "outcome": "goal", "reason": "goal reached", "ended_at": NOW}
        conn.execute(sa.update(run).where(run.c.id == run_id).values(**ended))
        # Nothing of this is news.
        conn.execute(sa.update(run).where(run.c.id == run_id).values(reason="again"))
        conn.execute(sa.update(task).where(task.c.id == task_id).values(note="more"))
        return run_id


def messages(engine):
    with engine.connect() as conn:
        return conn.execute(sa.select(endpoint_message).order_by(endpoint_message.c.id)).all()


def test_each_event_is_told_once_in_the_transaction_of_what_happened(engine):
    subscribe(engine, "https://hooks.example")
    run_id = live(engine)
    told = messages(engine)
    assert [one.event for one in told] == ["run.started", "task.created", "task.done", "mail.sent", "run.ended"]
    assert told[0].body["data"] == {"run": run_id, "account": "acme", "playbook": "risk-recovery", "version": 1}
    assert told[2].body["data"]["outcome"] == "reached"
    assert told[4].body["timestamp"] == "2026-03-10T09:30:00.000Z"


def test_nothing_is_told_of_what_did_not_happen_in_the_end(engine):
    subscribe(engine, "https://hooks.example")
    with engine.connect() as conn:
        book = Book(conn)
        book.run(book.account())
        conn.rollback()
    assert messages(engine) == []


def test_an_endpoint_hears_what_it_asked_for_and_nothing_while_paused(engine):
    subscribe(engine, "https://one.example", ["run.ended"])
    paused, _ = subscribe(engine, "https://two.example")
    with engine.begin() as conn:
        endpoints.change_endpoint(conn, paused.id, "paused")
    live(engine)
    assert [one.event for one in messages(engine)] == ["run.ended"]


def test_messages_arrive_signed_with_a_stable_id(engine, receiver, stream):
    _, secret = subscribe(engine, receiver.url())
    receiver.answers.append(reply(503))
    live(engine)
    assert stream.dispatch_due(now()) == 5
    assert stream.dispatch_due(now() + timedelta(minutes=5)) >= 5
    by_id: dict[str, set[bytes]] = {}
    for request in receiver.received:
        id_, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        assert request.headers["webhook-signature"] == signatures(secret, id_, at, request.body)
        by_id.setdefault(id_, set()).add(request.body)
    assert len(by_id) == 5
    assert all(len(bodies) == 1 for bodies in by_id.values())
    assert {json.loads(body)["type"] for bodies in by_id.values() for body in bodies} == set(endpoints.EVENTS)
    assert {one.state for one in messages(engine)} == {"delivered"}


def test_a_receiver_that_is_away_holds_up_nobody_else(engine, receiver, stream):
    subscribe(engine, "http://127.0.0.1:1/away", ["run.started"])
    subscribe(engine, receiver.url(), ["run.started"])
    live(engine)
    stream.dispatch_due(now())
    assert sorted(one.state for one in messages(engine)) == ["delivered", "prepared"]


def test_private_addresses_are_refused_unless_allowed(engine, receiver):
    subscribe(engine, receiver.url().replace("http:", "https:"), ["run.started"])
    live(engine)
    stream = EndpointStream(engine)
    stream.dispatch_due(now())
    stream.close()
    [one] = messages(engine)
    assert (one.state, receiver.received) == ("prepared", [])
    assert "private" in one.reason


def test_a_message_whose_sender_died_is_sent_again(engine, receiver, stream):
    subscribe(engine, receiver.url(), ["run.started"])
    live(engine)
    with engine.begin() as conn:
        assert len(endpoints.claim_due(conn, now(), 10)) == 1  # and dies
        assert endpoints.claim_due(conn, now(), 10) == []
    assert stream.dispatch_due(now()) == 0
    assert stream.dispatch_due(now() + timedelta(minutes=3)) == 1
    assert messages(engine)[0].state == "delivered"


def test_who_is_gone_is_paused_and_what_nobody_takes_is_given_up(engine, receiver, stream):
    made, _ = subscribe(engine, receiver.url(), ["run.started"])
    receiver.answers.append(reply(410))
    live(engine)
    stream.dispatch_due(now())
    with engine.begin() as conn:
        state = conn.execute(sa.select(endpoint.c.state)).scalar_one()
        assert state == "paused"
        endpoints.change_endpoint(conn, made.id, "active")
    receiver.answers.append(reply(500))
    stream.dispatch_due(now() + timedelta(days=4))
    [one] = messages(engine)
    assert (one.state, one.status is None or one.status >= 400) == ("refused", True)
