"""A draft in the inbox: the reviewer reads it, changes it, and lets it leave or drops it."""

import pytest
import sqlalchemy as sa

from engine.texts.mail import FilledText
from store import schema
from store.inbox import drafts

OURS = {"sec-fetch-site": "same-origin"}
BODY = "Dear Ada,\n\nhow *is* it going?\n"


@pytest.fixture
def task_id(engine, in_book):
    def write(book):
        account = book.account()
        contact, run = book.contact(account), book.run(account)
        book.person()
        task = book.task(run, account, title="Review the mail to Ada", assignee="kim", outcomes=["send", "drop"])
        text = {"subject": "x", "preheader": "", "category": "service", "body": "x"}
        book.conn.execute(sa.insert(schema.text).values(hash="t", content=text))
        drafts.keep(book.conn, task, contact, "t", FilledText(subject="Hello <Ada>", body=BODY))
        return task

    return in_book(write)


def draft(engine):
    with engine.connect() as conn:
        return conn.execute(sa.select(schema.draft)).one()


def test_the_inbox_shows_the_draft_where_it_can_be_changed(client, task_id):
    page = client.get("/tasks").text
    assert 'value="Hello &lt;Ada&gt;"' in page
    assert "Dear Ada,\n\nhow *is* it going?" in page
    assert "To Ada Moreau, ada@acme.example" in page
    assert 'value="send"' in page


def test_programs_read_the_draft_with_its_task(client, task_id):
    found = client.get(f"/api/v1/tasks/{task_id}").json()["draft"]
    assert found == {
        "to_name": "Ada Moreau",
        "to_address": "ada@acme.example",
        "subject": "Hello <Ada>",
        "body": BODY,
        "edited_by": None,
    }


def test_sending_the_form_lets_it_leave_as_it_was_left(client, engine, task_id):
    form = {"outcome": "send", "by": "kim", "note": "", "subject": "Hello Ada", "body": "Dear Ada,\r\n\r\nsoon.\r\n"}
    assert client.post(f"/tasks/{task_id}/complete", data=form, headers=OURS, follow_redirects=False).status_code == 303
    assert (draft(engine).subject, draft(engine).body, draft(engine).edited_by) == (
        "Hello Ada",
        "Dear Ada,\n\nsoon.\n",
        "kim",
    )


def test_programs_may_change_a_part_alone(client, engine, task_id):
    said = {"outcome": "send", "by": "kim", "subject": "Hi"}
    assert client.post(f"/api/v1/tasks/{task_id}/complete", json=said).status_code == 200
    assert (draft(engine).subject, draft(engine).body) == ("Hi", BODY)


def test_dropping_needs_no_change(client, engine, task_id):
    said = {"outcome": "drop", "by": "kim"}
    assert client.post(f"/api/v1/tasks/{task_id}/complete", json=said).json()["outcome"] == "drop"
    assert draft(engine).edited_by is None


@pytest.mark.parametrize("part", [{"body": "[x](javascript:1)"}, {"subject": ""}, {"body": " "}])
def test_what_is_no_mail_is_refused_and_the_task_stays_open(client, engine, task_id, part):
    said = {"outcome": "send", "by": "kim", **part}
    answer = client.post(f"/api/v1/tasks/{task_id}/complete", json=said)
    assert (answer.status_code, answer.json()["title"]) == (422, "Not a mail")
    assert client.get(f"/api/v1/tasks/{task_id}").json()["state"] == "open"


def test_a_form_that_is_no_mail_is_refused_on_the_page(client, task_id):
    said = {"outcome": "send", "by": "kim", "subject": "x", "body": "[x](javascript:1)"}
    page = client.post(f"/tasks/{task_id}/complete", data=said, headers=OURS)
    assert (page.status_code, "cannot be changed so" in page.text) == (422, True)
