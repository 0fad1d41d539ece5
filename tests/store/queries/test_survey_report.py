import itertools
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from store import schema
from store.queries.surveys import survey_report
from tests.databases import engine_of
from tests.store.book import NOW, Book


class Asked:
    """Asks in a playbook so many days ago: `asked("nps", 3, score=9, mail="sent")`."""

    def __init__(self, conn):
        self.conn, self.book, self.numbers = conn, Book(conn), itertools.count()

    def __call__(self, asks="nps", days=1, *, score=None, mail="sent", playbook="rescue"):
        book, at = self.book, NOW - timedelta(days=days)
        account = book.account(f"a{next(self.numbers)}")
        run, contact = book.run(account, playbook), book.contact(account)
        row = {"run_id": run, "step": "ask", "visit": 1, "account_id": account, "contact_id": contact, "question": "?"}
        row |= {"created_at": at, "closes_at": at + timedelta(days=30), "address": "a@b.test", "score": score}
        self.conn.execute(sa.insert(schema.survey).values(**row, asks=asks))
        book.mail(run, account, contact, step="ask", state=mail)

    def report(self, **how):
        return survey_report(self.conn, NOW, **how)


@pytest.fixture
def asked(database):
    engine = engine_of(database)
    with engine.begin() as conn:
        yield Asked(conn)


def lines(rows):
    return [(one.answers.asks, one.playbook, one.since, one.answers.asked, one.answers.answered) for one in rows]


def test_questions_are_counted_by_playbook_and_by_what_was_asked(asked):
    for score in (10, 9, 3, None):
        asked(score=score)
    asked("csat", score=5)
    asked(playbook="renewal", score=8)
    assert lines(asked.report()) == [
        ("csat", "rescue", None, 1, 1),
        ("nps", "renewal", None, 1, 1),
        ("nps", "rescue", None, 4, 3),
    ]
    assert lines(asked.report(by_playbook=False)) == [("csat", None, None, 1, 1), ("nps", None, None, 5, 4)]
    (rescue,) = asked.report(playbook="rescue", period=None)[1:]
    assert (rescue.answers.above, rescue.answers.below) == (2, 1)


def test_a_question_whose_mail_did_not_leave_was_not_asked(asked):
    for mail in ("skipped", "refused", "prepared", "sent", "unknown"):
        asked(mail=mail)
    asked(mail="refused", score=7)
    (row,) = asked.report()
    assert (row.answers.asked, row.answers.answered) == (3, 1)


def test_what_may_still_be_answered_is_said(asked):
    asked(days=1)
    asked(days=40)
    (row,) = asked.report()
    assert (row.answers.asked, row.answers.open) == (2, 1)


def test_periods_begin_at_midnight_where_the_workspace_is(asked):
    # NOW is 9:30 on 10 March 2026, in UTC; minus 9 days and 10 hours is 28 February there, and 1 March in Auckland.
    asked(days=9 + 10 / 24)
    assert [row.since for row in asked.report(period="month")] == [date(2026, 2, 1)]
    assert [row.since for row in asked.report(period="month", zone="Pacific/Auckland")] == [date(2026, 3, 1)]


def test_a_report_is_about_what_was_asked_in_a_time(asked):
    for days in (1, 5, 9):
        asked(days=days)
    (row,) = asked.report(since=NOW - timedelta(days=6), until=NOW - timedelta(days=1))
    assert row.answers.asked == 1
