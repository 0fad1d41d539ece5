"""Who may be written to, read at the moment of sending; each change stops what is queued, and the run hears of it."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.mail.addresses import address_key
from engine.mail.seen import Seen
from engine.workspace import load_workspace
from store import consent, mails, schema
from store.consent import Suppressing
from store.deploying.deploy import deploy
from store.responses import mail_events
from store.responses.seeing import record_event
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.waiting import PATIENCE

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def post(engine):
    return Post(engine)


@pytest.fixture
def workspace(engine):
    """Deploys a workspace with this under `mail:`."""

    def make(mail):
        with engine.begin() as conn:
            deploy(conn, load_workspace({"tenure.yaml": f"name: Corp\nmail: {mail}\n".encode()}), [], NOW)

    return make


def suppress(engine, address, reason="manual"):
    with engine.begin() as conn:
        return consent.suppress(conn, [Suppressing(address=address, reason=reason)], NOW)


def hand_over(engine, mail_id):
    with engine.begin() as conn:
        return mails.handing_over(conn, mail_id, NOW)


def mail_to(post, address, **changes):
    run_id = post.run()
    return post.prepare(post.draft(run_id, post.contact(run_id, email=address), **changes))[0]


@pytest.mark.parametrize("written", ["Ann@Acme.TEST", " ann@acme.test ", "ANN@ACME.TEST"])
def test_one_person_is_one_address_however_it_is_written(written):
    assert address_key(written) == address_key("ann@acme.test")
    assert "ann" not in address_key(written)


def test_an_international_domain_is_the_same_in_ascii():
    assert address_key("kim@bücher.test") == address_key("kim@xn--bcher-kva.test")
    assert address_key("kim@bücher.test") != address_key("kim@bucher.test")


@pytest.mark.parametrize("reason", consent.REASONS)
def test_a_suppressed_address_gets_no_mail_at_any_account_and_the_runs_hear_why(post, engine, reason):
    first, second, other = (
        mail_to(post, "ann@acme.test"),
        mail_to(post, "Ann@ACME.test"),
        mail_to(post, "bob@acme.test"),
    )
    assert suppress(engine, "ANN@acme.test", reason) == 1
    assert suppress(engine, "ann@acme.test", reason) == 0
    for mail_id in (first, second):
        found = post.find(mail_id)
        assert found.state == "skipped"
        told = post.told(found.run_id)[0]["values"]
        assert (told["outcome"], told["reason"]) == ("skipped", found.reason)
    assert post.find(other).state == "prepared"
    later = mail_to(post, "ann@acme.test")
    bar = hand_over(engine, later)
    assert bar.final
    assert bar.reason == post.find(first).reason


def test_what_a_customer_has_ordered_comes_although_they_left_everything_else(post, engine):
    ordered = mail_to(post, "ann@acme.test", category="transactional")
    suppress(engine, "ann@acme.test", "unsubscribed")
    assert post.find(ordered).state == "prepared"
    suppress(engine, "ann@acme.test", "bounced")
    assert post.find(ordered).state == "skipped"


def test_an_address_that_is_off_the_list_is_written_to_again(post, engine):
    suppress(engine, "ann@acme.test", "manual")
    suppress(engine, "ann@acme.test", "imported")
    with engine.begin() as conn:
        assert consent.lift(conn, "Ann@acme.test", ("manual",)) == 1
    assert hand_over(engine, mail_to(post, "ann@acme.test")) is not None
    with engine.begin() as conn:
        assert consent.lift(conn, "ann@acme.test") == 1
        assert consent.list_suppressed(conn) == []
    assert hand_over(engine, mail_to(post, "ann@acme.test")) is None


def test_leaving_a_topic_stops_its_mails_and_no_others(post, engine, workspace):
    workspace("{ topics: { tips: { title: Tips } } }")
    tips, other = mail_to(post, "ann@acme.test", topic="tips"), mail_to(post, "ann@acme.test", topic="service")
    with engine.begin() as conn:
        consent.save(conn, address_key("ann@acme.test"), {"tips": False}, NOW, source="one_click")
    assert post.find(tips).reason == "the contact has unsubscribed from Tips"
    assert post.find(other).state == "prepared"


def test_a_topic_to_be_asked_for_reaches_those_alone_who_asked(post, engine, workspace):
    workspace("{ topics: { offers: { title: Offers, opt_in: true } } }")
    assert hand_over(engine, mail_to(post, "ann@acme.test", topic="offers")).reason == (
        "the contact has not asked for Offers"
    )
    with engine.begin() as conn:
        consent.save(conn, address_key("ann@acme.test"), {"offers": True}, NOW, source="page")
    assert hand_over(engine, mail_to(post, "ann@acme.test", topic="offers")) is None


def test_an_account_that_wants_no_contact_gets_none_and_may_change_its_mind(post, engine):
    mail_id = mail_to(post, "ann@acme.test")
    account_id = post.find(mail_id).account_id

    def say(value, at):
        with engine.begin() as conn:
            row = {"account_id": account_id, "field": "account.do_not_contact", "value": value}
            conn.execute(sa.insert(schema.account_value).values(row | {"at": at, "learned_at": at}))

    say(True, NOW - timedelta(days=2))
    assert hand_over(engine, mail_id).reason == "the account does not want to be contacted"
    say(False, NOW - timedelta(days=1))
    say(True, NOW + timedelta(days=1))
    assert hand_over(engine, mail_id) is None


@pytest.mark.parametrize("type_", ["bounced", "complained"])
def test_what_is_seen_of_one_mail_stops_the_next(post, engine, type_):
    sent, queued = mail_to(post, "ann@acme.test"), mail_to(post, "ann@acme.test")
    with engine.begin() as conn:
        assert record_event(conn, sent, type_, "e1", LATER, now=LATER)
    assert post.find(queued).state == "skipped"
    with engine.begin() as conn:
        assert [one.reason for one in consent.list_suppressed(conn, address="ann@acme.test")] == [type_]


@pytest.mark.parametrize(
    ("type_", "stops", "listed"),
    [
        ("bounced", "bounced", ["bounced"]),
        ("bounced", None, []),
        ("complained", "complained", ["complained"]),
        ("unsubscribed", "provider", ["provider"]),
        ("dropped", "provider", ["provider"]),
        ("dropped", None, []),
        ("delivered", None, []),
    ],
)
def test_what_the_provider_tells_changes_the_list(post, engine, type_, stops, listed):
    sent, queued = mail_to(post, "ann@acme.test"), mail_to(post, "ann@acme.test")
    name = post.find(sent).message_id
    seen = Seen(message_id=name, type=type_, key="e1", at=LATER, reason="550 gone", stops=stops)
    for _ in range(2):
        with engine.begin() as conn:
            mail_events.take_in(conn, [seen], LATER)
    with engine.begin() as conn:
        assert [one.reason for one in consent.list_suppressed(conn)] == listed
    assert (post.find(queued).state == "skipped") == bool(listed)


def test_who_unsubscribes_while_a_mail_is_handed_over_is_before_or_after_and_never_beside(post, engine):
    mail_id = mail_to(post, "ann@acme.test")
    done = threading.Event()

    def unsubscribe():
        suppress(engine, "ann@acme.test", "unsubscribed")
        done.set()

    with engine.connect() as conn, conn.begin():
        assert mails.handing_over(conn, mail_id, NOW) is None
        leaving = threading.Thread(target=unsubscribe)
        leaving.start()
        assert not done.wait(0.2), "the address is held until the hand-over is committed"
    leaving.join(PATIENCE)
    assert post.find(mail_id).state == "handing_over"
    assert hand_over(engine, mail_to(post, "ann@acme.test")).final


def test_many_who_leave_while_many_are_written_to_never_wait_for_each_other(post, engine):
    people = [f"p{n}@acme.test" for n in range(6)]
    ids = [mail_to(post, one) for one in people for _ in range(3)]
    errors = []

    def work(do):
        try:
            do()
        except Exception as error:  # noqa: BLE001  # told by the test
            errors.append(error)

    def leave():
        with engine.begin() as conn:
            consent.suppress(conn, [Suppressing(address=one, reason="imported") for one in reversed(people)], NOW)

    def send():
        for mail_id in ids:
            hand_over(engine, mail_id)

    threads = [threading.Thread(target=work, args=(do,)) for do in (leave, send, leave, send)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert errors == []
    assert post.states() <= {"handing_over", "skipped"}
