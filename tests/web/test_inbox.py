"""The inbox as its people use it: what it shows to whom, what can be done, and what happens to what was written."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import schema
from store.access.audit import list_audit
from tests.store.book import NOW, Book, days

HOSTILE = '<script>alert("x")</script>\'"{{ 7 * 7 }}'


@pytest.fixture
def book_of_kim(in_book):
    """Kim's tasks at two accounts, one of Lee's."""

    def make(book: Book):
        book.workspace()
        book.person("boss", "Bo Berg", role="manager")
        book.person("kim", "Kim Novak", manager="boss")
        book.person("lee", "Lee Chan", manager="boss")
        acme, birch, cedar = book.account("acme"), book.account("birch", "Birch & Sons"), book.account("cedar", "Cedar")
        book.facts(acme, account__csm="kim", account__arr=120_000.0, health__score=35.0, account__name="Acme Freight")
        book.facts(birch, account__csm="kim", account__arr=9_000.0, health__score=82.0, account__name="Birch & Sons")
        book.facts(cedar, account__csm="lee", account__name="Cedar")
        for ago, value, band in ((60, 72.0, "green"), (20, 55.0, "yellow"), (2, 35.0, "red")):
            book.score(acme, value, band, at=NOW - days(ago))
        run = book.run(acme, at_step=[{"path": "steps[0]", "step": "call", "says": "wait for task call"}])
        book.crossing(acme, run_id=run)
        other = book.run(birch)
        items = [{"text": "Read the tickets", "done": False}, {"text": "Agree one step", "done": False}]
        return {
            "run": run,
            "late": book.task(run, acme, "Call the champion", due_at=NOW - days(3), checklist=items),
            "late_small": book.task(other, birch, "Ask for the invoice", due_at=NOW - days(3)),
            "today": book.task(run, acme, "Send the agenda", "agenda", due_at=NOW + timedelta(hours=3)),
            "later": book.task(run, acme, "Prepare the review", "review", due_at=NOW + days(9)),
            "asleep": book.task(run, acme, "Sleep on it", "sleep", snoozed_until=NOW + days(2)),
            "lees": book.task(book.run(cedar), cedar, "Lee's own", assignee="lee"),
        }

    return in_book(make)


@pytest.fixture
def kim(client_as, book_of_kim):
    return client_as("csm", person="kim")


def titles(page):
    return re.findall(r'<span class="title" dir="auto">([^<]+)</span>', page.text)


def task_row(engine, task_id):
    with engine.connect() as conn:
        return conn.execute(sa.select(schema.task).where(schema.task.c.id == task_id)).one()


# --- what is shown ---


def test_tasks_come_by_when_they_want_doing_and_then_by_what_is_at_stake(kim):
    page = kim.get("/inbox")
    assert titles(page) == ["Call the champion", "Ask for the invoice", "Send the agenda", "Prepare the review"]
    assert "overdue by 3 days, 120k a year, health 35" in page.text.replace(
        "overdue by 3 days, 120k", "overdue by 3 days, 120k"
    )
    assert "health fell below 60" in page.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("view=overdue", ["Call the champion", "Ask for the invoice"]),
        ("view=today", ["Send the agenda"]),
        ("view=upcoming", ["Prepare the review"]),
        ("view=snoozed", ["Sleep on it"]),
        ("view=done", []),
        ("q=birch", ["Ask for the invoice"]),
        ("q=AGENDA", ["Send the agenda"]),
        ("q=%25", []),
        ("playbook=risk-recovery&view=today", ["Send the agenda"]),
        (
            "view=nonsense&page=x&whose=lee",
            ["Call the champion", "Ask for the invoice", "Send the agenda", "Prepare the review"],
        ),
        ("page=7", []),
    ],
)
def test_the_address_says_which_tasks(kim, query, expected):
    assert titles(kim.get(f"/inbox?{query}")) == expected


def test_nobody_sees_tasks_of_accounts_outside_the_own_book(kim, book_of_kim):
    assert kim.get(f"/inbox/{book_of_kim['lees']}").status_code == 404
    for act in ("complete", "reopen", "tick", "snooze", "hand-on", "comment"):
        sent = {"outcome": "reached"} if act == "complete" else {"item": "0"} if act == "tick" else {}
        sent |= {"to": "kim"} if act == "hand-on" else {"text": "x"} if act == "comment" else {}
        assert kim.post(f"/inbox/{book_of_kim['lees']}/{act}", data=sent).status_code == 404, act


def test_a_manager_sees_the_team_and_ops_everybody(client_as, book_of_kim):
    boss = client_as("csm", person="boss")
    assert titles(boss.get("/inbox")) == []
    assert "Lee&#39;s own" in boss.get("/inbox?whose=team").text
    assert titles(boss.get("/inbox?whose=lee")) == ["Lee&#39;s own"]
    ops = client_as("ops", person="olga")
    assert len(titles(ops.get("/inbox?whose=all"))) == 5


def test_who_stands_in_sees_the_tasks_of_who_is_away(client_as, book_of_kim, in_book):
    row = {"person": "kim", "covered_by": "lee", "since": NOW - days(1), "until": NOW + days(5)}
    in_book(lambda book: book.conn.execute(sa.insert(schema.absence).values(row)))
    page = client_as("csm", person="lee").get("/inbox")
    assert "Mine and those I cover" in page.text
    assert {"Call the champion", "Lee&#39;s own"} <= set(titles(page))


def test_an_empty_inbox_says_so(empty):
    assert "All done" in empty.get("/inbox").text


# --- what can be done ---


def test_a_task_is_completed_and_the_page_says_so(kim, book_of_kim, engine):
    form = {"outcome": "reached", "note": "Spoke to Ada", "version": "1", "back": "view=overdue"}
    answer = kim.post(f"/inbox/{book_of_kim['late']}/complete", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/inbox?view=overdue&")
    page = kim.get(answer.headers["location"])
    assert "Completed:" in page.text
    assert f'data-taken="task-{book_of_kim["late"]}"' in page.text
    row = task_row(engine, book_of_kim["late"])
    assert (row.outcome, row.note, row.settled_by) == ("reached", "Spoke to Ada", "kim")
    assert titles(kim.get("/inbox?view=done")) == ["Call the champion"]


def test_items_are_ticked_comments_said_tasks_put_to_sleep_and_woken(kim, book_of_kim, engine):
    task_id = book_of_kim["late"]
    kim.post(f"/inbox/{task_id}/tick", data={"item": "1", "done": "true"})
    kim.post(f"/inbox/{task_id}/comment", data={"text": "They want a call"})
    page = kim.get(f"/inbox/{task_id}")
    assert "1 of 2" in page.text
    assert "They want a call" in page.text
    kim.post(f"/inbox/{task_id}/snooze", data={"until": "tomorrow", "version": "1"})
    assert task_row(engine, task_id).snoozed_until.isoformat() == "2026-03-11T07:00:00+00:00"
    kim.post(f"/inbox/{task_id}/snooze", data={"until": "now", "version": "2"})
    assert task_row(engine, task_id).snoozed_until is None


@pytest.mark.parametrize("form", [{"until": "someday"}, {"day": "2026-03-01"}, {"day": "soon"}, {}])
def test_a_day_that_is_not_ahead_is_no_snooze(kim, book_of_kim, form):
    assert kim.post(f"/inbox/{book_of_kim['late']}/snooze", data=form).status_code == 422


def test_a_task_is_handed_on(kim, book_of_kim, engine):
    kim.post(f"/inbox/{book_of_kim['later']}/hand-on", data={"to": "lee", "version": "1"})
    assert task_row(engine, book_of_kim["later"]).assignee == "lee"


def test_what_is_done_is_in_the_audit_log_and_what_is_refused_is_not(kim, book_of_kim, engine):
    late, today, later = (book_of_kim[name] for name in ("late", "today", "later"))
    kim.post(f"/inbox/{late}/tick", data={"item": "1", "done": "true"})
    kim.post(f"/inbox/{late}/comment", data={"text": "They want a call"})
    kim.post(f"/inbox/{late}/snooze", data={"until": "someday"})
    kim.post(f"/inbox/{late}/complete", data={"outcome": "reached", "note": "Spoke to Ada"})
    kim.post(f"/inbox/{late}/complete", data={"outcome": "leaving"})
    kim.post("/inbox/at-once", data={"act": "snooze", "until": "week", "tasks": [str(today), str(book_of_kim["lees"])]})
    kim.post(f"/inbox/{later}/hand-on", data={"to": "lee", "version": "1"})
    with engine.connect() as conn:
        rows = [row for row in reversed(list_audit(conn).items) if row.who == "kim" and row.did.startswith("task.")]
    assert [(row.did, row.what, row.detail) for row in rows] == [
        ("task.tick", str(late), {"item": 1, "done": True}),
        ("task.comment", str(late), {}),
        ("task.complete", str(late), {"outcome": "reached", "edited": False}),
        ("task.snooze", str(today), {}),
        ("task.hand-on", str(later), {"to": "lee"}),
    ]


def test_several_at_once_and_what_cannot_be_is_left(kim, book_of_kim, engine):
    chosen = [str(book_of_kim[name]) for name in ("late", "today", "lees")]
    page = kim.post("/inbox/at-once", data={"act": "snooze", "until": "week", "tasks": chosen})
    assert "2 tasks snoozed, 1 left as they were" in page.text
    assert task_row(engine, book_of_kim["lees"]).snoozed_until is None


def test_several_are_completed_with_an_outcome_that_all_of_them_have(kim, book_of_kim, engine):
    chosen = [str(book_of_kim[name]) for name in ("late", "today", "lees")]
    with engine.begin() as conn:
        for name, outcomes in (("late", ["reached", "leaving", "no_answer"]), ("today", ["no_answer", "reached"])):
            here = schema.task.c.id == book_of_kim[name]
            conn.execute(sa.update(schema.task).where(here).values(outcomes=outcomes))
    asked = kim.post("/inbox/at-once", data={"act": "complete", "tasks": chosen})
    assert re.findall(r'name="outcome" value="(\w+)"', asked.text) == ["reached", "no_answer"]
    assert task_row(engine, book_of_kim["late"]).state == "open"
    answer = {"act": "complete", "tasks": chosen, "outcome": "no_answer", "note": "Rang them all"}
    assert "2 tasks completed, 1 left as they were" in kim.post("/inbox/at-once", data=answer).text
    done = [task_row(engine, book_of_kim[name]) for name in ("late", "today")]
    assert [(row.outcome, row.note) for row in done] == [("no_answer", "Rang them all")] * 2
    assert task_row(engine, book_of_kim["lees"]).state == "open"


def test_tasks_without_a_common_outcome_are_left_and_it_is_said(kim, book_of_kim, engine):
    here = schema.task.c.id == book_of_kim["late"]
    with engine.begin() as conn:
        conn.execute(sa.update(schema.task).where(here).values(outcomes=["signed"]))
    chosen = [str(book_of_kim[name]) for name in ("late", "today")]
    answer = kim.post("/inbox/at-once", data={"act": "complete", "tasks": chosen})
    assert (answer.status_code, "these tasks share no outcome" in answer.text) == (422, True)
    assert task_row(engine, book_of_kim["late"]).state == "open"


def test_to_whom_is_asked_on_a_page_of_its_own(kim, book_of_kim, engine):
    late = book_of_kim["late"]
    for address, more in ((f"/inbox/{late}/hand-on", {"version": "1"}), ("/inbox/at-once", {"act": "hand-on"})):
        page = kim.post(address, data=more | ({"tasks": [str(late)]} if "act" in more else {}))
        assert 'value="lee"' in page.text
        assert 'value="kim"' not in page.text  # whose it is already
    assert 'value="lee"' not in kim.get("/inbox").text
    assert task_row(engine, late).assignee == "kim"


def test_an_answer_can_be_taken_back_for_a_moment_under_the_real_clock(kim, book_of_kim, engine):
    with engine.begin() as conn:
        conn.execute(sa.delete(schema.clock))
    task_id = book_of_kim["late"]
    page = kim.post(f"/inbox/{task_id}/complete", data={"outcome": "no_answer", "note": "Rang twice"})
    assert "Undo" in page.text
    page = kim.post(f"/inbox/{task_id}/reopen", data={})
    assert "Taken back" in page.text
    assert task_row(engine, task_id).state == "open"
    assert ">Rang twice</textarea>" in kim.get(f"/inbox/{task_id}").text


# --- nobody loses what was written ---


def test_of_two_people_the_second_is_told_and_keeps_the_text(kim, client_as, book_of_kim):
    task_id = book_of_kim["late"]
    boss = client_as("csm", person="boss")
    boss.post(f"/inbox/{task_id}/complete", data={"outcome": "leaving", "note": "They told me"})
    form = {"outcome": "reached", "note": "My long note", "version": "1"}
    answer = kim.post(f"/inbox/{task_id}/complete", data=form)
    assert answer.status_code == 409
    assert "was completed as &#34;leaving&#34; by boss" in answer.text
    assert "They told me" in answer.text
    assert "My long note" in answer.text


def test_a_task_that_was_handed_on_meanwhile_keeps_the_text_and_can_be_sent_again(kim, client_as, book_of_kim, engine):
    task_id = book_of_kim["late"]
    client_as("csm", person="boss").post(f"/inbox/{task_id}/hand-on", data={"to": "boss", "version": "1"})
    form = {"outcome": "reached", "note": "My long note", "version": "1"}
    answer = kim.post(f"/inbox/{task_id}/complete", data=form)
    assert answer.status_code == 409
    assert ">My long note</textarea>" in answer.text
    assert 'value="reached" required checked' in answer.text
    assert kim.post(f"/inbox/{task_id}/complete", data=form | {"version": "2"}).status_code == 200
    assert task_row(engine, task_id).outcome == "reached"


def test_sending_twice_changes_nothing_twice(kim, book_of_kim, engine):
    for _ in range(2):
        assert kim.post(f"/inbox/{book_of_kim['late']}/complete", data={"outcome": "reached"}).status_code == 200
    with engine.connect() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(schema.outbox)).scalar() == 1


@pytest.mark.parametrize(
    "form", [{"outcome": ""}, {"outcome": "x"}, {"outcome": "reached", "note": "n" * 5_000}, {"extra": "x"}]
)
def test_a_wrong_answer_is_refused_on_a_page(kim, book_of_kim, form):
    answer = kim.post(f"/inbox/{book_of_kim['late']}/complete", data=form)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")


# --- odd data ---


ODD = [HOSTILE, "n" * 10_000, "حساب الشركة", "\U0001f680" * 40, " ", "\u202eevil"]


@pytest.mark.parametrize("text", ODD)
def test_odd_names_leave_the_page_whole(client_as, in_book, text):
    def make(book):
        book.workspace()
        book.person("kim", text)
        account_id = book.account(text[:180].strip() or "blank", text)
        book.facts(account_id, account__csm="kim", account__name=text)
        run = book.run(account_id)
        book.crossing(account_id, run_id=run)
        items = [{"text": text, "done": False}]
        return book.task(run, account_id, text, description=text, checklist=items, outcomes=[text, "b"])

    task_id = in_book(make)
    kim = client_as("csm", person="kim")
    for path in ("/inbox", f"/inbox/{task_id}"):
        page = kim.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert len(page.content) < 100_000
