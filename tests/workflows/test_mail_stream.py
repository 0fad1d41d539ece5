import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from connectors.email.memory import Failure, MemoryTransport
from connectors.email.port import Accepted, Refused
from connectors.errors import Misconfigured, RateLimited, Rejected, Unavailable, UnknownOutcome
from store import schema
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.waiting import PATIENCE, until
from workflows import dispatcher
from workflows.mail_stream import Counts, MailStream


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def post(engine):
    return Post(engine)


@pytest.fixture
def transport():
    return MemoryTransport(can_look_up=False)


@pytest.fixture
def stream(engine, transport):
    stream = MailStream(engine, {"email": transport})
    yield stream
    stream.close()


def test_due_mails_leave_and_their_runs_hear_of_it(post, stream, transport):
    run_id = post.run()
    mail_id = post.mail(run_id)
    low, high = post.mail(priority=10), post.mail(priority=90)
    post.mail(due_at=NOW + timedelta(days=1))
    assert stream.dispatch_due(NOW) == Counts(sent=3)
    assert [mail.message_id for mail in transport.taken] == [post.find(id_).message_id for id_ in (high, mail_id, low)]
    found = post.find(mail_id)
    assert (found.state, found.provider_id, found.settled_at) == ("sent", "memory-2", NOW)
    assert post.told(run_id)[0]["values"] == {"visit": 1, "outcome": "sent", "reason": ""}
    assert stream.dispatch_due(NOW) == Counts()


def test_a_mail_is_what_the_run_prepared(post, stream, transport):
    post.mail(reply_to="robin@corp.test", unsubscribe_url="https://corp.test/u/1", subject="Grüße")
    stream.dispatch_due(NOW)
    mail = transport.taken[0]
    assert (mail.reply_to, mail.unsubscribe_url, mail.subject, mail.at) == (
        *("robin@corp.test", "https://corp.test/u/1", "Grüße", NOW),
    )


def test_more_mails_than_a_batch_all_leave(post, stream, transport):
    run_id = post.run()
    post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(45)))
    assert stream.dispatch_due(NOW) == Counts(sent=45)


@pytest.mark.parametrize(
    ("failure", "state", "counts"),
    [
        (Failure(error=Unavailable("away")), "prepared", Counts(parked=1)),
        (Failure(error=RateLimited("slow down", timedelta(minutes=3))), "prepared", Counts(parked=1)),
        (Failure(error=Misconfigured("wrong password")), "prepared", Counts(parked=1)),
        (Failure(error=ZeroDivisionError("a bug")), "prepared", Counts(parked=1)),
        (Failure(error=Rejected("no such person")), "refused", Counts(refused=1)),
        (Failure(error=Unavailable("451"), when="handed_over"), "prepared", Counts(parked=1)),
        (Failure(error=Rejected("554"), when="handed_over"), "refused", Counts(refused=1)),
        (Failure(error=UnknownOutcome("silence"), when="handed_over"), "unknown", Counts(unknown=1)),
        (Failure(error=UnknownOutcome("silence"), when="taken"), "unknown", Counts(unknown=1)),
        (Failure(error=ZeroDivisionError("a bug"), when="taken"), "unknown", Counts(unknown=1)),
    ],
    ids=lambda value: f"{value.when} {value.error!r}" if isinstance(value, Failure) else "",
)
def test_every_failure_has_its_end(post, stream, transport, failure, state, counts):
    run_id = post.run()
    mail_id = post.mail(run_id)
    transport.failures.append(failure)
    assert stream.dispatch_due(NOW) == counts
    assert post.find(mail_id).state == state
    assert [fact["values"]["outcome"] for fact in post.told(run_id)] == ([] if state == "prepared" else [state])
    after = stream.dispatch_due(NOW + timedelta(hours=2))
    assert after == (Counts(sent=1) if state == "prepared" else Counts())
    assert len(transport.taken) == (failure.when == "taken") + (state == "prepared")


def test_waiting_grows_with_every_attempt_and_respects_the_provider(post, stream, transport):
    mail_id = post.mail()
    waits, now = [], NOW
    errors = [Unavailable("x"), Unavailable("x"), Unavailable("x"), RateLimited("x", timedelta(minutes=9))]
    for error in errors:
        transport.failures.append(Failure(error=error))
        stream.dispatch_due(now)
        waits.append(post.find(mail_id).due_at - now)
        now = post.find(mail_id).due_at
    assert [wait.total_seconds() for wait in waits] == [15, 30, 60, 540]
    assert stream.dispatch_due(now) == Counts(sent=1)


def test_an_outage_is_not_tried_with_every_mail(post, stream, transport):
    run_id = post.run()
    ids = post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(10)))
    transport.failures.extend([Failure(error=Unavailable("away"))] * 10)
    assert stream.dispatch_due(NOW) == Counts(parked=10)
    assert len(transport.failures) == 7
    assert sorted(post.find(mail_id).attempts for mail_id in ids) == [0] * 7 + [1] * 3
    assert {post.find(mail_id).due_at for mail_id in ids} == {NOW + timedelta(seconds=15)}


