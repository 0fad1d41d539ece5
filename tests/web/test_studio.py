import re

import pytest
import sqlalchemy as sa

from engine.compile import compile_playbook
from store import schema
from store.access.audit import list_audit
from store.deployed import load_workspace
from store.queries.funnel import AtStep, funnel
from tests.store.book import NOW, days
from tests.web.test_pages import HOSTILE, Outline
from web.studio import compared

PLAYBOOK = b"""
playbook: risk-recovery
title: Recover an account
owner: ops@example.test
audience: account.arr >= 100
triggers: [{ score: health, falls_below: 60, rearm_at: 68 }]
goal: { when: health.score >= 75 }
steps:
  - id: call
    task: { title: Call them, assign: csm, due: 2 days }
  - wait: 3 days
"""
STUCK = {"path": "steps[0]", "step": "call", "says": f"failed: {HOSTILE}", "until": None}
WAITS = {"path": "steps[1]/until", "step": "", "says": "wait 3 days", "until": None}


@pytest.fixture
def filled(in_book):
    def make(book):
        workspace = book.workspace()
        book.person("kim", "Kim")
        book.playbook(PLAYBOOK, workspace)
        ids = {}
        for key, stand, standing in (("acme", STUCK, "stuck"), ("birch", WAITS, "resting")):
            ids[key] = account_id = book.account(key, f"{key} {HOSTILE}")
            facts = {"account.name": f"{key} {HOSTILE}", "account.arr": 150.0, "health.score": 40.0}
            book.facts(account_id, seen=1, **facts)
            ids[f"run of {key}"] = book.run(account_id, standing=standing, at_step=[stand])
        ended = book.ended_run(ids["acme"], outcome="goal")
        for run_id in (ids["run of birch"], ended):
            book.trace(run_id, (2, "steps[0]", "task", {"step": "call"}), (1, "steps[1]/until", "waits", {}))
        book.crossing(ids["birch"], state="held", why=f"cool-down {HOSTILE}")
        ids["mail"] = book.mail(
            ids["run of acme"], ids["acme"], book.contact(ids["acme"]), state="unknown", reason=HOSTILE
        )
        times = dict.fromkeys(("due_at", "give_up_at", "created_at", "settled_at"), NOW)
        asked = {"kind": "webhook", "connector": "billing", "request_id": "r1", "body": {}, "reason": HOSTILE}
        of = {"run_id": ids["run of birch"], "account_id": ids["birch"], "step": "tell", "visit": 1, "state": "unknown"}
        book.conn.execute(sa.insert(schema.errand).values(**of, **asked, **times))
        book.conn.execute(
            sa.insert(schema.sweep).values(at=NOW, finished=True, counts={"failed": {"risk-recovery": HOSTILE}})
        )
        return ids

    return in_book(make)


