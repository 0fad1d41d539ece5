import re
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa

from store import schema
from tests.store.book import NOW, days
from web.pages import value_in_words
from web.telling_time import distance

HOSTILE = '<script>alert("x")</script>\'"{{ 7 * 7 }}'


@pytest.fixture
def filled(in_book):
    """A book whose every text tries to break out of the page."""

    def make(book):
        book.workspace()
        book.person("kim", f"Kim {HOSTILE}")
        acme, birch = book.account("acme", f"Acme {HOSTILE}"), book.account("birch")
        book.score(acme, 35.5, "red")
        contact_id = book.contact(acme, name=f"Ada {HOSTILE}")
        run_id = book.run(acme, at_step=[{"path": "steps[0]", "step": "call", "says": HOSTILE, "until": None}])
        book.run(birch, standing="stuck")
        ended = book.ended_run(acme, "onboarding", reason=HOSTILE)
        book.crossing(acme, run_id=run_id)
        book.trace(
            run_id,
            (3, "steps[0]", "task", {"outcome": "open", "reason": HOSTILE}),
            (2, "steps[0]", "answered", {"by": HOSTILE, "outcome": "no_answer"}),
            (1, "steps[1]", "decided", {"condition": "a < b", "answer": None, "values": {"a": None, "b": 1.5}}),
            (1, "steps[2]", "something_new", {"nested": [{"x": HOSTILE}]}),
        )
        task = book.task(
            run_id, acme, f"Call {HOSTILE}", description=HOSTILE, checklist=[{"text": HOSTILE, "done": False}]
        )
        book.task(run_id, acme, visit=2, due_at=NOW - days(2), assignee=None)
        settled = {"state": "done", "outcome": "reached", "note": HOSTILE, "settled_by": "kim", "settled_at": NOW}
        book.task(ended, acme, visit=3, **settled)
        mail = book.mail(
            run_id, acme, contact_id, f"Hello {HOSTILE}", html=f"<b>Hi</b>{HOSTILE}", plain=HOSTILE, reason=HOSTILE
        )
        book.conn.execute(sa.insert(schema.sweep).values(at=NOW, finished=True))
        return {"run": run_id, "ended": ended, "task": task, "mail": mail}

    return in_book(make)