def test_a_provider_that_takes_mail_and_never_answers_does_not_swallow_all_of_it(post, stream, transport):
    for _ in range(10):
        post.mail()
    silence = Failure(error=UnknownOutcome("no answer"), when="handed_over")
    transport.failures.extend([silence] * 5)
    assert stream.dispatch_due(NOW) == Counts(unknown=3, parked=7)
    assert stream.dispatch_due(NOW + timedelta(minutes=1)) == Counts(unknown=2, sent=5)


def test_one_address_that_is_greylisted_does_not_hold_up_the_others(post, stream, transport):
    run_id = post.run()
    post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(6)))
    transport.failures.extend([None, Failure(error=Unavailable("450")), None, Failure(error=Unavailable("450"))])
    assert stream.dispatch_due(NOW) == Counts(sent=4, parked=2)


def test_a_rate_limit_is_for_all_that_follow(post, stream, transport):
    run_id = post.run()
    post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(5)))
    transport.failures.extend([None, Failure(error=RateLimited("slow down", timedelta(minutes=5)))])
    assert stream.dispatch_due(NOW) == Counts(sent=1, parked=4)
    assert stream.dispatch_due(NOW + timedelta(minutes=4)) == Counts()
    assert stream.dispatch_due(NOW + timedelta(minutes=5)) == Counts(sent=4)


def test_consent_withdrawn_while_the_server_is_being_asked_keeps_the_mail_from_leaving(post, engine):
    mail_id = post.mail()
    contact_id = post.find(mail_id).contact_id

    class Slow(MemoryTransport):
        def deliver(self, mail, hand_over):
            post.change(schema.contact, contact_id, do_not_contact=True)
            return super().deliver(mail, hand_over)

    transport = Slow()
    stream = MailStream(engine, {"email": transport})
    assert stream.dispatch_due(NOW) == Counts(skipped=1)
    assert transport.taken == []
    assert post.find(mail_id).reason == "the contact does not want to be contacted"
    stream.close()


class Looking(MemoryTransport):
    """Answers look-ups as told."""

    answer: object = None

    def look_up(self, message_id):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Accepted(provider_id="p7"), "sent"),
        (Refused(reason="bounced at once"), "refused"),
        (None, "unknown"),
        (ZeroDivisionError(), "unknown"),
        (Rejected("no such record"), "unknown"),
        (Unavailable("away"), "handing_over"),
    ],
    ids=str,
)
def test_what_a_dead_dispatcher_handed_over_is_looked_up_and_never_sent_again(post, engine, answer, state):
    run_id = post.run()
    mail_id = post.mail(run_id)
    post.change(schema.mail, mail_id, state="handing_over")
    transport = Looking()
    transport.answer = answer
    stream = MailStream(engine, {"email": transport})
    stream.dispatch_due(NOW)
    assert post.find(mail_id).state == state
    if state == "handing_over":
        transport.answer = Accepted()
        assert stream.dispatch_due(NOW) == Counts()
        assert stream.dispatch_due(NOW + timedelta(minutes=1)) == Counts(sent=1)
    assert transport.taken == []
    assert len(post.told(run_id)) == 1
    stream.close()


def test_what_became_of_a_mail_survives_an_outage_of_the_database(post, engine, monkeypatch):
    mail_id = post.mail()

    class Cutting(MemoryTransport):
        def deliver(self, mail, hand_over):
            accepted = super().deliver(mail, hand_over)
            _end_backend(engine, stream)
            return accepted

    transport = Cutting(can_look_up=False)
    stream = MailStream(engine, {"email": transport})
    with pytest.raises(sa.exc.OperationalError):
        stream.dispatch_due(NOW)
    assert post.find(mail_id).state == "handing_over"
    assert stream.dispatch_due(NOW) == Counts()
    assert (post.find(mail_id).state, post.find(mail_id).provider_id) == ("sent", "memory-1")
    assert len(transport.taken) == 1
    stream.close()


def test_without_the_database_nothing_leaves(post, engine):
    mail_id = post.mail()

    class Cutting(MemoryTransport):
        def deliver(self, mail, hand_over):
            _end_backend(engine, stream)
            return super().deliver(mail, hand_over)

    transport = Cutting()
    stream = MailStream(engine, {"email": transport})
    with pytest.raises(sa.exc.OperationalError):
        stream.dispatch_due(NOW)
    assert transport.taken == []
    assert post.find(mail_id).state == "prepared"
    stream.close()


def test_what_a_closed_stream_had_claimed_is_free_at_once(stream):
    stream.dispatch_due(NOW)
    driver = stream._conn.connection.dbapi_connection
    stream.close()
    assert driver.closed


class Together(MemoryTransport):
    """Mails stand still until so many are about to leave, and again until `cut` has happened to them."""

    def __init__(self, at_once, cut=lambda: None):
        super().__init__(at_once=at_once, can_look_up=False)
        self.asking = threading.Barrier(at_once, timeout=PATIENCE)
        self.leaving = threading.Barrier(at_once, action=cut, timeout=PATIENCE)

    def deliver(self, mail, hand_over):
        self.asking.wait()
        hand_over()
        self.leaving.wait()
        return super().deliver(mail, lambda: None)


