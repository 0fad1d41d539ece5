from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import mails, schema
from store.postgres.notices import listen, wait_for_notice
from store.responses.seeing import record_event
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.waiting import until

MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def post(engine):
    return Post(engine)


@pytest.fixture
def dispatcher(engine):
    """A connection that claims, as a dispatcher's own does."""
    with engine.connect() as conn:
        conn.detach()
        yield conn


def claim(conn, limit=10, now=NOW, stream="email"):
    with conn.begin():
        return [mail.id for mail in mails.claim_due(conn, stream, now, limit).mails]


def settle(engine, mail_id, state, **more):
    with engine.begin() as conn:
        return mails.settle(conn, mail_id, state, now=NOW, **more)


def hand_over(engine, mail_id):
    with engine.begin() as conn:
        return mails.handing_over(conn, mail_id, NOW)


def told(outcome, reason="", visit=1):
    return {"kind": "mail", "of": "checking_in", "values": {"visit": visit, "outcome": outcome, "reason": reason}}


# --- preparing


def test_what_steps_have_prepared_is_kept_back_and_what_has_left_is_not(post, engine, dispatcher):
    run_id = post.run()
    kept, other, left = (post.mail(run_id, step=step) for step in ("slow", "other", "gone"))
    hand_over(engine, left)
    with engine.begin() as conn:
        mails.skip_unsent(conn, run_id, NOW, "another branch was faster", steps=["slow", "gone"])
        found = {row.id: (row.state, row.reason) for row in conn.execute(sa.select(schema.mail))}
    assert found[kept] == ("skipped", "another branch was faster")
    assert found[other][0] == "prepared"
    assert found[left][0] == "handing_over"
    assert hand_over(engine, kept) is not None


def test_a_mail_prepared_twice_is_one_mail(post):
    run_id = post.run()
    draft = post.draft(run_id, post.contact(run_id))
    assert post.prepare(draft) == post.prepare(draft) == post.prepare(post.draft(run_id, draft.contact_id, subject="x"))
    found = post.find(post.prepare(draft)[0])
    assert (found.state, found.subject, found.attempts) == ("prepared", "How is it going?", 0)


def test_message_ids_differ_by_recipient_visit_and_run_and_tell_nothing(post):
    run_id = post.run()
    ada, bob = post.contact(run_id), post.contact(run_id)
    ids = post.prepare(post.draft(run_id, ada), post.draft(run_id, bob), post.draft(run_id, ada, visit=2))
    found = [post.find(mail_id).message_id for mail_id in [*ids, post.mail()]]
    assert len(set(found)) == 4
    assert all(one.endswith("@corp.test>") and "risk" not in one for one in found)


def test_an_international_sender_has_an_ascii_message_id(post):
    assert post.find(post.mail(from_address="a@münchen.test")).message_id.endswith("@xn--mnchen-3ya.test>")


def test_preparing_rings(post, dispatcher):
    with dispatcher.begin():
        listen(dispatcher, mails.CHANNEL)
    assert not wait_for_notice(dispatcher, 0.01)
    post.mail()
    assert wait_for_notice(dispatcher, 5)


# --- claiming


def test_due_mails_are_claimed_by_priority_then_by_the_time_they_are_due(post, dispatcher):
    low, late, early, high = (
        post.mail(priority=10),
        post.mail(due_at=NOW),
        post.mail(due_at=NOW - MINUTE),
        post.mail(priority=90),
    )
    post.mail(due_at=NOW + MINUTE)
    post.mail(stream="other")
    assert claim(dispatcher, limit=3) == [high, early, late]
    assert claim(dispatcher, limit=0) == []
    with dispatcher.begin():
        assert mails.next_due(dispatcher, "email") == NOW - MINUTE
        assert mails.next_due(dispatcher, "none") is None
    assert low


def test_two_dispatchers_never_hold_the_same_mail(post, engine, dispatcher):
    ids = [post.mail() for _ in range(6)]
    with engine.connect() as other:
        other.detach()
        assert claim(dispatcher, limit=4) == ids[:4]
        assert claim(other, limit=4) == ids[4:]
        with dispatcher.begin():
            mails.release(dispatcher, [ids[0]])
        assert claim(other, limit=4) == [ids[0], *ids[4:]]


def test_what_a_dead_dispatcher_claimed_is_free_again(post, engine, dispatcher):
    mail_id = post.mail()
    other = engine.connect()
    other.detach()
    assert claim(other) == [mail_id]
    assert claim(dispatcher) == []
    other.close()
    until(lambda: claim(dispatcher) == [mail_id])


