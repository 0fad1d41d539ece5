"""What operators may say to a run, and that saying it twice says it once."""

import pytest
import sqlalchemy as sa

from store import schema
from store.deploying.playbook_state import move_all
from store.running.operating import Do, NotTold, Told, steer_run
from tests.store.book import NOW, Book

STAND = {"path": "steps[0]", "step": "call", "says": "failed: nobody is there", "until": None}


@pytest.fixture
def book(scratch):
    return Book(scratch)


def told(book, run_id):
    told = schema.outbox.c
    rows = book.conn.execute(sa.select(told.fact).where(told.run_id == run_id).order_by(told.n)).scalars()
    return [(fact["kind"], fact["of"], fact["values"]) for fact in rows]


def stuck(book):
    other = STAND | {"path": "steps[1]", "says": "wait 3 days", "step": "pause"}
    return book.run(book.account(), standing="stuck", at_step=[STAND, other])


@pytest.mark.parametrize("do", ["retry", "skip"])
def test_a_failed_step_is_answered_once_however_often_it_is_said(book, do):
    run_id = stuck(book)
    first = steer_run(book.conn, run_id, do, "olga", NOW)
    assert first == Told(run_id=run_id, do=do, steps=("call",))
    again = steer_run(book.conn, run_id, do, "olga", NOW)
    assert again == Told(run_id=run_id, do=do, steps=("call",), repeated=True)
    assert told(book, run_id) == [("retry", "call", {"do": do})]


def test_a_step_that_failed_again_may_be_answered_again(book):
    run_id = stuck(book)
    steer_run(book.conn, run_id, "retry", "olga", NOW)
    heard = sa.update(schema.run).where(schema.run.c.id == run_id).values(heard=schema.run.c.outbox_n)
    book.conn.execute(heard)
    assert steer_run(book.conn, run_id, "skip", "olga", NOW) == Told(run_id=run_id, do="skip", steps=("call",))
    assert [values for _, _, values in told(book, run_id)] == [{"do": "retry"}, {"do": "skip"}]


def test_a_run_ends_by_the_one_who_says_so_first(book):
    run_id = book.run(book.account())
    assert steer_run(book.conn, run_id, "end", "olga", NOW) == Told(run_id=run_id, do="end")
    assert steer_run(book.conn, run_id, "end", "ada", NOW) == Told(run_id=run_id, do="end", repeated=True)
    assert told(book, run_id) == [("end", "stop", {"reason": "ended by olga"})]


def test_runs_that_need_nothing_are_left_alone(book):
    resting, ended = book.run(book.account("a")), book.ended_run(book.account("b"))
    asked: list[tuple[int, Do, str]] = [
        (resting, "retry", "not_stuck"),
        (ended, "end", "ended"),
        (4711, "end", "unknown"),
    ]
    for run_id, do, kind in asked:
        found = steer_run(book.conn, run_id, do, "olga", NOW)
        assert isinstance(found, NotTold)
        assert found.kind == kind
    assert told(book, resting) == told(book, ended) == []


def test_all_active_playbooks_pause_and_all_paused_ones_resume(book):
    for name, state in (("a", "active"), ("b", "paused"), ("c", "off")):
        book.conn.execute(sa.insert(schema.playbook).values(id=name, state=state, version=1))
    run_id = book.run(book.account(), "a")
    assert move_all(book.conn, "pause") == {"a": 1}
    assert move_all(book.conn, "pause") == {}
    assert move_all(book.conn, "resume") == {"a": 1, "b": 0}
    assert [kind for kind, _, _ in told(book, run_id)] == ["pause", "resume"]