class Outline(HTMLParser):
    """What a page is made of, for checks that need no browser."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def pages(ids):
    return [
        "/",
        *("/tasks", "/tasks?view=overdue", "/tasks?view=settled", "/tasks?assignee=kim", f"/tasks?done={ids['task']}"),
        *(
            "/runs",
            "/runs?state=open",
            "/runs?state=stuck",
            "/runs?state=ended",
            "/runs?account=acme&playbook=onboarding",
        ),
        *(f"/runs/{ids['run']}", f"/runs/{ids['ended']}", "/mails", "/mails?state=prepared", f"/mails/{ids['mail']}"),
        *("/tasks?view=nonsense&assignee=nobody&done=x", "/runs?state=nonsense", "/mails?state=nonsense", "/nothing"),
    ]


def test_every_page_is_sound(client, filled):
    for path in pages(filled):
        answer = client.get(path)
        assert answer.status_code == (404 if path == "/nothing" else 200), path
        scripts = Outline(answer.text).all("script")
        assert all(script["src"].startswith("/static/tenure.js?v=") and "defer" in script for script in scripts), path
        written = re.sub(r'\d{4}|\?v=\w+|name="csrf" value="[^"]*"', "", answer.text)
        assert "49" not in written or "{{ 7 * 7 }}" in written, path
        outline = Outline(answer.text)
        assert len(outline.all("h1")) == 1, path
        assert outline.all("html") == [{"lang": "en"}], path
        assert not any(name == "style" or name.startswith("on") for _, attrs in outline.tags for name in attrs), path
        assert not outline.all("style"), path
        for attrs in (*outline.all("link"), *outline.all("img"), *outline.all("iframe")):
            assert (attrs.get("href") or attrs.get("src") or "").startswith("/"), path
        fields = [*outline.all("select"), *outline.all("textarea")]
        labelled = {attrs.get("for") for attrs in outline.all("label")}
        assert all(attrs["id"] in labelled for attrs in fields), path
        ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), path


def test_an_empty_database_has_pages(empty):
    for path in ("/", "/tasks", "/runs", "/mails"):
        assert empty.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/runs/4711", "/mails/4711", "/mails/4711/body", "/runs/x", "/mails/" + "9" * 40])
def test_what_is_not_there_is_a_page_that_says_so(empty, path):
    answer = empty.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "Traceback" not in answer.text


def test_every_answer_has_the_security_headers(client, filled):
    for path in (*pages(filled), "/healthz", "/api/v1/runs", "/api/nothing", "/static/base.css", "/runs?account=%00"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"


def test_a_mail_is_shown_in_a_sandbox_where_nothing_runs(client, filled):
    frame = Outline(client.get(f"/mails/{filled['mail']}").text).all("iframe")[0]
    assert frame["sandbox"] is None  # present and empty: nothing is allowed
    body = client.get(frame["src"] or "")
    assert "<b>Hi</b>" in body.text
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert body.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_run_links_to_its_workflow(client, filled):
    text = client.get(f"/runs/{filled['run']}").text
    assert "http://temporal.example/namespaces/default/workflows/risk-recovery%2F" in text


# --- completing a task by the form ---

OURS = {"origin": "http://testserver"}
FORM = {"outcome": "reached", "by": "kim", "note": "Spoke to Ada"}


def test_a_form_settles_the_task_and_leads_back(client, filled):
    answer = client.post(f"/tasks/{filled['task']}/complete", data=FORM, headers=OURS, follow_redirects=False)
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    assert "Done: Call" in page.text
    again = client.post(f"/tasks/{filled['task']}/complete", data=FORM, headers=OURS, follow_redirects=False)
    assert again.status_code == 303


@pytest.mark.parametrize(
    ("form", "status", "says"),
    [
        (FORM | {"outcome": "done"}, 422, "is not an outcome"),
        (FORM | {"by": ""}, 422, "by"),
        ({"by": "kim"}, 422, "outcome"),
        (FORM | {"extra": "x"}, 422, "extra"),
        (FORM | {"note": "\x00"}, 422, "note"),
        (FORM | {"note": "n" * 5_000}, 422, "note"),
        ({}, 422, ""),
    ],
)
def test_a_wrong_form_is_refused_on_a_page(client, filled, form, status, says):
    answer = client.post(f"/tasks/{filled['task']}/complete", data=form, headers=OURS)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert says in answer.text


def test_a_form_for_no_task_is_refused(client):
    assert client.post("/tasks/4711/complete", data=FORM, headers=OURS).status_code == 404


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"origin": ""}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://testserver.evil.example"}, False),
        ({"origin": "http://testserver", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://testserver", "sec-fetch-site": "same-site"}, False),
        ({"origin": "http://evil.example", "sec-fetch-site": "none"}, False),
        ({"origin": "http://testserver"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
    ],
)
def test_a_form_from_another_site_is_refused(client, filled, headers, allowed):
    answer = client.post(f"/tasks/{filled['task']}/complete", data=FORM, headers=headers, follow_redirects=False)
    assert answer.status_code == (303 if allowed else 403)
    state = client.get(f"/api/v1/tasks/{filled['task']}").json()["state"]
    assert state == ("done" if allowed else "open")


# --- words ---


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (days(3), "in 3 days"),
        (days(-1), "1 day ago"),
        (days(1) / 24, "in 1 hour"),
        (-days(1) / 24 / 4, "15 minutes ago"),
        (days(0), "now"),
        (days(1200), "in 1,200 days"),
    ],
)
def test_a_moment_is_told_by_its_distance(away, text):
    assert distance(away) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (True, "yes"),
        (1234567.5, "1,234,567.5"),
        (float("nan"), "nan"),
        (["a", 1], "a, 1"),
        ({"due_at": None}, "due at unknown"),
        (NOW.date(), "2026-03-10"),
    ],
)
def test_values_are_told_in_words(value, text):
    assert value_in_words(value) == text


def test_a_run_says_when_it_is_too_old_and_since_when_a_goal_holds(client, in_book):
    def make(book):
        run_id = book.run(book.account("acme"))
        watches = (("exit/age", "older than 90 days", None), ("goal", "back to green", NOW - days(2)))
        for key, reason, since in watches:
            row = {"run_id": run_id, "key": key, "reason": reason, "since": since, "due_at": NOW + days(5)}
            account_id = sa.select(schema.run.c.account_id).where(schema.run.c.id == run_id).scalar_subquery()
            book.conn.execute(sa.insert(schema.watch).values(**row, account_id=account_id, opened_at=NOW))
        return run_id

    text = client.get(f"/runs/{in_book(make)}").text
    assert re.search(r"Exit, older than 90 days</span> +<span[^>]*>on <time", text)
    assert re.search(r"back to green</code> <span[^>]*>true since <time.*counts from <time", text)
