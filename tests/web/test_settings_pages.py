"""What admins look after: users, keys, and the audit log."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import endpoints
from store.access import audit, keys, logins
from store.access.audit import Actor
from store.schema import audit as audit_table
from store.schema import endpoint_message
from web.access import wall_clock


def test_an_admin_lets_a_person_in_by_a_link_that_works_once(client, stranger, in_book):
    in_book(lambda book: book.person("kim", "Kim Novak"))
    page = client.post("/users", data={"person": "kim", "role": "csm"})
    assert "Kim Novak may sign in as csm" in page.text
    [address] = re.findall(r"http://testserver(/enter/\S+?)<", page.text)
    stranger.post(address, data={"password": "four plain words here"})
    assert "Kim Novak" in stranger.get("/me").text
    assert stranger.get("/users").status_code == 403


def test_an_admin_changes_roles_and_shuts_people_out(client, client_as):
    kim = client_as("csm", "kim")
    client.post("/users", data={"person": "kim", "role": "ops"})
    assert kim.get("/runs").status_code == 200
    client.post("/users/kim/disable")
    assert kim.get("/runs", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("path", "form"),
    [("/users/ada.admin/disable", {}), ("/users", {"person": "ada.admin", "role": "csm"})],
)
def test_the_last_admin_stays(client, path, form):
    assert "the only admin" in client.post(path, data=form).text
    assert client.get("/users").status_code == 200


def test_a_role_nobody_knows_and_a_person_nobody_knows_are_refused(client):
    assert client.post("/users", data={"person": "kim", "role": "king"}).status_code == 422
    assert client.post("/users/nobody/link").status_code == 404


def test_a_key_is_shown_once_and_opens_what_it_may(client):
    made = client.post("/keys", data={"name": "export", "scopes": ["read"], "days": "30"})
    [key] = re.findall(r"(tnr_[\w-]+)<", made.text)
    assert key not in client.get("/keys").text
    bearer = {"authorization": f"Bearer {key}"}
    assert client.get("/api/v1/runs", headers=bearer).status_code == 200
    refused = client.post("/api/v1/facts", json=[], headers=bearer)
    assert refused.status_code == 403
    assert "facts:write" in refused.json()["detail"]
    [number] = re.findall(r"/keys/(\d+)/revoke", client.get("/keys").text)
    client.post(f"/keys/{number}/revoke")
    assert client.get("/api/v1/runs", headers=bearer).status_code == 401


def test_a_key_ends_with_the_access_of_who_answers_for_it(client, engine):
    with engine.begin() as conn:
        logins.add_login(conn, key="kim", role="admin", now=wall_clock())
        _, of_kim = keys.make_key(conn, "nightly", ["admin"], "kim", wall_clock(), person="kim")
    bearer = {"authorization": f"Bearer {of_kim}"}
    made = client.post("/api/v1/keys", json={"name": "by it", "scopes": ["read"]}, headers=bearer).json()
    assert made["row"]["person"] == "kim"  # a key made with a key has the same person behind it
    with engine.connect() as conn:
        assert audit.list_audit(conn, did="key_made").items[0].who == "key nightly (key 1) of kim"
    page = client.post("/users/kim/disable")
    assert "2 of the person&#39;s API keys are revoked" in page.text
    for key in (of_kim, made["key"]):
        assert client.get("/api/v1/runs", headers={"authorization": f"Bearer {key}"}).status_code == 401
    assert client.get("/api/v1/runs").status_code == 200  # the environment's


def test_a_program_is_told_from_the_page_and_its_secret_is_changed(client, engine):
    made = client.post("/endpoints", data={"url": "https://hooks.example/x", "events": ["run.started", "task.done"]})
    [first] = re.findall(r"(whsec_[\w+/=]+)<", made.text)
    assert first not in client.get("/endpoints").text
    rotated = client.post("/endpoints/1/rotate")
    [second] = re.findall(r"(whsec_[\w+/=]+)<", rotated.text)
    with engine.begin() as conn:
        message = {"endpoint_id": 1, "event": "run.started", "request_id": "msg_1", "body": {}}
        now = wall_clock()
        times = {"due_at": now, "give_up_at": now + timedelta(days=3), "created_at": now}
        conn.execute(sa.insert(endpoint_message).values(**message, **times))
        assert [one.secret for one in endpoints.claim_due(conn, now, 5)] == [f"{second} {first}"]
        later = now + timedelta(days=1, minutes=1)
        assert [one.secret for one in endpoints.claim_due(conn, later, 5)] == [second]
    assert "msg_1" not in client.get("/endpoints").text
    assert "run.started" in client.get("/endpoints").text
    assert "is paused" in client.post("/endpoints/1/pause").text
    assert "is removed" in client.post("/endpoints/1/remove").text
    assert client.post("/endpoints/1/rotate").status_code == 404
    with engine.connect() as conn:
        did = [row.did for row in audit.list_audit(conn).items]
    assert did == ["endpoint_removed", "endpoint_paused", "endpoint_rotated", "endpoint_added"]


def test_an_address_in_the_open_is_not_told(client):
    assert client.post("/endpoints", data={"url": "http://hooks.example/x", "events": ["*"]}).status_code == 422
    assert client.post("/endpoints", data={"url": "https://hooks.example/x", "events": ["nonsense"]}).status_code == 422


def test_a_key_without_a_scope_is_not_made(client):
    assert client.post("/keys", data={"name": "export"}).status_code == 422


def test_every_change_is_in_the_audit_log_with_who_and_from_where(client, engine):
    client.post("/keys", data={"name": "export", "scopes": ["read"]})
    client.post("/api/v1/facts", json=[{"kind": "account", "key": "acme"}])
    with engine.connect() as conn:
        rows = audit.list_audit(conn).items
    assert [(row.who, row.did, row.what) for row in rows] == [
        ("key TENURE_API_TOKEN", "post_facts", "POST /api/v1/facts"),
        ("ada.admin", "key_made", "key 1"),
    ]
    assert rows[0].address == "testclient"
    page = client.get("/audit")
    assert "key made" in page.text


def test_the_audit_log_is_taken_away_as_csv_and_json_lines(client, engine):
    with engine.begin() as conn:
        for n in range(3):
            audit.record(conn, Actor(who="=cmd|x" if n else "kim"), "signed_in", wall_clock(), what='a "b",\nc', n=n)
    table = list(csv.reader(io.StringIO(client.get("/audit.csv").text)))
    assert table[0][:3] == ["id", "at", "who"]
    assert [row[2] for row in table[1:]] == ["kim", "'=cmd|x", "'=cmd|x"]
    assert table[1][5] == 'a "b",\nc'
    lines = [json.loads(line) for line in client.get("/audit.jsonl").text.splitlines()]
    assert [line["detail"]["n"] for line in lines] == [0, 1, 2]


def test_hostile_names_stay_text(client, engine):
    hostile = '<script>alert("x")</script>'
    with engine.begin() as conn:
        logins.add_login(conn, key=hostile, role="csm", now=wall_clock(), name=hostile * 20)
        conn.execute(sa.insert(audit_table).values(at=wall_clock(), who=hostile, did=hostile, what=hostile))
    client.post("/keys", data={"name": hostile, "scopes": ["read"]})
    for path in ("/users", "/keys", "/audit", "/me"):
        assert "<script>alert" not in client.get(path).text, path


def test_a_key_that_calls_too_often_is_asked_to_wait(engine):
    from tests.web.signed_in import Browser, app_over

    with Browser(app_over(engine, calls_per_second=0.5)) as browser:
        answers = [browser.get("/api/v1/runs") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
