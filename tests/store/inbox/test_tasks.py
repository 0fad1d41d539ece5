from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine.workspace import load_workspace
from store import schema
from store.deploying.deploy import deploy
from store.inbox import desk, tasks
from store.running import runs
from tests.databases import engine_of
from tests.store.book import NOW, Book, days


@pytest.fixture
def engine(database) -> sa.Engine:
    return engine_of(database)


@pytest.fixture
def conn(engine) -> Iterator[sa.Connection]:
    with engine.connect() as conn:
        yield conn


@pytest.fixture
def book(conn):
    return Book(conn)


@pytest.fixture
def account_id(book):
    book.person("kim")
    book.person("lee", "Lee Chan")
    return book.account()


@pytest.fixture
def run_id(book, account_id):
    return book.run(account_id)


def told(conn, run_id):
    outbox = schema.outbox.c
    return conn.execute(sa.select(outbox.fact).where(outbox.run_id == run_id).order_by(outbox.n)).scalars().all()


def state(conn, task_id):
    return conn.execute(sa.select(schema.task).where(schema.task.c.id == task_id)).one()


def open_one(conn, run_id, account_id, **more):
    given: dict[str, Any] = {"step": "call", "visit": 1, "title": "Call Ada", "now": NOW, "assignee": "kim"} | more
    return tasks.open_task(conn, run_id=run_id, account_id=account_id, **given)


def test_a_task_opened_twice_for_one_visit_is_one_task(conn, run_id, account_id):
    first = open_one(conn, run_id, account_id, checklist=["Read the tickets"], due_at=NOW + days(2))
    again = open_one(conn, run_id, account_id, title="Something else", assignee="lee")

    assert first == again == {"task": first["task"], "assignee": "kim"}
    row = state(conn, first["task"])
    assert (row.title, row.outcomes, row.state) == ("Call Ada", ["done"], "open")
    assert row.checklist == [{"text": "Read the tickets", "done": False}]
    assert tasks.task_of(conn, run_id, "call", 1) == first["task"]
    assert tasks.task_of(conn, run_id, "call", 2) is None


def test_another_visit_is_another_task(conn, run_id, account_id):
    assert open_one(conn, run_id, account_id)["task"] != open_one(conn, run_id, account_id, visit=2)["task"]


def test_completing_settles_the_task_and_tells_the_run(book, conn, run_id, account_id):
    task_id = book.task(run_id, account_id)

    done = tasks.complete(conn, task_id, "no_answer", note="Left a message", by="kim", now=NOW)

    assert done == tasks.Completed(task_id=task_id, outcome="no_answer", by="kim", at=NOW)
    row = state(conn, task_id)
    assert (row.state, row.outcome, row.note, row.settled_by, row.settled_at) == (
        *("done", "no_answer", "Left a message", "kim"),
        NOW,
    )
    [fact] = told(conn, run_id)
    assert (fact["kind"], fact["of"], fact["n"]) == ("task", "call", 2)
    assert fact["values"] == {"visit": 1, "outcome": "no_answer", "by": "kim", "task": task_id}


def test_saying_the_same_again_is_fine_and_tells_nothing(book, conn, run_id, account_id):
    task_id = book.task(run_id, account_id)
    tasks.complete(conn, task_id, "reached", note=None, by="kim", now=NOW)

    again = tasks.complete(conn, task_id, "reached", note=None, by="kim", now=NOW + days(1))

    assert again == tasks.Completed(task_id=task_id, outcome="reached", by="kim", at=NOW, repeated=True)
    assert len(told(conn, run_id)) == 1


@pytest.mark.parametrize(("outcome", "by"), [("no_answer", "kim"), ("reached", "lee")])
def test_a_settled_task_refuses_another_answer_and_says_whose_stands(book, conn, run_id, account_id, outcome, by):
    task_id = book.task(run_id, account_id)
    tasks.complete(conn, task_id, "reached", note=None, by="kim", now=NOW)

    refused = tasks.complete(conn, task_id, outcome, note=None, by=by, now=NOW)

    assert isinstance(refused, tasks.Refused)
    assert refused.kind == "settled"
    assert refused.message == f'task {task_id} was completed as "reached" by kim on 2026-03-10 09:30 (UTC)'
    assert state(conn, task_id).outcome == "reached"


def test_a_refusal_tells_the_time_as_pages_do(book, conn, run_id, account_id):
    deploy(conn, load_workspace({"tenure.yaml": b"name: Corp\nzone: America/New_York\n"}), [], NOW)
    done, moved = book.task(run_id, account_id), book.task(run_id, account_id, step="other")
    tasks.complete(conn, done, "reached", note=None, by="kim", now=NOW)
    late = tasks.complete(conn, done, "no_answer", note=None, by="kim", now=NOW)
    assert isinstance(late, tasks.Refused)
    assert late.message.endswith(" by kim on 2026-03-10 05:30 (America/New_York)")
    desk.snooze(conn, moved, NOW + days(30), "kim", NOW)
    late = tasks.complete(conn, moved, "reached", note=None, by="kim", now=NOW, version=1)
    assert isinstance(late, tasks.Refused)
    assert late.message.endswith("and snoozed until 2026-04-09 05:30 (America/New_York)")


