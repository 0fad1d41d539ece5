"""An inbox read page by page: in one order from the first task to the last, each task once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from store.queries.inbox import PAGE, Asked, Today, read_inbox
from tests.store.book import NOW, Book, days

TODAY = Today(now=NOW, date=NOW.date(), ends=NOW + timedelta(hours=6))
MINE = Asked(people=("kim", "lee"))


@pytest.fixture
def book(scratch):
    """More tasks than two pages show, of every group; some are both given and escalated to those who look."""
    book = Book(scratch)
    book.workspace()
    for key in ("kim", "lee"):
        book.person(key, key.title())
    acme = book.account("acme")
    book.facts(acme, account__csm="kim", account__arr=120_000.0, health__score=35.0, account__name="Acme Freight")
    run = book.run(acme)
    for n in range(PAGE + 15):
        book.task(run, acme, f"Late {n}", f"late-{n}", due_at=NOW - timedelta(hours=n + 1), assignee="kim")
    for n in range(10):
        book.task(run, acme, f"Today {n}", f"today-{n}", due_at=NOW + timedelta(minutes=n + 1), escalated_to="lee")
    for n in range(PAGE):
        due_at = NOW + days(n + 1) if n % 2 else None
        book.task(run, acme, f"Later {n}", f"later-{n}", due_at=due_at, assignee="sam", escalated_to="kim")
    book.task(run, acme, "Asleep", "asleep", snoozed_until=NOW + days(2))
    return book


def pages(conn, asked):
    found, number = [], 1
    while True:
        page = read_inbox(conn, replace(asked, page=number), TODAY)
        found.append(page)
        if not page.more:
            return found
        number += 1


def test_pages_go_from_group_to_group_and_show_each_task_once(scratch, book):
    found = pages(scratch, MINE)
    shown = [item for page in found for item in page.items]
    assert [len(page.items) for page in found] == [PAGE, PAGE, 25]
    assert [item.group for item in shown] == ["overdue"] * (PAGE + 15) + ["today"] * 10 + ["upcoming"] * PAGE
    assert len({item.id for item in shown}) == len(shown)
    for group in ("overdue", "today", "upcoming"):
        points = [round(item.stake.points, 6) for item in shown if item.group == group]
        assert points == sorted(points, reverse=True)
        alone = [item.id for page in pages(scratch, replace(MINE, view=group)) for item in page.items]
        assert alone == [item.id for item in shown if item.group == group]


def test_what_is_counted_is_what_the_views_show(scratch, book):
    counts = read_inbox(scratch, MINE, TODAY).counts
    assert counts == {"overdue": PAGE + 15, "today": 10, "upcoming": PAGE, "snoozed": 1, "open": 2 * PAGE + 25}


def test_a_page_behind_the_last_is_empty(scratch, book):
    page = read_inbox(scratch, replace(MINE, page=9), TODAY)
    assert (page.items, page.more) == ((), False)


def test_everybodys_tasks_come_by_due_date_and_those_without_one_last(scratch, book):
    shown = [item for page in pages(scratch, replace(MINE, people=None)) for item in page.items]
    due = [item.due_at for item in shown if item.due_at]
    assert due == sorted(due)
    assert [item.due_at is None for item in shown] == sorted(item.due_at is None for item in shown)
    assert len(shown) == 2 * PAGE + 25
