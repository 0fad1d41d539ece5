"""What the demo tells of a day: all that happened, each once, however late it came to what had been written before."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.book.news import News
from store import clock, schema
from tests.databases import engine_of
from tests.mailing import NOW, Post

LATER = NOW + timedelta(hours=8)


class _Told:
    def __init__(self, engine):
        self.engine = engine
        self.lines: list[str] = []
        self.clock(NOW)
        self.news = News(engine, self.lines.append)

    def clock(self, at):
        with self.engine.begin() as conn:
            clock.set_virtual(conn, at)

    def new(self):
        """The lines since, without those that name a day."""
        del self.lines[:]
        self.news.tell()
        return [line.strip() for line in self.lines if not line.startswith("──")]


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def post(engine):
    return Post(engine)


def test_mail_that_left_after_what_was_written_later_is_told_once(engine, post):
    first, second, third = (post.mail(subject=f"Letter {n}") for n in (1, 2, 3))
    told = _Told(engine)
    post.change(schema.mail, second, state="sent", settled_at=NOW)
    assert len(told.new()) == 1
    told.clock(LATER)
    post.change(schema.mail, first, state="sent", settled_at=LATER)
    assert "Letter 1" in "".join(told.new())
    post.change(schema.mail, third, state="refused", settled_at=LATER)
    assert "Letter 3" in "".join(told.new())
    assert told.new() == []


def test_runs_that_end_at_one_instant_are_told_though_some_had_been_told_at_it(engine, post):
    runs = [post.run(outcome=None) for _ in range(3)]
    told = _Told(engine)
    for n, run_id in enumerate(runs):
        post.change(schema.run, run_id, state="ended", outcome="end", reason=f"reason {n}", ended_at=NOW)
        assert told.new() == [f"■ risk-recovery: 1 ended, end (reason {n})"]


def test_a_crossing_is_told_when_it_is_held_and_when_it_starts(engine, post):
    run_id = post.run()
    with engine.begin() as conn:
        account_id = conn.execute(sa.select(schema.run.c.account_id)).scalar_one()
    told = _Told(engine)
    reasons = [{"trigger": "t", "kind": "score", "says": "the score fell", "values": {}}]
    row = {"account_id": account_id, "playbook": "risk-recovery", "version": 1, "at": NOW, "reasons": reasons}
    with engine.begin() as conn:
        held = sa.insert(schema.crossing).values(**row, state="held", why="a cap").returning(schema.crossing.c.id)
        crossing_id = conn.execute(held).scalar_one()
    [line] = told.new()
    assert line.startswith("▶ risk-recovery is held (a cap)")
    told.clock(LATER)
    assert told.new() == []
    post.change(schema.crossing, crossing_id, state="started", why=None, run_id=run_id, decided_at=LATER)
    [line] = told.new()
    assert line.startswith("▶ risk-recovery starts")
    assert told.new() == []


def test_what_happened_before_is_no_news(engine, post):
    post.change(schema.mail, post.mail(), state="sent", settled_at=NOW)
    post.change(schema.run, post.run(), state="ended", outcome="end", reason="done", ended_at=NOW)
    assert _Told(engine).new() == []
