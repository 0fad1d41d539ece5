"""Caps and windows where mails leave: counted and taken in one transaction, over all accounts, by priority."""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.workspace import load_workspace
from store import mails, schema
from store.deploying.deploy import deploy
from tests.databases import engine_of
from tests.mailing import NOW, Post
from tests.waiting import PATIENCE

DAY = timedelta(days=1)


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def post(engine):
    return Post(engine)


def declare(engine, mail, zone="UTC"):
    workspace = load_workspace({"tenure.yaml": f"name: Corp\nzone: {zone}\nmail: {mail}\n".encode()})
    row = {"document": workspace.to_json(), "hash": mail}
    with engine.begin() as conn:
        # What is deployed over open runs must read their plans, which these have not.
        if not conn.execute(sa.update(schema.workspace).values(row)).rowcount:
            deploy(conn, workspace, [], NOW)


def mail_to(post, address, **changes):
    run_id = post.run(**{name: changes.pop(name) for name in ("playbook",) if name in changes})
    return post.prepare(post.draft(run_id, post.contact(run_id, email=address), **changes))[0]


def claim(conn, now=NOW, limit=100):
    with conn.begin():
        return mails.claim_due(conn, "email", now, limit)


def hand_over(conn, mail_id):
    return mails.handing_over(conn, mail_id, NOW)


def send(engine, now=NOW):
    """Dispatch what is due, as a stream does; the mails that have left, in order."""
    left = []
    with engine.connect() as conn:
        while True:
            claimed = claim(conn, now)
            with conn.begin():
                bars = mails.handing_over_together(conn, [mail.id for mail in claimed.mails], now)
            for mail in claimed.mails:
                with conn.begin():
                    bar = bars[mail.id] if mail.id in bars else mails.handing_over(conn, mail.id, now)
                if bar is None:
                    left.append(mail.id)
                with conn.begin():
                    if bar is None:
                        mails.settle(conn, mail.id, "sent", now=now)
                    elif bar.final:
                        mails.settle(conn, mail.id, "skipped", now=now, reason=bar.reason)
                    elif bar.until:
                        mails.wait(conn, mail.id, bar.until, bar.reason)
                    mails.release(conn, [mail.id])
            if not claimed.mails and not claimed.skipped and not claimed.put_off:
                return left


def test_one_person_at_three_accounts_gets_what_the_cap_allows_and_the_loser_says_who_was_before(post, engine):
    declare(engine, "{ caps: [{ per: contact, at_most: 2, within: 7 days }] }")
    low = mail_to(post, "ann@acme.test", priority=10)
    high = mail_to(post, "Ann@acme.test", priority=90, playbook="renewal")
    middle = mail_to(post, "ANN@acme.test", priority=50, playbook="onboarding")
    assert send(engine) == [high, middle]
    loser = post.find(low)
    assert (loser.state, loser.due_at) == ("prepared", NOW + 7 * DAY)
    assert loser.reason == (
        "no more than 2 mails within 7 days to one person, taken by onboarding (priority 50), renewal (priority 90)"
    )
    assert send(engine, NOW + 7 * DAY - timedelta(seconds=1)) == []
    assert send(engine, NOW + 7 * DAY) == [low]
    assert post.told(loser.run_id)[0]["values"]["reason"] == f"waited: {loser.reason}"


def test_a_cap_that_skips_tells_the_run(post, engine):
    declare(engine, "{ caps: [{ per: contact, at_most: 1, each: day, then: skip }] }")
    first, second = mail_to(post, "ann@acme.test"), mail_to(post, "ann@acme.test")
    assert send(engine) == [first]
    found = post.find(second)
    assert found.state == "skipped"
    assert post.told(found.run_id)[0]["values"]["reason"] == (
        "no more than 1 mail a day to one person, taken by risk-recovery (priority 50)"
    )


def test_an_account_has_a_cap_over_all_its_contacts(post, engine):
    declare(engine, "{ caps: [{ per: account, at_most: 1, each: week }] }")
    run_id = post.run()
    ids = post.prepare(*(post.draft(run_id, post.contact(run_id)) for _ in range(2)))
    other = post.mail()
    assert send(engine) == [ids[0], other]
    assert post.find(ids[1]).due_at == NOW + DAY - timedelta(hours=9), "it was Sunday"


@pytest.mark.parametrize("changes", [{"category": "transactional"}, {"category": "internal"}])
def test_what_is_ordered_or_goes_to_colleagues_neither_waits_nor_counts(post, engine, changes):
    declare(engine, '{ caps: [{ per: contact, at_most: 1, each: day }], window: { opens: "03:00", closes: "04:00" } }')
    for _ in range(2):
        assert len(send(engine, NOW)) == 0
        mail_to(post, "ann@acme.test", **changes)
        assert len(send(engine, NOW)) == 1
    declare(engine, "{ caps: [{ per: contact, at_most: 1, each: day }] }")
    assert send(engine) == []
    service = mail_to(post, "ann@acme.test")
    assert send(engine) == [service]