def test_several_are_on_their_way_at_once_each_written_down_before_it_leaves(post, engine):
    run_id = post.run()
    ids = post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(8)))
    seen = []
    transport = Together(4, lambda: seen.append(Counter(post.find(mail_id).state for mail_id in ids)))
    stream = MailStream(engine, {"email": transport})
    assert stream.dispatch_due(NOW) == Counts(sent=8)
    assert [states["handing_over"] for states in seen] == [4, 4]
    assert sorted(mail.message_id for mail in transport.taken) == sorted(post.find(id_).message_id for id_ in ids)
    assert [fact["values"]["outcome"] for fact in post.told(run_id)] == ["sent"]
    stream.close()


def test_what_became_of_all_that_were_on_their_way_survives_an_outage_of_the_database(post, engine):
    ids = [post.mail() for _ in range(6)]
    transport = Together(3, lambda: _end_backend(engine, stream))
    stream = MailStream(engine, {"email": transport})
    with pytest.raises(sa.exc.OperationalError):
        stream.dispatch_due(NOW)
    assert Counter(post.find(mail_id).state for mail_id in ids) == {"handing_over": 3, "prepared": 3}
    # One that had already followed may have given up waiting for others to ask beside it.
    transport.asking, transport.leaving = threading.Barrier(3, timeout=PATIENCE), threading.Barrier(3, timeout=PATIENCE)
    assert stream.dispatch_due(NOW) == Counts(sent=3)
    assert {post.find(mail_id).state for mail_id in ids} == {"sent"}
    assert len({mail.message_id for mail in transport.taken}) == len(transport.taken) == 6
    stream.close()


def test_one_that_may_not_leave_after_all_holds_up_none_of_those_beside_it(post, engine):
    ids = [post.mail() for _ in range(4)]

    class Withdrawing(MemoryTransport):
        asking = threading.Barrier(
            4,
            timeout=PATIENCE,
            action=lambda: post.change(schema.contact, post.find(ids[2]).contact_id, do_not_contact=True),
        )

        def deliver(self, mail, hand_over):
            self.asking.wait()
            return super().deliver(mail, hand_over)

    stream = MailStream(engine, {"email": Withdrawing(at_once=4)})
    assert stream.dispatch_due(NOW) == Counts(sent=3, skipped=1)
    assert post.find(ids[2]).state == "skipped"
    stream.close()


def _end_backend(engine, stream):
    driver = stream._conn.connection.dbapi_connection
    with engine.begin() as conn:
        conn.execute(sa.text("select pg_terminate_backend(:pid, 60000)"), {"pid": driver.info.backend_pid})


# --- the loop


@pytest.fixture
def loop(engine, transport):
    """A stream that runs in its own thread."""
    stream = MailStream(engine, {"email": transport}, clock=lambda conn: NOW)
    stop = threading.Event()
    thread = threading.Thread(target=stream.run, args=(stop,))
    thread.start()
    yield stream
    stop.set()
    thread.join(timeout=PATIENCE)
    assert not thread.is_alive()


@pytest.fixture
def patient(monkeypatch):
    """Who is not woken looks again after an hour only."""
    monkeypatch.setattr(dispatcher, "_POLL_SECONDS", 3600.0)
    return dispatcher


def _is_sent(post, mail_id):
    return post.find(mail_id).state == "sent"


def test_the_loop_is_woken_by_a_new_mail(patient, post, loop, transport):
    until(lambda: loop._conn is not None)
    for _ in range(3):
        mail_id = post.mail()
        until(partial(_is_sent, post, mail_id))
    # Nor would it hear that it is to end.
    patient._POLL_SECONDS = 0.1
    post.mail()


def test_the_loop_goes_on_after_the_database_was_away_and_after_a_bug(post, engine, loop, transport, monkeypatch):
    until(lambda: loop._conn is not None)
    _end_backend(engine, loop)
    post.mail()
    until(lambda: len(transport.taken) == 1)
    calls = []

    def broken(conn):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        return NOW

    loop._clock = broken
    post.mail()
    until(lambda: len(transport.taken) == 2)


def test_several_dispatchers_share_the_work_and_send_each_mail_once(post, engine):
    run_id = post.run()
    ids = post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(120)))
    begun = threading.Barrier(4, timeout=PATIENCE)

    class Sharing(MemoryTransport):
        """Its first mail leaves when each of the others has one, too."""

        first = True

        def deliver(self, mail, hand_over):
            if self.first:
                self.first = False
                begun.wait()
            return super().deliver(mail, hand_over)

    transports = [Sharing() for _ in range(4)]
    streams = [MailStream(engine, {"email": transport}) for transport in transports]
    threads = [threading.Thread(target=stream.dispatch_due, args=(NOW,)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=2 * PATIENCE)
        assert not thread.is_alive()
    for stream in streams:
        stream.close()
    taken = [mail.message_id for transport in transports for mail in transport.taken]
    assert sorted(taken) == sorted(post.find(mail_id).message_id for mail_id in ids)
    assert all(transport.taken for transport in transports)
    assert [fact["values"]["outcome"] for fact in post.told(run_id)] == ["sent"]