BARS = [
    (lambda post, mail: post.change(schema.contact, mail.contact_id, do_not_contact=True), "does not want"),
    (lambda post, mail: post.change(schema.contact, mail.contact_id, email="new@customer.test"), "no longer"),
    (lambda post, mail: post.change(schema.contact, mail.contact_id, email=None), "no longer"),
    (lambda post, mail: post.change(schema.run, mail.run_id, state="ended"), "run has ended"),
]


@pytest.mark.parametrize(("change", "reason"), BARS, ids=[reason for _, reason in BARS])
def test_consent_address_and_run_are_read_again_when_a_mail_is_claimed(post, dispatcher, change, reason):
    mail_id = post.mail()
    change(post, post.find(mail_id))
    with dispatcher.begin():
        claimed = mails.claim_due(dispatcher, "email", NOW, 10)
    assert (claimed.mails, claimed.skipped) == ([], 1)
    assert post.find(mail_id).state == "skipped"
    assert reason in post.find(mail_id).reason


@pytest.mark.parametrize(("change", "reason"), BARS, ids=[reason for _, reason in BARS])
def test_and_again_at_the_moment_of_handing_over(post, engine, dispatcher, change, reason):
    mail_id = post.mail()
    assert claim(dispatcher) == [mail_id]
    change(post, post.find(mail_id))
    bar = hand_over(engine, mail_id)
    assert bar.final
    assert reason in bar.reason
    assert post.find(mail_id).state == "prepared"


def test_an_address_in_other_capitals_is_the_same_address(post, engine):
    mail_id = post.mail()
    found = post.find(mail_id)
    post.change(schema.contact, found.contact_id, email=found.to_address.upper())
    assert hand_over(engine, mail_id) is None


def test_the_run_is_told_that_its_mail_was_skipped(post, dispatcher):
    run_id = post.run()
    mail_id = post.mail(run_id)
    post.change(schema.contact, post.find(mail_id).contact_id, do_not_contact=True)
    claim(dispatcher)
    assert post.told(run_id) == [told("skipped", "the contact does not want to be contacted")]


def test_mails_of_a_paused_playbook_stay_until_it_goes_on(post, engine, dispatcher):
    mail_id = post.mail(post.run("seasonal"))
    post.change(schema.playbook, "seasonal", state="paused")
    assert claim(dispatcher) == []
    assert hand_over(engine, mail_id) == mails.Bar(reason="the playbook is paused", final=False)
    post.change(schema.playbook, "seasonal", state="active")
    assert claim(dispatcher) == [mail_id]


def test_only_one_dispatcher_can_hand_a_mail_over(post, engine):
    mail_id = post.mail()
    assert hand_over(engine, mail_id) is None
    assert post.find(mail_id).state == "handing_over"
    assert hand_over(engine, mail_id) == mails.Bar(reason="the mail is settled or in other hands", final=False)


def test_several_are_handed_over_by_one_step_and_each_has_its_own_answer(post, engine):
    free, other = post.mail(), post.mail()
    barred, gone = post.mail(), 999_999
    run_id = post.run(state="ended")
    draft = post.draft(run_id, post.contact(run_id), person="kim", category="internal", to_address="kim@corp.test")
    [colleague] = post.prepare(replace(draft, contact_id=None))
    post.change(schema.contact, post.find(barred).contact_id, do_not_contact=True)
    with engine.begin() as conn:
        conn.execute(sa.insert(schema.person).values(key="kim", name="Kim", email="kim@corp.test", learned_at=NOW))
    with engine.begin() as conn:
        bars = mails.handing_over_together(conn, [free, barred, colleague, other, gone], NOW)
    assert bars == {
        free: None,
        other: None,
        colleague: None,
        barred: mails.Bar(reason="the contact does not want to be contacted", final=True),
    }
    assert [post.find(one).state for one in (free, other, colleague, barred)] == ["handing_over"] * 3 + ["prepared"]


@pytest.mark.parametrize("table", [schema.run, schema.contact], ids=["run", "contact"])
def test_among_several_none_is_waited_for_that_somebody_changes_at_the_moment(post, engine, table):
    changing, free = post.mail(), post.mail()
    found = post.find(changing)
    row = found.run_id if table is schema.run else found.contact_id
    with engine.begin() as elsewhere, engine.begin() as conn:
        elsewhere.execute(sa.update(table).where(table.c.id == row).values(account_id=table.c.account_id))
        conn.execute(sa.text("set local lock_timeout = '5s'"))
        assert mails.handing_over_together(conn, [changing, free], NOW) == {free: None}
    assert hand_over(engine, changing) is None


