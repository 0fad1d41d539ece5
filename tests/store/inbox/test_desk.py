"""What people do with tasks: two at once, twice the same, and second thoughts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from store import schema
from store.inbox import desk, tasks
from store.running import outbox
from tests.databases import engine_of
from tests.store.book import NOW, Book, days
from tests.waiting import PATIENCE

WALL = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
HELD = WALL + timedelta(seconds=10)


@pytest.fixture
def conn(scratch):
    return scratch


@pytest.fixture
def book(conn):
    book = Book(conn)
    book.person("kim")
    book.person("lee", "Lee Chan")
    return book


@pytest.fixture
def task_id(book):
    account_id = book.account()
    items = [{"text": "Read the tickets", "done": False}, {"text": "Agree one step", "done": False}]
    return book.task(book.run(account_id), account_id, checklist=items)


def row(conn, task_id):
    return conn.execute(sa.select(schema.task).where(schema.task.c.id == task_id)).one()


def told(conn):
    return list(conn.execute(sa.select(schema.outbox.c.fact).order_by(schema.outbox.c.id)).scalars())


def comments(conn):
    comment = schema.task_comment.c
    return conn.execute(sa.select(comment.by, comment.text).order_by(comment.id)).all()


def settle(conn, task_id, by="kim", **more):
    return tasks.complete(conn, task_id, "reached", "spoke to Ada", by, NOW, **more)


# --- ticks and comments ---


def test_items_are_ticked_one_by_one_and_twice_is_once(conn, task_id):
    for _ in range(2):
        desk.tick(conn, task_id, 1, done=True, by="lee")
    assert [item["done"] for item in row(conn, task_id).checklist] == [False, True]
    assert row(conn, task_id).checklist[1]["by"] == "lee"
    desk.tick(conn, task_id, 0, done=True, by="kim")
    desk.tick(conn, task_id, 1, done=False, by="kim")
    assert [item["done"] for item in row(conn, task_id).checklist] == [True, False]
    assert row(conn, task_id).version == 1


def test_an_item_that_is_not_there_is_refused(conn, task_id):
    for item in (2, -1):
        assert isinstance(desk.tick(conn, task_id, item, done=True, by="kim"), tasks.Refused)


def test_a_comment_sent_twice_is_one(conn, task_id):
    for _ in range(2):
        desk.comment(conn, task_id, "They want a call", "kim", NOW)
    desk.comment(conn, task_id, "They want a call", "lee", NOW)
    assert comments(conn) == [("kim", "They want a call"), ("lee", "They want a call")]


# --- snoozing ---


def test_a_snooze_tells_the_run_and_waking_tells_it_again(conn, task_id):
    until = NOW + days(3)
    desk.snooze(conn, task_id, until, "kim", NOW, version=1)
    desk.snooze(conn, task_id, until, "kim", NOW)
    assert (row(conn, task_id).snoozed_until, row(conn, task_id).version) == (until, 2)
    desk.snooze(conn, task_id, NOW, "kim", NOW + days(1))
    assert row(conn, task_id).snoozed_until is None
    assert [(fact["kind"], fact["of"], fact["values"]) for fact in told(conn)] == [
        ("snooze", "call", {"visit": 1, "until": until.isoformat()}),
        ("snooze", "call", {"visit": 1, "until": (NOW + days(1)).isoformat()}),
    ]


def test_waking_what_is_awake_changes_nothing(conn, task_id):
    desk.snooze(conn, task_id, NOW - days(1), "kim", NOW)
    assert (row(conn, task_id).version, told(conn)) == (1, [])


# --- handing on ---


def test_a_task_handed_on_says_so(conn, task_id):
    for _ in range(2):
        desk.reassign(conn, task_id, "lee", "kim", NOW)
    assert (row(conn, task_id).assignee, row(conn, task_id).version) == ("lee", 2)
    assert comments(conn) == [("kim", "Handed on to Lee Chan.")]


def test_nobody_gets_a_task_who_is_not_there(conn, task_id):
    refused = desk.reassign(conn, task_id, "zoe", "kim", NOW)
    assert isinstance(refused, tasks.Refused)
    assert refused.kind == "unknown_person"


# --- two people on one task ---


@pytest.mark.parametrize(
    "act",
    [
        lambda conn, task_id: desk.snooze(conn, task_id, NOW + days(1), "lee", NOW, version=1),
        lambda conn, task_id: desk.reassign(conn, task_id, "kim", "lee", NOW, version=1),
        lambda conn, task_id: tasks.complete(conn, task_id, "reached", "", "lee", NOW, version=1),
    ],
)
def test_who_looks_at_an_older_task_is_told_and_changes_nothing(conn, task_id, act):
    desk.reassign(conn, task_id, "lee", "kim", NOW, version=1)
    refused = act(conn, task_id)
    assert isinstance(refused, tasks.Refused)
    assert refused.kind == "changed"
    assert "it is now lee's" in refused.message
    assert row(conn, task_id).state == "open"


def test_what_is_settled_is_left_alone(conn, task_id):
    settle(conn, task_id)
    for refused in (
        desk.tick(conn, task_id, 0, done=True, by="lee"),
        desk.snooze(conn, task_id, NOW + days(1), "lee", NOW),
        desk.reassign(conn, task_id, "lee", "lee", NOW),
    ):
        assert isinstance(refused, tasks.Refused)
        assert 'completed as "reached" by kim' in refused.message
    assert isinstance(desk.comment(conn, task_id, "Well done", "lee", NOW), desk.Changed)


def test_no_task_is_said_so(conn):
    for refused in (desk.reopen(conn, 4711, "kim"), desk.comment(conn, 4711, "x", "kim", NOW)):
        assert isinstance(refused, tasks.Refused)
        assert refused.kind == "unknown_task"


# --- second thoughts ---


def test_an_answer_is_kept_back_for_a_moment_and_can_be_taken_back(conn, task_id):
    settle(conn, task_id, held_until=HELD)
    assert outbox.batches(conn, at=WALL) == []

    back = desk.reopen(conn, task_id, "kim")

    assert isinstance(back, desk.Changed)
    found = row(conn, task_id)
    assert (found.state, found.outcome, found.settled_by, found.note) == ("open", None, None, "spoke to Ada")
    assert outbox.batches(conn, at=HELD) == []
    assert isinstance(desk.reopen(conn, task_id, "kim"), desk.Changed)


def test_after_that_moment_the_run_is_told_with_what_came_behind(conn, task_id):
    settle(conn, task_id, held_until=HELD)
    run_id = row(conn, task_id).run_id
    conn.execute(sa.update(schema.outbox).values(delivered_at=None))
    (batch,) = outbox.batches(conn, at=HELD)
    assert [fact["kind"] for fact in batch.facts] == ["task"]
    outbox.delivered(conn, batch.ids)
    refused = desk.reopen(conn, task_id, "kim")
    assert isinstance(refused, tasks.Refused)
    assert "has gone on" in refused.message
    assert run_id == batch.run_id


def test_what_is_told_behind_a_held_answer_waits_for_it(conn, task_id, book):
    settle(conn, task_id, held_until=HELD)
    other = book.task(row(conn, task_id).run_id, row(conn, task_id).account_id, step="mail")
    settle(conn, other)
    assert outbox.batches(conn, at=WALL) == []
    (batch,) = outbox.batches(conn, at=HELD)
    assert [fact["of"] for fact in batch.facts] == ["call", "mail"]


def test_what_was_told_before_a_held_answer_leaves_alone(conn, task_id, book):
    other = book.task(row(conn, task_id).run_id, row(conn, task_id).account_id, step="mail")
    settle(conn, other)
    settle(conn, task_id, held_until=HELD)
    (batch,) = outbox.batches(conn, at=WALL)
    assert [fact["of"] for fact in batch.facts] == ["mail"]


@pytest.mark.parametrize("how", ["not held", "another's", "the run ended", "the run gave up"])
def test_an_answer_that_counts_already_stays(conn, task_id, how):
    settle(conn, task_id, held_until=None if how == "not held" else HELD)
    run_id = row(conn, task_id).run_id
    if how == "the run ended":
        conn.execute(sa.update(schema.run).values(state="ended"))
    if how == "the run gave up":
        key = {"run_id": run_id, "step": "call", "visit": 1, "effect": "expire"}
        conn.execute(sa.insert(schema.ledger).values(receipt={}, at=NOW, **key))
    refused = desk.reopen(conn, task_id, "lee" if how == "another's" else "kim")
    assert isinstance(refused, tasks.Refused)
    assert row(conn, task_id).state == "done"


# --- who hears of it ---


def test_whoever_looks_at_a_persons_tasks_is_told_of_changes(database):
    engine = engine_of(database)
    with engine.begin() as conn:
        book = Book(conn)
        book.person("kim")
        book.person("lee", "Lee Chan")
        account_id = book.account()
        task_id = book.task(book.run(account_id), account_id)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as listening:
        listening.execute(sa.text("listen tenure_inbox"))
        with engine.begin() as conn:
            desk.reassign(conn, task_id, "lee", "kim", NOW)
        driver: Any = listening.connection.dbapi_connection
        heard = {note.payload for note in driver.notifies(timeout=PATIENCE, stop_after=2)}
    assert heard == {"kim", "lee"}