PAGES = [
    "/playbooks",
    "/playbooks/risk-recovery",
    "/playbooks/risk-recovery?version=1&said=pause",
    "/playbooks/risk-recovery/source",
    "/playbooks/risk-recovery/versions",
    "/playbooks/risk-recovery/candidates",
    "/errors",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_the_studio_is_sound(client, filled, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert '<script>alert("x")' not in answer.text
    outline = Outline(answer.text)
    assert len(outline.all("h1")) == 1
    assert not any(name == "style" or name.startswith("on") for _, attrs in outline.tags for name in attrs)
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for form in outline.all("form"):
        assert form.get("method") == "get" or (form.get("action") or "").startswith("/")


@pytest.mark.parametrize("path", [*PAGES, "/runs", "/mails"])
def test_the_studio_is_for_operations(client_as, filled, path):
    assert client_as("csm", person="kim").get(path).status_code == 403
    assert client_as("ops").get(path).status_code == 200


def test_the_error_queue_names_everything_that_needs_somebody(client, filled):
    text = client.get("/errors").text
    for heading in (
        "could not look",
        "with a failed step",
        "Mails that may have left",
        "Requests that may have arrived",
    ):
        assert heading in text
    assert "Webhook billing" in text


def test_an_empty_studio_says_what_to_do(empty):
    assert "No playbooks yet" in empty.get("/playbooks").text
    assert "Nothing needs you" in empty.get("/errors").text
    for path in ("/playbooks/nothing", "/playbooks/nothing/source", "/playbooks/x%2Fy"):
        assert empty.get(path).status_code == 404


def test_a_version_that_is_not_there_is_a_page_that_says_so(client, filled):
    for version in ("9", "x", "9" * 30):
        assert client.get(f"/playbooks/risk-recovery?version={version}").status_code == 404


def test_the_picture_tells_what_became_of_runs_at_each_step(client, filled, engine):
    with engine.connect() as conn:
        found = funnel(conn, "risk-recovery", 1, ["steps[0]", "steps[1]"])
    # Acme's run is stuck in the call; Birch's went on to the wait; the ended run has done both.
    assert found.runs == 3
    assert found.steps == {"steps[0]": AtStep(failed=1, done=2), "steps[1]": AtStep(waiting=1, done=1)}
    text = client.get("/playbooks/risk-recovery").text
    assert all(words in text for words in ("1 failed", "2 done", "1 waiting"))


def test_a_step_that_was_skipped_is_not_done(in_book, engine):
    def make(book):
        run_id = book.ended_run(book.account())
        book.trace(
            run_id, (1, "steps[0]", "email", {"outcome": "queued"}), (1, "steps[0]", "mail", {"outcome": "skipped"})
        )

    in_book(make)
    with engine.connect() as conn:
        assert funnel(conn, "risk-recovery", 1, ["steps[0]"]).steps == {"steps[0]": AtStep(skipped=1)}


def test_who_came_further_has_done_what_leaves_no_trace(in_book, engine):
    def make(book):
        inside = {"path": "steps[2].branches[0][1]/until", "step": "", "says": "wait", "until": None}
        run_id = book.run(book.account(), at_step=[inside])
        book.trace(run_id, (1, "steps[2].branches[0][0]", "task", {}))

    in_book(make)
    paths = ["steps[0]", "steps[1]", "steps[2]", "steps[2].branches[0][0]", "steps[2].branches[0][1]"]
    with engine.connect() as conn:
        found = funnel(conn, "risk-recovery", 1, paths).steps
    assert found == {path: AtStep(done=1) for path in paths[:-1]} | {paths[-1]: AtStep(waiting=1)}


def test_who_meets_a_trigger_is_told_with_what_becomes_of_it(client, filled):
    text = client.get("/playbooks/risk-recovery/candidates").text
    assert "for 2 of them the condition of a trigger holds now" in text
    assert f"run {filled['run of acme']} is open since" in text


def test_problems_stand_at_their_line(client, filled, engine):
    with engine.begin() as conn:
        broken = PLAYBOOK.decode().replace("assign: csm", "assign: cms")
        conn.execute(sa.update(schema.playbook_version).values(source=broken))
    text = client.get("/playbooks/risk-recovery/source").text
    row = re.search(r'<tr id="L10" class="marked">.*?</tr>', text, re.DOTALL)
    assert row
    assert "cms" in row[0]
    assert "did you mean" in row[0]


# --- forms -----------------------------------------------------------------------------------------------------------


def state(engine):
    with engine.connect() as conn:
        return conn.execute(sa.select(schema.playbook.c.state)).scalar_one()


def facts(engine, run_id):
    with engine.connect() as conn:
        of = schema.outbox.c
        rows = conn.execute(sa.select(of.fact).where(of.run_id == run_id).order_by(of.n)).scalars()
        return [(fact["kind"], fact["values"].get("do")) for fact in rows]


def test_a_playbook_pauses_resumes_and_ends_and_a_second_click_changes_nothing(client, filled, engine):
    run_id, url = filled["run of birch"], "/playbooks/risk-recovery/state"
    for do, then in (("pause", "paused"), ("resume", "active"), ("off", "off")):
        answers = [client.post(url, data={"do": do}, follow_redirects=False) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303]
        assert [answer.headers["location"].rpartition("=")[2] for answer in answers] == [do, "nothing"]
        assert state(engine) == then
    assert [kind for kind, _ in facts(engine, run_id)] == ["pause", "resume", "end"]


def test_who_did_what_is_in_the_audit_log_once(client, filled, engine):
    for _ in range(2):
        client.post("/playbooks/risk-recovery/state", data={"do": "pause"})
        client.post(f"/runs/{filled['run of acme']}/steer", data={"do": "skip"})
        client.post(f"/mails/{filled['mail']}/do", data={"do": "sent"})
    with engine.connect() as conn:
        rows = list_audit(conn).items
    told = [(row.who, row.did, row.what) for row in reversed(rows) if "." in row.did]
    assert told == [
        (client.person, "playbook.pause", "risk-recovery"),
        (client.person, "run.skip", str(filled["run of acme"])),
        (client.person, "mail.sent", str(filled["mail"])),
    ]


def test_all_playbooks_pause_and_resume_at_once(client, filled, engine):
    for do, then in (("pause", "paused"), ("resume", "active")):
        assert client.post("/playbooks", data={"do": do}).status_code == 200
        assert state(engine) == then
    assert client.post("/playbooks", data={"do": "off"}).status_code == 422
    assert state(engine) == "active"


def test_a_stuck_run_is_told_once(client, filled, engine):
    run_id = filled["run of acme"]
    url = f"/runs/{run_id}/steer"
    first = client.post(url, data={"do": "retry", "back": "errors"}, follow_redirects=False)
    assert first.headers["location"] == "/errors?said=retry"
    again = client.post(url, data={"do": "retry"}, follow_redirects=False)
    assert again.headers["location"] == f"/runs/{run_id}?said=repeated"
    assert facts(engine, run_id) == [("retry", "retry")]
    assert "has not heard it yet" in client.get(again.headers["location"]).text


def test_a_run_that_needs_nothing_is_not_told(client, filled, engine):
    answer = client.post(f"/runs/{filled['run of birch']}/steer", data={"do": "skip"})
    assert answer.status_code == 409
    assert "not in the error queue" in answer.text
    assert client.post("/runs/4711/steer", data={"do": "end"}).status_code == 404
    assert client.post(f"/runs/{filled['run of birch']}/steer", data={"do": "dance"}).status_code == 422
    assert facts(engine, filled["run of birch"]) == []


def test_a_person_says_what_became_of_a_mail(client, filled, engine):
    url = f"/mails/{filled['mail']}/do"
    assert "Noted: the mail was sent" in client.post(url, data={"do": "sent"}).text
    assert "it was so already" in client.post(url, data={"do": "refused"}).text
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.mail.c.state)).scalar_one() == "sent"


