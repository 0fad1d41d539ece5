"""Whose accounts a CSM sees: the own book, covered ones, the team's, and those of tasks."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from store.access.scope import EVERYTHING, book_of
from store.schema import absence, account, workspace
from tests.databases import engine_of
from tests.store.book import NOW, Book, days


@pytest.fixture
def conn(database):
    engine = engine_of(database)
    with engine.begin() as conn:
        yield conn


@pytest.fixture
def book(conn):
    book = Book(conn)
    book.workspace()
    for key, manager in (("kim", "mo"), ("lee", "mo"), ("ann", "zoe"), ("mo", "vi"), ("vi", None)):
        book.person(key, manager=manager)
    for key, csm in (("acme", "kim"), ("birch", "lee"), ("cedar", "ann"), ("drift", None)):
        book.facts(book.account(key), account__csm=csm)
    return book


def seen(conn, person, now=NOW):
    query = sa.select(account.c.key).where(book_of(conn, person, now).sees(account.c.id)).order_by(account.c.key)
    return conn.execute(query).scalars().all()


def id_of(conn, key):
    return conn.execute(sa.select(account.c.id).where(account.c.key == key)).scalar_one()


@pytest.mark.parametrize(
    ("person", "keys"),
    [("kim", ["acme"]), ("ann", ["cedar"]), ("mo", ["acme", "birch"]), ("vi", ["acme", "birch"]), ("nobody", [])],
)
def test_a_person_sees_the_own_book_and_the_teams(conn, book, person, keys):
    assert seen(conn, person) == keys


@pytest.mark.parametrize(("since", "until", "covered"), [(-1, 1, True), (0, 1, True), (-2, 0, False), (1, 2, False)])
def test_a_book_is_covered_while_its_owner_is_away(conn, book, since, until, covered):
    away = {"person": "ann", "covered_by": "kim", "since": NOW + days(since), "until": NOW + days(until)}
    conn.execute(sa.insert(absence).values(**away))
    assert seen(conn, "kim") == (["acme", "cedar"] if covered else ["acme"])
    assert seen(conn, "lee") == ["birch"]


def test_an_account_of_an_open_task_is_seen_by_whom_it_was_given_or_escalated_to(conn, book):
    cedar, drift = id_of(conn, "cedar"), id_of(conn, "drift")
    run_id = book.run(cedar)
    book.task(run_id, cedar, assignee="kim")
    book.task(book.run(drift), drift, assignee="ann", escalated_to="lee")
    book.task(book.run(drift, "other"), drift, assignee="kim", state="done", settled_at=NOW)
    assert seen(conn, "kim") == ["acme", "cedar"]
    assert seen(conn, "lee") == ["birch", "drift"]


def test_people_who_lead_each_other_end_somewhere(conn, book):
    book.person("a", manager="b")
    book.person("b", manager="a")
    assert book_of(conn, "a", NOW).people == ("a", "b")


def test_one_account_is_asked_for_alone(conn, book):
    mine = book_of(conn, "kim", NOW + timedelta(1))
    assert mine.sees_account(conn, id_of(conn, "acme"))
    assert not mine.sees_account(conn, id_of(conn, "birch"))
    assert EVERYTHING.sees_account(conn, id_of(conn, "drift"))


def test_before_anything_is_deployed_nothing_is_in_a_book(conn):
    Book(conn).account()
    assert seen(conn, "kim") == []


def test_a_role_that_is_a_pool_names_nobodys_book(conn, book):
    document = conn.execute(sa.select(workspace.c.document)).scalar_one()
    document["roles"]["staff"] |= {"support": "least loaded of support", "onboarding": "next of onboarder"}
    conn.execute(sa.update(workspace).values(document=document))
    assert seen(conn, "kim") == ["acme"]
