"""What people, policies and evidence do to single mails: stop them, send them again, say what became of them."""

from datetime import timedelta

import pytest

from store import mails
from store.mails.settling import SETTLING
from tests.command_line import tenure
from tests.databases import engine_of
from tests.mailing import NOW, Post

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def post(engine):
    return Post(engine)


def do(engine, function, *arguments, **options):
    with engine.begin() as conn:
        return function(conn, *arguments, **options)


def unknown(post, engine, **changes):
    """A mail of which nobody knows."""
    mail_id = post.mail(**changes)
    assert do(engine, mails.handing_over, mail_id, NOW) is None
    assert do(engine, mails.settle, mail_id, "unknown", now=NOW, reason="the line was cut")
    return mail_id


def outcomes(post, mail_id):
    return [(told["values"]["outcome"], told["values"]["reason"]) for told in post.told(post.find(mail_id).run_id)]


def claimed(engine, now):
    with engine.begin() as conn:
        ids = [one.id for one in mails.claim_due(conn, "email", now, 10).mails]
        for mail_id in ids:
            mails.release(conn, [mail_id])
    return ids


def test_a_person_stops_a_mail_that_has_not_left_and_the_run_hears_of_it(post, engine):
    mail_id = post.mail()
    assert do(engine, mails.cancel, mail_id, "kim", NOW)
    assert outcomes(post, mail_id) == [("skipped", "cancelled by kim")]
    assert not do(engine, mails.cancel, mail_id, "kim", NOW)
    left = post.mail()
    assert do(engine, mails.handing_over, left, NOW) is None
    assert not do(engine, mails.cancel, left, "kim", NOW), "it may have left"


def test_by_default_a_mail_that_may_have_left_is_not_sent_again_until_a_person_says_so(post, engine):
    mail_id = unknown(post, engine)
    assert outcomes(post, mail_id) == [("unknown", "the line was cut")]
    assert claimed(engine, NOW + timedelta(days=9)) == []
    assert do(engine, mails.resend, mail_id, "kim", LATER)
    assert claimed(engine, LATER) == [mail_id]
    assert do(engine, mails.handing_over, mail_id, LATER) is None
    assert do(engine, mails.settle, mail_id, "sent", now=LATER)
    found = post.find(mail_id)
    assert (found.state, found.resends) == ("sent", 1)
    assert found.reason == "sent again by kim although it may have left: possibly received twice"
    assert len(outcomes(post, mail_id)) == 1, "the run has gone on"
    assert not do(engine, mails.resend, mail_id, "kim", LATER)


def test_a_policy_sends_it_once_more_after_events_had_their_time_and_the_run_waits(post, engine):
    mail_id = unknown(post, engine, on_unknown="resend_once")
    assert outcomes(post, mail_id) == []
    assert claimed(engine, NOW + SETTLING - timedelta(seconds=1)) == []
    assert claimed(engine, NOW + SETTLING) == [mail_id]
    assert do(engine, mails.handing_over, mail_id, LATER) is None
    assert do(engine, mails.settle, mail_id, "unknown", now=LATER, reason="again")
    assert outcomes(post, mail_id) == [("unknown", "again")]
    assert claimed(engine, NOW + timedelta(days=9)) == []


def test_evidence_that_comes_in_time_keeps_it_from_being_sent_again(post, engine):
    mail_id = unknown(post, engine, on_unknown="resend_once")
    assert do(engine, mails.settle, mail_id, "sent", now=LATER, reason="seen by an event: delivered")
    assert claimed(engine, NOW + timedelta(days=9)) == []
    assert outcomes(post, mail_id) == [("sent", "seen by an event: delivered")]


@pytest.mark.parametrize("became", ["skipped", "refused"])
def test_what_may_have_left_is_never_said_not_to_have_left(post, engine, became):
    mail_id = unknown(post, engine, on_unknown="resend_once")
    if became == "refused":
        assert do(engine, mails.handing_over, mail_id, LATER) is None
    assert do(engine, mails.settle, mail_id, became, now=LATER, reason="no")
    found = post.find(mail_id)
    assert found.state == "unknown"
    assert "it may have left" in (found.reason or "")
    assert [outcome for outcome, _ in outcomes(post, mail_id)] == ["unknown"]


def test_a_second_attempt_that_could_not_leave_leaves_it_as_unknown_as_before(post, engine):
    mail_id = unknown(post, engine, on_unknown="resend_once")
    assert do(engine, mails.handing_over, mail_id, LATER) is None
    assert do(engine, mails.park, mail_id, LATER + timedelta(hours=1), "away")
    found = post.find(mail_id)
    assert (found.state, found.again, found.resends) == ("unknown", True, 0)


def test_the_command_line_steers_one_mail(post, engine, database, monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_DATABASE_URL", database)
    waiting, doubtful = post.mail(), unknown(post, engine)
    assert tenure("mail", waiting, "cancel", "--by", "kim", home=tmp_path).code == 0
    assert tenure("mail", waiting, "cancel", home=tmp_path).code == 1
    assert tenure("mail", doubtful, "settle", home=tmp_path).code == 2
    assert tenure("mail", doubtful, "burn", home=tmp_path).code == 2
    unknown_ones = tenure("mails", "--state", "unknown", "--json", home=tmp_path).json["items"]
    assert [one["id"] for one in unknown_ones] == [doubtful]
    done = tenure("mail", doubtful, "settle", "--as", "refused", "--by", "kim", "--json", home=tmp_path)
    assert done.json == {"mail": doubtful, "done": True, "state": "refused", "reason": "kim says so"}