def test_rolling_back_starts_new_runs_on_the_earlier_version(client, filled, engine):
    source = PLAYBOOK.replace(b"wait: 3 days", b"wait: 5 days")
    with engine.begin() as conn:
        compiled = compile_playbook(source, "playbook.yaml", "risk-recovery", {}, load_workspace(conn)).compiled
        assert compiled is not None
        row = {"playbook": "risk-recovery", "version": 2, "source": source.decode(), "deployed_at": NOW + days(1)}
        row |= {"compiled": compiled.model_dump(mode="json"), "hash": compiled.hash, "plan_hash": compiled.plan.hash}
        conn.execute(sa.insert(schema.playbook_version).values(**row))
        conn.execute(sa.update(schema.playbook).values(version=2))
    text = client.get("/playbooks/risk-recovery/versions").text
    assert "wait: 5 days" in text
    assert "wait: 3 days" in text
    assert client.post("/playbooks/risk-recovery/rollback", data={"version": 1}).status_code == 200
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.playbook.c.version)).scalar_one() == 1
    assert client.post("/playbooks/risk-recovery/rollback", data={"version": 7}).status_code == 404


@pytest.mark.parametrize(
    "url", ["/playbooks", "/playbooks/risk-recovery/state", "/playbooks/risk-recovery/rollback", "/mails/1/do"]
)
def test_no_form_works_without_its_token_or_for_a_csm(client, client_as, filled, engine, url):
    data = {"do": "pause", "version": 1}
    told = client.post(url, data=data | {"csrf": "wrong"}, follow_redirects=False)
    assert "said=" not in told.headers.get("location", "")
    assert client_as("csm", person="kim").post(url, data=data).status_code == 403
    assert state(engine) == "active"


# --- differences -----------------------------------------------------------------------------------------------------


def test_two_sources_are_compared_line_by_line_with_a_little_around():
    before = "\n".join(f"line {n}" for n in range(1, 21))
    after = before.replace("line 10\n", "line ten\nand more\n")
    found = compared(before, after)
    assert [(line.side, line.text) for line in found if line.side in ("old", "new")] == [
        ("old", "line 10"),
        ("new", "line ten"),
        ("new", "and more"),
    ]
    assert found[0].side == "gap"
    assert [line.text for line in found if line.side == "same"] == [f"line {n}" for n in (7, 8, 9, 11, 12, 13)]
    assert [(line.old, line.new) for line in found][-1] == (13, 14)
    assert compared(before, before) == []