def test_many_settle_by_one_step_and_each_run_hears_once_when_its_step_is_settled(post, engine):
    one, two = post.run(), post.run()
    ids = [*(post.mail(one) for _ in range(3)), post.mail(two), post.mail(two, on_unknown="resend_once")]
    for mail_id in ids:
        hand_over(engine, mail_id)
    became: list[mails.Settled] = ["sent", "refused", "unknown", "sent", "unknown"]
    settlements = [
        mails.Settlement(mail_id=mail_id, state=state, reason="r", provider_id="p")
        for mail_id, state in zip(ids, became, strict=True)
    ]
    with engine.begin() as conn:
        assert mails.settle_all(conn, settlements, NOW) == set(ids)
        assert mails.settle_all(conn, settlements[:2], NOW) == set(), "nothing follows on these"
    assert [post.find(mail_id).state for mail_id in ids] == became
    assert post.find(ids[4]).again
    assert post.told(one) == [told("sent", "r")]
    assert post.told(two) == [], "one of its mails is sent once more"


def test_an_unsubscribe_is_before_or_after_the_handing_over_never_beside_it(post, engine):
    mail_id = post.mail()
    contact_id = post.find(mail_id).contact_id
    with engine.connect() as handing, engine.connect() as leaving, handing.begin():
        assert mails.handing_over(handing, mail_id, NOW) is None
        leaving.execute(sa.text("set lock_timeout = '50ms'"))
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            leaving.execute(
                sa.update(schema.contact).where(schema.contact.c.id == contact_id).values(do_not_contact=True)
            )
        leaving.rollback()


def test_a_mail_that_did_not_leave_comes_due_later(post, engine, dispatcher):
    mail_id = post.mail()
    hand_over(engine, mail_id)
    with engine.begin() as conn:
        assert mails.park(conn, mail_id, NOW + MINUTE, "the server\x00 was away")
    found = post.find(mail_id)
    assert (found.state, found.attempts, found.reason) == ("prepared", 1, "the server  was away")
    assert claim(dispatcher) == []
    assert claim(dispatcher, now=NOW + MINUTE) == [mail_id]
    settle(engine, mail_id, "sent")
    with engine.begin() as conn:
        assert not mails.park(conn, mail_id, NOW, "too late")


# --- orphans


def test_a_mail_in_the_hands_of_a_dead_dispatcher_is_an_orphan(post, engine, dispatcher):
    mail_id = post.mail()
    other = engine.connect()
    other.detach()
    assert claim(other) == [mail_id]
    with other.begin():
        assert mails.handing_over(other, mail_id, NOW) is None

    def orphans(now=NOW):
        with dispatcher.begin():
            found = [mail.id for mail in mails.orphans(dispatcher, "email", now, 10)]
            for each in found:
                mails.release(dispatcher, [each])
            return found

    assert orphans() == []
    other.close()
    until(lambda: orphans() == [mail_id])
    assert claim(dispatcher) == []
    with engine.begin() as conn:
        mails.look_later(conn, mail_id, NOW + MINUTE)
    assert orphans() == []
    assert orphans(NOW + MINUTE) == [mail_id]


# --- settling

STATES = ["prepared", "handing_over", "sent", "refused", "skipped", "unknown"]
ALLOWED = {
    *(("prepared", state) for state in ("sent", "refused", "skipped")),
    *(("handing_over", state) for state in ("sent", "refused", "unknown")),
    *(("unknown", state) for state in ("sent", "refused")),
}


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", ["sent", "refused", "skipped", "unknown"])
def test_what_is_known_of_a_mail_only_grows(post, engine, before, after):
    mail_id = post.mail()
    post.change(schema.mail, mail_id, state=before)
    assert settle(engine, mail_id, after, reason="r", provider_id="p") is ((before, after) in ALLOWED)
    found = post.find(mail_id)
    assert found.state == (after if (before, after) in ALLOWED else before)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["sent", "refused", "skipped", "unknown", "hand over", "park", "event"]), max_size=8))