@pytest.mark.parametrize(
    ("contact", "account", "opens_in"),
    [("America/New_York", "Asia/Tokyo", 28), (None, "Asia/Tokyo", 14), (None, None, 22)],
)
def test_the_window_is_that_of_the_contact_or_else_the_account_or_else_the_workspace(
    post, engine, contact, account, opens_in
):
    declare(engine, '{ window: { opens: "08:00", closes: "18:00" } }', zone="Europe/Berlin")
    mail_id = mail_to(post, "ann@acme.test")
    found = post.find(mail_id)
    post.change(schema.contact, found.contact_id, zone=contact)
    with engine.begin() as conn:
        row = {"id": found.account_id, "zone": account}
        conn.execute(sa.text('insert into account_now (account_id, "account.zone") values (:id, :zone)'), row)
    assert send(engine) == [], "it is Sunday"
    assert post.find(mail_id).due_at == NOW + timedelta(hours=opens_in)


def test_a_mail_that_certainly_did_not_leave_gives_its_place_back(post, engine):
    declare(engine, "{ caps: [{ per: contact, at_most: 1, within: 7 days }] }")
    first, second = mail_to(post, "ann@acme.test"), mail_to(post, "ann@acme.test")
    with engine.begin() as conn:
        assert hand_over(conn, first) is None
        assert hand_over(conn, second).until == NOW + 7 * DAY
        mails.park(conn, first, NOW + DAY, "not now")
    with engine.begin() as conn:
        assert hand_over(conn, second) is None
        mails.settle(conn, second, "refused", now=NOW)
    with engine.begin() as conn:
        assert hand_over(conn, first) is None


def test_who_goes_first_is_waited_for_while_another_dispatcher_has_it(post, engine):
    declare(engine, "{ caps: [{ per: contact, at_most: 1, within: 7 days, then: skip }] }")
    high, low = mail_to(post, "ann@acme.test", priority=90), mail_to(post, "ann@acme.test", priority=10)
    with engine.begin() as conn:
        bar = hand_over(conn, low)
        assert (bar.final, bar.until) == (False, None)
    with engine.begin() as conn:
        mails.settle(conn, high, "skipped", now=NOW, reason="nobody wants it")
    with engine.begin() as conn:
        assert hand_over(conn, low) is None


@pytest.mark.parametrize("per", ["contact", "account"])
def test_of_several_that_are_about_to_leave_the_first_alone_has_the_place(post, engine, per):
    declare(engine, f"{{ caps: [{{ per: {per}, at_most: 1, within: 7 days }}] }}")
    run_id = post.run()
    contact_id = post.contact(run_id)
    drafts = [post.draft(run_id, contact_id, step=f"s{n}", priority=n) for n in range(3)]
    low, middle, high = post.prepare(*drafts)
    order = post.prepare(post.draft(run_id, contact_id, step="ordered", category="transactional"))[0]
    other = post.mail()
    with engine.begin() as conn:
        assert mails.handing_over_together(conn, [low, other, middle, order, high], NOW) == dict.fromkeys(
            (high, order, other)
        )
    with engine.begin() as conn:
        bars = mails.handing_over_together(conn, [low, middle], NOW)
        assert [bar and bar.until for bar in bars.values()] == [NOW + 7 * DAY]
        assert hand_over(conn, low).until == NOW + 7 * DAY


_CAPS = st.lists(
    st.tuples(
        st.sampled_from(["contact", "account"]),
        st.integers(1, 3),
        st.sampled_from(["within: 7 days", "each: day", "each: week"]),
        st.sampled_from(["wait", "skip"]),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_CAPS, st.integers(0, 2**32))
def test_no_interleaving_of_eight_workers_exceeds_a_cap(post, engine, caps, seed):
    chance = random.Random(seed)
    with engine.begin() as conn:
        conn.execute(sa.text("truncate account cascade"))
    written = ", ".join(f"{{ per: {per}, at_most: {most}, {how}, then: {then} }}" for per, most, how, then in caps)
    declare(engine, f"{{ caps: [{written}] }}")
    people = [f"p{n}@acme.test" for n in range(3)]
    runs = [post.run() for _ in range(3)]
    drafts = [
        post.draft(
            run_id,
            post.contact(run_id, email=chance.choice(people)),
            step=f"s{n}",
            priority=chance.randint(1, 4),
            due_at=NOW - timedelta(minutes=chance.randint(0, 9)),
        )
        for n in range(8)
        for run_id in runs
    ]
    post.prepare(*drafts)
    errors = []

    def work():
        try:
            send(engine)
        except Exception as error:  # noqa: BLE001  # told by the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert errors == []
    with engine.begin() as conn:
        query = sa.select(schema.mail.c.to_key, schema.mail.c.account_id).where(schema.mail.c.left_at.is_not(None))
        left = conn.execute(query).all()
    # All have left at one instant, which is within any period.
    by = {"contact": Counter(row.to_key for row in left), "account": Counter(row.account_id for row in left)}
    for per, most, _, _ in caps:
        assert max(by[per].values()) <= most
    assert left
