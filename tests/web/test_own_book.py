"""A CSM gets to see and to change nothing of somebody else's book: every page is asked, as the route table has it."""

import re

import pytest
import sqlalchemy as sa

from store.schema import outbox, run, task, task_comment
from tests.web.test_rules import ROUTES
from web.access import csm

MARK = "Quuxmark"
"""In every text of the other book."""


@pytest.fixture
def others(in_book):
    """One account of Lee's with all that hangs on it; and one of Kim's, who looks."""

    def make(book):
        book.workspace()
        book.person("kim", "Kim Novak")
        book.person("lee", "Lee Chan")
        mine, theirs = book.account("acme"), book.account("quux", f"{MARK} Ltd")
        book.facts(mine, account__csm="kim", account__name="Acme Freight")
        book.facts(theirs, account__csm="lee", account__name=f"{MARK} Ltd")
        contact = book.contact(theirs, name=f"Ada {MARK}")
        run_id = book.run(theirs, standing="stuck", reason=MARK)
        return {
            "task_id": book.task(run_id, theirs, f"Call {MARK}", assignee="lee", description=MARK),
            "run_id": run_id,
            "mail_id": book.mail(run_id, theirs, contact, f"Hello {MARK}"),
            "key": "quux",
        }

    return in_book(make)


def filled(path, ids):
    named = re.sub(r"\{(\w+)(?::path)?\}", lambda part: str(ids.get(part[1], 4711)), path)
    return named.replace("{form}", "csv")


def state_of(engine, ids):
    with engine.connect() as conn:
        rows = conn.execute(sa.select(task).where(task.c.id == ids["task_id"])).all()
        counts = [
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            for table in (run, outbox, task_comment)
        ]
    return rows, counts


FORMS = {
    "by": "kim",
    "outcome": "reached",
    "note": "mine now",
    "text": "mine now",
    "to": "kim",
    "until": "2026-04-01",
    "item": "0",
    "done": "true",
    "playbook": "risk-recovery",
    "run": "1",
    "reason": "mine now",
}


def test_a_csm_sees_nothing_of_another_book(client_as, others):
    kim = client_as("csm", "kim")
    shown = [path for method, path, rules in ROUTES if method == "GET" and csm in rules and "changes" not in path]
    leaks = [path for path in shown if MARK in kim.get(filled(path, others)).text]
    assert leaks == []
    assert any(MARK in client_as("ops").get(filled(path, others)).text for path in shown)


def test_a_csm_changes_nothing_in_another_book(client_as, engine, others):
    kim, before = client_as("csm", "kim"), state_of(engine, others)
    for method, path, rules in ROUTES:
        if method == "POST" and csm in rules and "{" in path:
            for form in (FORMS, FORMS | {"task": str(others["task_id"])}):
                answer = kim.post(filled(path, others), data=form)
                assert MARK not in answer.text, path
    assert state_of(engine, others) == before
