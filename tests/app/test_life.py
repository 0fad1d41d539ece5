"""The people of the demo: who is asked again after a restart does what is left to do, when it would have been done."""

from datetime import datetime, timedelta

import pytest

from app.book.book import Book
from app.book.life import Doing, Life
from engine.project import Project
from store import mails, schema
from tests.databases import engine_of
from tests.mailing import NOW, Post

_CHOOSE = "Choose a day: https://meet.tidewright.example/kim"


class _Days:
    """One process of the demo: what it is asked to have happen, done up to an instant."""

    def __init__(self, engine, project):
        self.engine = engine
        self.asked: list[tuple[datetime, str, Doing]] = []
        self.life = Life(engine, project, Book(1, 5, NOW.date()))
        self.life.appoint = lambda at, do, *, name: self.asked.append((at, name, do))

    def look(self, now):
        self.life.look(now)
        return self

    def left(self, since):
        return sorted((at, name) for at, name, _ in self.asked if at > since)

    def until(self, instant):
        for at, _, do in sorted(self.asked, key=lambda one: one[:2]):
            if at <= instant:
                with self.engine.begin() as conn:
                    do(conn, at)


@pytest.fixture
def engine(database):
    return engine_of(database)


@pytest.fixture
def project():
    return Project(workspace=None, playbooks={}, scenarios={}, problems=())


class _Readers(Post):
    """Forty of whom is known what they will do: that hangs on their names."""

    def __init__(self, engine):
        super().__init__(engine)
        self.mails = []
        for n in range(40):
            run_id = self.run()
            letter = self.draft(run_id, self.contact(run_id, f"reader-{n}"), plain=_CHOOSE)
            self.mails += self.prepare(letter)
            self.change(schema.account, letter.account_id, key=f"account-{n}")

    def get(self, mail_ids, at):
        for mail_id in mail_ids:
            with self.engine.begin() as conn:
                mails.handing_over(conn, mail_id, at)
                mails.settle(conn, mail_id, "sent", now=at)


@pytest.fixture
def readers(engine):
    return _Readers(engine)


def test_readers_who_have_opened_a_mail_before_a_restart_still_click_and_reply_after_it(engine, project, readers):
    readers.get(readers.mails, NOW)
    before = _Days(engine, project).look(NOW)
    kinds = {name.split()[-1] for _, name, _ in before.asked}
    assert kinds == {"opened", "clicked", "replied", "date"}
    middle = NOW + timedelta(hours=8)
    before.until(middle)
    after = _Days(engine, project).look(middle)
    assert {name.split()[-1] for _, name in after.left(middle)} >= {"clicked", "replied"}
    assert after.left(middle) == before.left(middle)


def test_readers_react_to_mail_that_was_written_before_others_and_left_after_them(engine, project, readers):
    late, early = readers.mails[:20], readers.mails[20:]
    readers.get(early, NOW)
    life = _Days(engine, project).look(NOW)
    of_early = len(life.asked)
    then = NOW + timedelta(hours=8)
    for half in late[10:], late[:10]:
        readers.get(half, then)
        life.look(then)
    asked = {name.split()[0] for _, name, _ in life.asked[of_early:]}
    at_once = _Days(engine, project).look(then)
    assert len(asked) > 10
    assert len(life.asked) == len(at_once.asked)
    assert {name for _, name, _ in life.asked} == {name for _, name, _ in at_once.asked}