def test_whatever_is_said_in_whatever_order_the_run_hears_it_once_and_sent_stays_sent(post, engine, sayings):
    run_id = post.run()
    mail_id = post.mail(run_id)
    seen = []
    for number, saying in enumerate(sayings):
        with engine.begin() as conn:
            if saying == "hand over":
                mails.handing_over(conn, mail_id, NOW)
            elif saying == "park":
                mails.park(conn, mail_id, NOW, "later")
            elif saying == "event":
                record_event(conn, mail_id, "opened", f"{mail_id}/{number}", NOW, now=NOW)
            else:
                mails.settle(conn, mail_id, saying, now=NOW)
        seen.append(post.find(mail_id).state)
    for one, following in pairwise(seen):
        assert one == following or (one, following) in ALLOWED | {
            *(("prepared", "handing_over"), ("handing_over", "prepared")),
        }
    settled = [state for state in seen if state not in ("prepared", "handing_over")]
    assert [fact["values"]["outcome"] for fact in post.told(run_id)] == settled[:1]


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        (["skipped", "sent", "refused"], "sent"),
        (["refused", "unknown", "skipped"], "unknown"),
        (["skipped", "refused", "skipped"], "refused"),
        (["skipped", "skipped", "skipped"], "skipped"),
    ],
)
def test_a_step_with_several_recipients_is_told_once_when_all_are_settled(post, engine, states, outcome):
    run_id = post.run()
    ids = post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in states))
    for mail_id, state in zip(ids, states, strict=True):
        assert post.told(run_id) == []
        if state == "unknown":
            hand_over(engine, mail_id)
        settle(engine, mail_id, state, reason=state)
    assert post.told(run_id) == [told(outcome, outcome)]


def test_another_visit_is_told_by_itself(post, engine):
    run_id = post.run()
    first, second = post.mail(run_id), post.mail(run_id, visit=2)
    settle(engine, second, "sent")
    assert post.told(run_id) == [told("sent", visit=2)]
    settle(engine, first, "sent")
    assert len(post.told(run_id)) == 2


def test_the_last_two_mails_settled_at_once_are_told_once(post, engine):
    from concurrent.futures import ThreadPoolExecutor

    run_id = post.run()
    ids = post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(8)))
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda mail_id: settle(engine, mail_id, "sent"), ids))
    assert post.told(run_id) == [told("sent")]


def test_an_ended_run_is_not_told(post, engine):
    run_id = post.run()
    mail_id = post.mail(run_id)
    post.change(schema.run, run_id, state="ended")
    assert settle(engine, mail_id, "skipped")
    assert post.told(run_id) == []


def test_a_mail_that_is_gone_is_no_error(engine):
    assert not settle(engine, 999_999, "sent")
    assert hand_over(engine, 999_999) == mails.Bar(reason="the mail is gone", final=False)


# --- events


def record(engine, mail_id, type_, key):
    with engine.begin() as conn:
        return record_event(conn, mail_id, type_, key, NOW, now=NOW)


def test_an_event_is_heard_once_and_only_by_runs_that_listen(post, engine):
    listening = post.run("listening", listens=["email.clicked"])
    deaf = post.run("deaf")
    heard, unheard = post.mail(listening), post.mail(deaf)
    for mail_id in (heard, unheard):
        settle(engine, mail_id, "sent")
        for type_ in ("delivered", "clicked"):
            assert record(engine, mail_id, type_, f"{mail_id}/{type_}")
            assert not record(engine, mail_id, type_, f"{mail_id}/{type_}")
    clicked = {"kind": "event", "of": "checking_in", "values": {"event": "email.clicked"}}
    assert post.told(listening) == [told("sent"), clicked]
    assert post.told(deaf) == [told("sent")]


@pytest.mark.parametrize("state", ["prepared", "handing_over", "unknown"])
def test_what_was_seen_outside_was_sent(post, engine, state):
    mail_id = post.mail()
    post.change(schema.mail, mail_id, state=state)
    record(engine, mail_id, "delivered", "e1")
    found = post.find(mail_id)
    assert (found.state, found.reason) == ("sent", "seen by an event: delivered")


def test_events_of_one_mail_at_once_do_not_wait_for_each_other_for_ever(post, engine):
    from concurrent.futures import ThreadPoolExecutor

    mail_id = post.mail()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda n: record(engine, mail_id, "opened", f"e{n}"), range(24)))


# --- looking


def test_a_mail_that_is_not_there_is_none(engine):
    with engine.begin() as conn:
        assert mails.find_mail(conn, 999_999) is None
