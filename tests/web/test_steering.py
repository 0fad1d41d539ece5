"""What operators and admins do by the API."""

import pytest
import sqlalchemy as sa

from store.schema import outbox
from tests.store.book import NOW, days
from tests.store.explain.test_explain import RECOVERY
from tests.web.test_api import is_problem


@pytest.fixture
def book(in_book):
    def make(book):
        book.playbook(RECOVERY, book.workspace())
        acme = book.account("acme")
        book.person("kim")
        book.person("lee", "Lee Ash")
        stuck = [{"path": "steps[0]", "step": "call", "says": "failed: no", "until": None}]
        run = book.run(acme, standing="stuck", at_step=stuck)
        checklist = [{"text": "a", "done": False}]
        return {"run": run, "ended": book.ended_run(acme), "task": book.task(run, acme, checklist=checklist)}

    return in_book(make)


def told(engine, run_id):
    with engine.connect() as conn:
        query = sa.select(outbox.c.fact).where(outbox.c.run_id == run_id).order_by(outbox.c.n)
        return [(fact["kind"], fact.get("values")) for fact in conn.execute(query).scalars() if fact]


def test_playbooks_are_listed_page_by_page_and_steered(client, engine, book):
    [one] = client.get("/api/v1/playbooks?limit=1").json()["items"]
    assert (one["id"], one["state"], one["open_runs"], one["stuck_runs"]) == ("risk-recovery", "active", 1, 1)
    for do, state in (("pause", "paused"), ("pause", "paused"), ("resume", "active"), ("off", "off")):
        assert client.post(f"/api/v1/playbooks/risk-recovery/{do}").json()["state"] == state
    assert [kind for kind, _ in told(engine, book["run"])] == ["pause", "resume", "end"]
    assert not client.post("/api/v1/playbooks/risk-recovery/off").json()["moved"]
    assert client.post("/api/v1/playbooks/risk-recovery/pause").json()["state"] == "off"
    dids = [row["did"] for row in client.get("/api/v1/audit").json()["items"]]
    assert [did for did in dids if "." in did] == ["playbook.off", "playbook.resume", "playbook.pause"]
    is_problem(client.post("/api/v1/playbooks/nothing/pause"), 404)
    assert client.post("/api/v1/playbooks/risk-recovery/explode").status_code in (404, 422)


def test_all_playbooks_are_paused_and_resumed_at_once(client, engine, book):
    moved = [{"playbook": "risk-recovery", "state": "paused", "moved": True, "runs_told": 1}]
    assert client.post("/api/v1/playbooks", json={"do": "pause"}).json() == moved
    assert client.post("/api/v1/playbooks", json={"do": "pause"}).json() == []
    assert client.post("/api/v1/playbooks", json={"do": "resume"}).json() == [moved[0] | {"state": "active"}]
    is_problem(client.post("/api/v1/playbooks", json={"do": "off"}), 422)
    assert [kind for kind, _ in told(engine, book["run"])] == ["pause", "resume"]


def test_who_would_start_now_is_told_without_starting_anybody(client, engine, in_book, book):
    def make(book):
        low = book.account("low", "Low Ltd")
        facts = {"account.segment": "enterprise", "account.lifecycle": "live", "account.arr": 9.0, "health.score": 30.0}
        book.facts(low, seen=1, **facts)

    in_book(make)
    found = client.get("/api/v1/playbooks/risk-recovery/candidates").json()
    assert found["has_conditions"]
    assert found["meeting"] == len(found["shown"])
    assert found == client.get("/api/v1/playbooks/risk-recovery/candidates?version=1").json()
    assert client.get("/api/v1/runs?account=low").json()["items"] == []
    is_problem(client.get("/api/v1/playbooks/risk-recovery/candidates?version=9"), 404)
    is_problem(client.get("/api/v1/playbooks/nothing/candidates"), 404)


def test_a_stuck_run_is_tried_again_or_goes_on_without(client, engine, book):
    for _ in range(2):
        assert client.post(f"/api/v1/runs/{book['run']}/retry").status_code == 200
    assert client.post(f"/api/v1/runs/{book['run']}/skip").status_code == 200
    # Said again before the run has heard it, nothing is said.
    assert told(engine, book["run"]) == [("retry", {"do": "retry"})]
    is_problem(client.post(f"/api/v1/runs/{book['ended']}/retry"), 409)
    is_problem(client.post("/api/v1/runs/4711/retry"), 404)


def test_a_run_is_ended_once_told(client, engine, book):
    for _ in range(2):
        answer = client.post(f"/api/v1/runs/{book['run']}/end", json={"reason": "moved to another team"})
        assert answer.status_code == 200
    reason = "ended by key TENURE_API_TOKEN: moved to another team"
    assert told(engine, book["run"]) == [("end", {"reason": reason})]
    assert client.post(f"/api/v1/runs/{book['ended']}/end", json={}).status_code == 200
    assert told(engine, book["ended"]) == []


def test_a_task_is_handed_on_snoozed_commented_and_ticked(client, book):
    path = f"/api/v1/tasks/{book['task']}"
    until = (NOW + days(1)).isoformat()
    for do, body in (
        ("reassign", {"by": "kim", "to": "lee"}),
        ("snooze", {"by": "lee", "until": until}),
        ("comment", {"by": "lee", "text": "On it"}),
        ("tick", {"by": "lee", "item": 0}),
    ):
        answer = client.post(f"{path}/{do}", json=body)
        assert answer.status_code == 200, (do, answer.text)
    assert client.get(path).json()["assignee"] == "lee"
    is_problem(client.post(f"{path}/reassign", json={"by": "kim", "to": "kim", "version": 0}), 409)
    is_problem(client.post(f"{path}/reassign", json={"by": "kim", "to": "nobody"}), 422)
    is_problem(client.post("/api/v1/tasks/4711/comment", json={"by": "kim", "text": "x"}), 404)


def test_a_program_that_is_told_is_added_paused_and_removed(client):
    made = client.post("/api/v1/endpoints", json={"url": "https://hooks.example/x", "events": ["run.started"]}).json()
    assert made["secret"].startswith("whsec_")
    number = made["endpoint"]["id"]
    assert made["secret"] not in client.get("/api/v1/endpoints").text
    for do, state in (("pause", "paused"), ("resume", "active"), ("remove", "removed")):
        assert client.post(f"/api/v1/endpoints/{number}/{do}").json()["state"] == state
    assert client.get("/api/v1/endpoints").json() == {"items": [], "next": None}
    is_problem(client.post(f"/api/v1/endpoints/{number}/pause"), 404)


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://hooks.example", "events": ["*"]},
        {"url": "ftp://hooks.example", "events": ["*"]},
        {"url": "https://hooks.example", "events": []},
        {"url": "https://hooks.example", "events": ["everything"]},
    ],
)
def test_an_endpoint_that_cannot_be_told_is_refused(client, body):
    is_problem(client.post("/api/v1/endpoints", json=body), 422)


def test_users_are_let_in_and_shut_out(client):
    made = client.post("/api/v1/users", json={"person": "olga", "role": "ops", "email": "olga@tenure.test"})
    assert made.json()["user"]["role"] == "ops"
    assert made.json()["link"].startswith("/enter/")
    assert client.post("/api/v1/users/olga/disable").json()["disabled_at"]
    is_problem(client.post("/api/v1/users/ada.admin/disable"), 422)
    is_problem(client.post("/api/v1/users/nobody/disable"), 404)
    dids = [row["did"] for row in client.get("/api/v1/audit?limit=2").json()["items"]]
    assert dids == ["user_disabled", "user_added"]
