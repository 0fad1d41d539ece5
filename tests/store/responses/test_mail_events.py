import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.mail.seen import Seen
from store import schema
from store.responses import mail_events
from store.responses.mail_events import Taken
from tests.databases import engine_of
from tests.mailing import NOW, Post

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def post(engine):
    return Post(engine)


@pytest.fixture
def take(engine):
    def take(*seen):
        with engine.begin() as conn:
            return mail_events.take_in(conn, seen, NOW)

    return take


def sent(post, run_id=None, state="sent"):
    """(id, message id) of a mail in a state."""
    mail_id = post.mail(run_id)
    # Runs hear of both, as they do of whatever is settled.
    values = {"settled_at": NOW, "told": True} if state in ("sent", "unknown") else {}
    post.change(schema.mail, mail_id, state=state, **values)
    return mail_id, post.find(mail_id).message_id


def seen(message_id, type_="delivered", key="e1", at=LATER, **more):
    return Seen(message_id=message_id, type=type_, key=key, at=at, **more)


def events(engine):
    table = schema.mail_event
    query = sa.select(table.c.mail_id, table.c.type, table.c.evidence).order_by(table.c.at, table.c.key)
    with engine.begin() as conn:
        return [tuple(row) for row in conn.execute(query)]


def heard(post, run_id):
    return [fact["values"]["event"] for fact in post.told(run_id) if fact["kind"] == "event"]


def test_an_event_is_kept_once_however_often_it_is_told(post, engine, take):
    mail_id, name = sent(post)
    one = seen(name)
    assert take(one, one) == Taken(new=1, repeats=1)
    assert take(one) == Taken(repeats=1)
    assert events(engine) == [(mail_id, "delivered", None)]


def test_an_event_that_comes_again_under_a_new_id_is_known(post, engine, take):
    _, name = sent(post)
    assert take(seen(name, "clicked", "e1", link="a"), seen(name, "clicked", "e2", link="a")).new == 1
    assert take(seen(name, "clicked", "e3", link="a")).repeats == 1
    assert take(seen(name, "clicked", "e4", link="b")).new == 1


def test_events_of_mails_that_are_not_ours_are_counted_and_nothing_else(engine, take):
    assert take(seen("<not@ours.test>")) == Taken(strangers=1)
    assert events(engine) == []
    assert take() == Taken()


@pytest.mark.parametrize("state", ["unknown", "handing_over", "prepared"])
@pytest.mark.parametrize(
    ("type_", "after"),
    [("processed", "sent"), ("delivered", "sent"), ("deferred", "sent"), ("bounced", "sent"), ("dropped", "refused")],
)
def test_an_event_settles_a_mail_of_which_nobody_knew(post, take, state, type_, after):
    run_id = post.run()
    mail_id, name = sent(post, run_id, state)
    assert take(seen(name, type_, reason="because")).settled == 1
    found = post.find(mail_id)
    assert found.state == after
    assert found.reason == (f"seen by an event: {type_}" if after == "sent" else "the provider dropped it: because")
    # Who was told that nobody knows has gone on; everybody else hears it now.
    told = [fact["values"]["outcome"] for fact in post.told(run_id)]
    assert told == ([] if state == "unknown" else [after])


def test_what_was_sent_stays_sent_whatever_comes_later(post, take):
    mail_id, name = sent(post)
    assert take(seen(name, "dropped", "e1"), seen(name, "bounced", "e2")).settled == 0
    assert post.find(mail_id).state == "sent"


def test_runs_hear_what_they_listen_for_and_a_dropped_mail_as_one_that_bounced(post, take):
    listening = post.run("listening", listens=["email.clicked", "email.bounced"])
    deaf = post.run("deaf")
    for run_id in (listening, deaf):
        _, name = sent(post, run_id)
        take(
            seen(name, "delivered", f"{run_id}/1"),
            seen(name, "clicked", f"{run_id}/2", LATER + timedelta(minutes=5), link="a"),
            seen(name, "opened", f"{run_id}/3", LATER + timedelta(minutes=5)),
            seen(name, "dropped", f"{run_id}/4"),
        )
    assert sorted(heard(post, listening)) == ["email.bounced", "email.clicked"]
    assert heard(post, deaf) == []


