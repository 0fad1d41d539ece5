"""What surveys come to, as operations sees it: by playbook and period, on a page and as CSV."""

import csv
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import schema
from tests.store.book import NOW


@pytest.fixture
def asked(in_book):
    """Four of a playbook were asked in two quarters, three answered; one of another may answer yet."""

    def make(book):
        book.workspace()
        cases = [("rescue", 1, 10), ("rescue", 2, 2), ("rescue", 100, 9), ("rescue", 101, None), ("renewal", 1, None)]
        for n, (playbook, days_ago, score) in enumerate(cases):
            account = book.account(f"a{n}")
            run, contact = book.run(account, playbook), book.contact(account)
            at = NOW - timedelta(days=days_ago)
            row = {"run_id": run, "step": "ask", "visit": 1, "account_id": account, "contact_id": contact}
            row |= {"question": "?", "created_at": at, "closes_at": at + timedelta(days=30), "address": f"{n}@b.test"}
            book.conn.execute(sa.insert(schema.survey).values(**row, asks="nps", score=score))
            book.mail(run, account, contact, step="ask", state="sent")

    return in_book(make)


def test_rates_and_scores_are_shown_by_playbook_and_period_with_their_definitions(client, asked):
    page = client.get("/answers?by=year&each=yes")
    assert "rescue" in page.text
    assert "1 may be answered yet" in page.text
    assert "less the share of 0 to 6" in page.text
    assert page.text.count('href="/playbooks/rescue"') == 2  # it asked in two years


def test_the_report_is_taken_away_as_csv(client, asked):
    def table(query):
        return list(csv.DictReader(io.StringIO(client.get(f"/answers.csv?{query}").text)))

    [renewal, rescue] = table("by=all")
    assert (rescue["playbook"], rescue["asked"], rescue["answered"], rescue["rate"]) == ("rescue", "4", "3", "75.0")
    assert (rescue["above"], rescue["between"], rescue["below"], rescue["score"]) == ("2", "0", "1", "33.3")
    assert (renewal["open"], renewal["score"]) == ("1", "")
    [together] = table("by=all&each=no")
    assert (together["playbook"], together["asked"]) == ("", "5")
    assert len(table("by=quarter")) > 2


def test_the_report_is_for_operations(client_as):
    kim = client_as("csm", "kim")
    assert [kim.get(path).status_code for path in ("/answers", "/answers.csv")] == [403, 403]


def test_nobody_asked_is_said(client):
    assert "Nobody was asked anything" in client.get("/answers").text