def test_an_unknown_outcome_is_refused_with_the_nearest_one(book, conn, run_id, account_id):
    task_id = book.task(run_id, account_id)

    refused = tasks.complete(conn, task_id, "no_anwser", note=None, by="kim", now=NOW)

    assert isinstance(refused, tasks.Refused)
    assert (refused.kind, refused.hint) == ("unknown_outcome", 'did you mean "no_answer"?')
    assert state(conn, task_id).state == "open"
    assert told(conn, run_id) == []


def test_an_unknown_task_is_refused(conn):
    refused = tasks.complete(conn, 4711, "done", note=None, by="kim", now=NOW)
    assert isinstance(refused, tasks.Refused)
    assert refused.kind == "unknown_task"


@pytest.mark.parametrize("settle", [tasks.withdraw, tasks.expire])
def test_what_nobody_waits_for_any_more_cannot_be_completed(book, conn, run_id, account_id, settle):
    task_id = book.task(run_id, account_id)
    settle(conn, task_id, NOW)

    refused = tasks.complete(conn, task_id, "reached", note=None, by="kim", now=NOW)

    assert isinstance(refused, tasks.Refused)
    assert refused.kind == "settled"
    assert refused.message.startswith(f"task {task_id} was {'withdrawn' if settle is tasks.withdraw else 'expired'} on")


def test_all_open_tasks_of_steps_are_withdrawn_whichever_visit_gave_them(book, conn, run_id, account_id):
    first, second, answered = (book.task(run_id, account_id, visit=visit) for visit in (1, 2, 3))
    other = book.task(run_id, account_id, step="other")
    tasks.complete(conn, answered, "reached", note=None, by="kim", now=NOW)

    assert tasks.withdraw_all(conn, run_id, ["call"], NOW) == [first, second]
    assert tasks.withdraw_all(conn, run_id, ["call"], NOW) == []
    assert [state(conn, one).state for one in (first, second, answered, other)] == [
        *("withdrawn", "withdrawn", "done", "open")
    ]


def test_a_task_left_open_by_an_ended_run_can_still_be_completed(book, conn, account_id):
    ended = book.ended_run(account_id)
    task_id = book.task(ended, account_id)

    assert isinstance(tasks.complete(conn, task_id, "reached", note=None, by="kim", now=NOW), tasks.Completed)
    assert told(conn, ended) == []


def test_expiring_gives_the_outcome_in_force(book, conn, run_id, account_id):
    late, answered = book.task(run_id, account_id), book.task(run_id, account_id, visit=2)
    tasks.complete(conn, answered, "leaving", note=None, by="kim", now=NOW)

    assert tasks.expire(conn, late, NOW) == "expired"
    assert tasks.expire(conn, late, NOW + days(1)) == "expired"
    assert tasks.expire(conn, answered, NOW) == "leaving"
    assert (state(conn, late).state, state(conn, late).settled_at) == ("expired", NOW)


def test_reminding_and_escalating_leave_a_settled_task_alone(book, conn, run_id, account_id):
    task_id = book.task(run_id, account_id)

    assert tasks.remind(conn, task_id, NOW)
    assert tasks.escalate(conn, task_id, "lee")
    assert (state(conn, task_id).reminded_at, state(conn, task_id).escalated_to) == (NOW, "lee")

    tasks.complete(conn, task_id, "reached", note=None, by="lee", now=NOW)
    assert not tasks.remind(conn, task_id, NOW)
    assert not tasks.escalate(conn, task_id, "kim")
    assert not tasks.withdraw(conn, task_id, NOW)


def test_two_people_at_once_leave_one_answer(engine):
    with engine.begin() as conn:
        book = Book(conn)
        account_id = book.account()
        run_id = book.run(account_id)
        task_id = book.task(run_id, account_id)
    with engine.begin() as first:
        tasks.complete(first, task_id, "reached", note=None, by="kim", now=NOW)
        with engine.begin() as second:
            second.execute(sa.text("set local lock_timeout = '50ms'"))
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                tasks.complete(second, task_id, "leaving", note=None, by="lee", now=NOW)
            second.rollback()
    with engine.begin() as conn:
        assert isinstance(tasks.complete(conn, task_id, "leaving", note=None, by="lee", now=NOW), tasks.Refused)
        assert len(told(conn, run_id)) == 1


def test_completing_waits_behind_the_end_of_the_run_and_then_finds_the_task_withdrawn(engine):
    with engine.begin() as conn:
        book = Book(conn)
        account_id = book.account()
        run_id = book.run(account_id)
        task_id = book.task(run_id, account_id)
    with engine.begin() as conn:
        runs.end(conn, run_id, outcome="stop", reason="stopped by kim", at=NOW)
    with engine.begin() as conn:
        refused = tasks.complete(conn, task_id, "reached", note=None, by="kim", now=NOW)
    assert isinstance(refused, tasks.Refused)
    assert "withdrawn" in refused.message