@pytest.mark.parametrize(
    "clicks",
    [[(5, "a")], [(300, "a"), (301, "b")], [(-60, "a")]],
    ids=["at once", "two in a row", "before it arrived"],
)
def test_what_a_machine_most_likely_did_moves_no_run(post, engine, take, clicks):
    run_id = post.run("listening", listens=["email.clicked", "email.opened"])
    mail_id, name = sent(post, run_id)
    take(
        seen(name, "delivered", "d"),
        seen(name, "opened", "o", LATER + timedelta(hours=1), machine=True),
        *(seen(name, "clicked", link, LATER + timedelta(seconds=after), link=link) for after, link in clicks),
    )
    assert heard(post, run_id) == []
    assert {row for row in events(engine) if row[1] != "delivered"} == {
        (mail_id, "opened", "likely_machine"),
        (mail_id, "clicked", "likely_machine"),
    }


def test_a_click_is_graded_again_when_its_delivery_or_its_neighbours_come_later(post, engine, take):
    mail_id, name = sent(post)
    minute = LATER + timedelta(minutes=1)
    take(
        seen(name, "clicked", "c1", LATER + timedelta(seconds=5), link="a"),
        seen(name, "clicked", "c2", minute, link="a"),
    )
    assert [grade for *_, grade in events(engine)] == ["human", "human"]
    take(seen(name, "delivered", "d"))
    assert [grade for *_, grade in events(engine)] == [None, "likely_machine", "human"]
    take(seen(name, "clicked", "c3", minute + timedelta(seconds=1), link="b"))
    assert [grade for *_, grade in events(engine)] == [None, *["likely_machine"] * 3]
    assert mail_id


def test_in_whatever_order_and_however_often_events_come_the_same_is_known_in_the_end(post, engine, take):
    names = [sent(post, state=state)[1] for state in ("sent", "unknown", "sent")]
    told = [
        seen(name, type_, f"{name}/{type_}/{n}", LATER + timedelta(seconds=at), link=link)
        for name in names
        for n, (type_, at, link) in enumerate(
            [
                ("processed", -9, None),
                ("delivered", 0, None),
                ("clicked", 4, "a"),
                ("opened", 30, None),
                ("clicked", 40, "a"),
                ("clicked", 42, "b"),
                ("clicked", 400, "a"),
                ("unsubscribed", 500, None),
            ]
        )
    ]
    found = []
    for seed in range(6):
        with engine.begin() as conn:
            conn.execute(sa.delete(schema.mail_event))
        chance = random.Random(seed)
        again = [*told, *chance.choices(told, k=12)]
        chance.shuffle(again)
        total = [take(*again[n : n + 5]) for n in range(0, len(again), 5)]
        assert sum(one.new for one in total) == len(told)
        found.append(sorted(events(engine), key=repr))
    assert all(one == found[0] for one in found)


def test_posts_at_once_with_the_same_events_keep_each_once_and_do_not_wait_for_ever(post, engine, take):
    run_ids = [post.run("listening", listens=["email.clicked"]) for _ in range(6)]
    names = [sent(post, run_id, "unknown")[1] for run_id in run_ids]
    told = [
        seen(name, "clicked", f"{name}/{n}", LATER + timedelta(minutes=n), link="a") for name in names for n in range(4)
    ]

    def tell(seed):
        mixed = random.Random(seed).sample(told, len(told))
        return take(*mixed)

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(tell, range(12)))
    assert sum(one.new for one in taken) == len(told)
    assert sum(one.settled for one in taken) == len(names)
    assert sum(one.told for one in taken) == len(told)
    assert post.states() == {"sent"}
