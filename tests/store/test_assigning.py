"""Whose task it is: fields, managers, pools, and what is left when nobody is named."""

import pytest
import sqlalchemy as sa

from engine.workspace import Roles, Workspace
from store import schema
from store.assigning import assignee_for, person_of
from tests.store.book import Book, days


@pytest.fixture
def conn(scratch):
    return scratch


@pytest.fixture
def book(conn):
    return Book(conn)


ROLES = Workspace(
    name="Harbour",
    roles=Roles(staff={"csm": "account.csm", "csm.manager": "manager of csm", "loop": "manager of loop"}),
)


@pytest.fixture
def staffed(book, conn):
    book.workspace()
    book.person("boss", "Bo Berg", role="manager")
    book.person("kim", manager="boss")
    book.person("lee", "Lee Chan")
    return book.account("acme")


@pytest.mark.parametrize(
    ("csm", "role", "expected"),
    [
        ("kim", "csm", "kim"),
        ("kim", "csm.manager", "boss"),
        ("lee", "csm.manager", "boss"),  # lee has no manager: somebody with that role
        ("lee", "loop", None),  # goes in circles
        ("lee", "legal", None),  # nobody has it
    ],
)
def test_a_role_means_a_person_of_the_account(book, conn, staffed, csm, role, expected):
    book.facts(staffed, account__csm=csm)
    assert assignee_for(conn, staffed, role, ROLES) == expected


@pytest.mark.parametrize("csm", [None, "somebody who left"])
def test_without_a_known_csm_the_account_keeps_one_of_the_team(book, conn, staffed, csm):
    book.facts(staffed, account__csm=csm)
    chosen = assignee_for(conn, staffed, "csm", ROLES)
    assert chosen in ("kim", "lee")
    other = "lee" if chosen == "kim" else "kim"
    conn.execute(sa.delete(schema.person).where(schema.person.c.key == other))
    assert assignee_for(conn, staffed, "csm", ROLES) == chosen


def test_accounts_without_a_csm_are_spread_over_the_team(book, conn, staffed):
    chosen = {assignee_for(conn, book.account(f"a{n}"), "csm", ROLES) for n in range(20)}
    assert chosen == {"kim", "lee"}


POOLS = Workspace(
    name="Harbour",
    roles=Roles(staff={"onboarding": "next of onboarder", "support": "least loaded of onboarder", "none": "next of x"}),
)


def onboarders(book):
    account_id = book.account()
    for key in ("ana", "ben", "cho"):
        book.person(key, key.capitalize(), role="onboarder")
    return account_id


def given(book, account_id, key, n, **values):
    return book.task(book.run(account_id, f"p{n}"), account_id, assignee=key, **values)


def test_a_pool_takes_turns(book, conn):
    account_id = onboarders(book)
    chosen = []
    for n in range(6):
        chosen.append(assignee_for(conn, account_id, "onboarding", POOLS))
        given(book, account_id, chosen[-1], n)
    assert chosen == ["ana", "ben", "cho", "ana", "ben", "cho"]


def test_a_pool_gives_to_whom_has_the_least_to_do(book, conn):
    account_id = onboarders(book)
    settled = {"state": "done", "outcome": "reached", "settled_at": book.now}
    for n, key in enumerate(("ana", "ana", "ben", "cho", "cho")):
        given(book, account_id, key, n, **(settled if n == 3 else {}))
    assert assignee_for(conn, account_id, "support", POOLS) == "ben"
    given(book, account_id, "ben", 9)
    assert assignee_for(conn, account_id, "support", POOLS) == "cho"


def test_an_empty_pool_leads_to_nobody(book, conn):
    assert assignee_for(conn, onboarders(book), "none", POOLS) is None


def test_texts_name_whom_of_a_pool_the_account_was_handed_to(book, conn):
    account_id = onboarders(book)
    assert person_of(conn, account_id, "onboarding", POOLS) is None
    given(book, account_id, "cho", 1, created_at=book.now - days(2))
    given(book, account_id, "ben", 2)
    assert person_of(conn, account_id, "onboarding", POOLS) == "ben"
