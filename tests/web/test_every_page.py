"""Every page of the route table over books that are hard to show: hostile, empty, tiny, of forgotten people, huge."""

import pytest
import sqlalchemy as sa

from benchmarks.large_book import Size, fill
from store import erasure, schema
from tests.store.book import NOW
from tests.web.every_page import ELSEWHERE, NO_PAGES, PAGES, addresses, full_book, shown_routes
from tests.web.test_pages import Outline

MOST_BYTES = 100_000


def test_the_manifest_names_every_route_that_answers_a_browser():
    named = [set(PAGES), set(ELSEWHERE), set(NO_PAGES)]
    assert set.union(*named) == shown_routes()
    assert sum(map(len, named)) == len(set.union(*named))


def sound(client, paths, *, allowed=(200,)):
    """Each is one whole page, and as small as pages shall be."""
    wrong = []
    for path in paths:
        answer = client.get(path)
        outline = Outline(answer.text)
        scripts = [attrs.get("src") or "" for attrs in outline.all("script")]
        faults = {
            f"answers {answer.status_code}": answer.status_code not in allowed,
            "a script of others": any(not one.startswith("/static/tenure.js?v=") for one in scripts),
            "what was written got out": "<script>alert" in answer.text or "49 \u202eevil" in answer.text,
            "not one title": len(outline.all("h1")) != 1,
            f"{len(answer.content):,} bytes": len(answer.content) > MOST_BYTES,
        }
        wrong += [f"{path}: {fault}" for fault, there in faults.items() if there]
    assert wrong == []


def test_what_people_write_breaks_no_page_however_long_and_in_whatever_script(client, in_book):
    sound(client, addresses(in_book(full_book)))


def test_a_csm_sees_the_own_book_as_well(client_as, in_book):
    ids = in_book(full_book)
    sound(client_as("csm", "kim"), (one for one in addresses(ids) if one.startswith(("/inbox", "/accounts", "/me"))))


def lists():
    return [one for one in addresses({}) if not one.startswith(("/accounts/", "/playbooks/"))]


def test_a_database_without_a_workspace_has_pages(empty):
    sound(empty, (one for one in lists() if not one.startswith("/overview/")))
    sound(empty, (one for one in lists() if one.startswith("/overview/")), allowed=(404,))


def test_an_empty_book_has_pages(client, in_book):
    in_book(lambda book: book.workspace())
    sound(client, lists())


def test_a_book_of_one_account_that_nothing_is_known_of_has_pages(client, in_book):
    in_book(lambda book: (book.workspace(), book.account("acme")))
    sound(client, [*lists(), "/accounts/acme"])


def test_what_is_not_there_any_more_is_not_found_on_every_page(client, in_book):
    ids = in_book(full_book)
    gone = dict.fromkeys(ids, 4711)
    paths = [one for one in addresses(gone) if "4711" in one]
    assert len(paths) >= 7
    sound(client, [*paths, "/accounts/gone", "/playbooks/gone", "/playbooks/gone/source"], allowed=(404,))


def test_pages_of_what_a_forgotten_person_had_to_do_with_stay_and_name_nobody(client, in_book, engine):
    ids = in_book(lambda book: full_book(book, "Zelda Ypsilon"))
    with engine.begin() as conn:
        # Colleagues, accounts and playbooks keep their names: the customer alone is forgotten.
        for table in (schema.person, schema.account_value):
            name = {"name": "Kim"} if table is schema.person else {"value": "Acme"}
            conn.execute(sa.update(table).values(**name))
        conn.execute(sa.text("""update account_now set "account.name" = 'Acme'"""))
        assert erasure.erase(conn, "acme", "ada", "olga", NOW) is not None
    sound(client, addresses(ids))
    for path in (f"/mails/{ids['mail']}", f"/mails/{ids['mail']}/body", "/accounts/acme", "/answers"):
        assert "ada@acme.example" not in client.get(path).text, path
    assert "Zelda" not in client.get(f"/mails/{ids['mail']}/body").text


@pytest.mark.stage
def test_a_book_of_a_hundred_thousand_accounts_has_the_same_pages(client, client_as, engine):
    fill(engine, Size(accounts=100_000, people=200, tasks=300_000))
    with engine.connect() as conn:
        [task, run] = conn.execute(sa.text("select max(id), max(run_id) from task where state = 'open'")).one()
    shown = addresses({"task": task, "run": run})
    paths = [one for one in shown if not one.startswith("/accounts/")]
    sound(client, [*paths, "/accounts?q=number+99", "/accounts?page=2500", "/accounts/acc-77777"])
    sound(client_as("csm", "csm-7"), ["/inbox", "/accounts", "/accounts?q=number", "/"])
