"""The past of the demo's book, written and taken in by a process of its own."""

from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, date, datetime, timedelta
from multiprocessing import active_children

import pytest
import sqlalchemy as sa

from app.book import Book
from app.book.life import is_known
from app.commands.demo_past import another_process, begin, write
from store import clock, schema
from tests.databases import engine_of

START = date(2026, 3, 2)


def test_a_book_begun_by_another_process_is_all_there_and_goes_on_here(database: str):
    mine, engine = Book(7, 20, START), engine_of(database)
    assert not is_known(engine)
    with another_process() as writer:
        writer.submit(write, 7, 20, START)
        book, told = writer.submit(begin, 7, 20, START, database).result()
    past = list(mine.history())
    assert told == len(past)
    assert is_known(engine)
    with engine.connect() as conn:
        assert clock.now(conn) == datetime(2026, 3, 2, tzinfo=UTC)
        events = sum(fact.kind == "event" for _, fact in past)
        assert conn.execute(sa.select(sa.func.count()).select_from(schema.event)).scalar() == events
    for ahead in (0, 29, 200):
        assert book.on(START + timedelta(days=ahead)) == mine.on(START + timedelta(days=ahead))


def test_a_past_that_cannot_be_taken_in_leaves_nothing_and_says_why(database: str):
    nowhere = sa.make_url(database).set(database="nowhere").render_as_string(hide_password=False)
    with another_process() as writer:
        begun = writer.submit(begin, 7, 5, START, nowhere)
        with pytest.raises(sa.exc.OperationalError, match="nowhere"):
            begun.result()
        assert not is_known(engine_of(database))
        _, told = writer.submit(begin, 7, 5, START, database).result()
    assert told > 0
    assert is_known(engine_of(database))


def test_whoever_gives_up_does_not_wait_for_a_book_to_be_written():
    begun = []

    def give_up():
        with another_process() as writer:
            begun.append(writer.submit(write, 7, 800, START))
            raise LookupError

    with pytest.raises(LookupError):
        give_up()
    assert isinstance(begun[0].exception(), BrokenProcessPool)
    assert not active_children()
