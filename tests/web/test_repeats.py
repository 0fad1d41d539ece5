"""Writes that bear an Idempotency-Key happen once, however often they are sent."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from store.access import idempotency
from store.schema import account, audit

FACTS = [{"kind": "account", "key": "acme"}]


def send(client, key, body=FACTS, **headers):
    return client.post("/api/v1/facts", json=body, headers={"idempotency-key": key} | headers)


def changes(engine):
    with engine.connect() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one()


def test_a_repeat_gets_the_same_answer_and_changes_nothing(client, engine):
    first, again = send(client, "k1"), send(client, "k1")
    assert first.json()["counts"] == {"account": 1}
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert changes(engine) == 1
    assert send(client, "k2").json()["repeats"] == 1


def test_a_key_of_another_request_is_refused(client, engine):
    send(client, "k1")
    other = send(client, "k1", [{"kind": "account", "key": "birch"}])
    assert other.status_code == 422
    assert other.json()["title"] == "Used for another request"
    with engine.connect() as conn:
        assert conn.execute(sa.select(account.c.key)).scalars().all() == ["acme"]


def test_a_refused_request_gives_its_key_back(client):
    assert send(client, "k1", [{"kind": "nonsense"}]).status_code == 422
    assert send(client, "k1").status_code == 200


def test_two_callers_may_choose_the_same_key(client):
    made = client.post("/api/v1/keys", json={"name": "export", "scopes": ["facts:write"]}).json()
    send(client, "k1")
    other = send(client, "k1", authorization=f"Bearer {made['key']}")
    assert other.status_code == 200
    assert "idempotent-replayed" not in other.headers


def test_a_request_whose_outcome_nobody_knows_is_not_repeated(client, engine, monkeypatch):
    def die(*_, **__):
        raise RuntimeError("as when the process is killed: nothing after it runs")

    monkeypatch.setattr("web.repeats._keep", die)
    assert send(client, "k1").status_code == 500
    monkeypatch.undo()
    again = send(client, "k1")
    assert again.status_code == 409
    assert again.json()["title"] == "Not answered yet"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x7fb"])
def test_a_key_that_is_none_is_refused(client, key):
    assert send(client, key).status_code == 400


def test_many_at_once_are_one(client, engine):
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(send(client, "k1").status_code)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 409}
    assert changes(engine) == 1


def test_answers_are_kept_for_a_day(engine):
    now = datetime.now(UTC)
    with engine.begin() as conn:
        assert idempotency.take_key(conn, "a", "k", "r", now) == "taken"
        idempotency.keep_answer(conn, "a", "k", 200, "{}")
        later = now + idempotency.LIFETIME
        assert idempotency.take_key(conn, "a", "k", "other", later) != "taken"
        assert idempotency.take_key(conn, "a", "k", "other", later + timedelta(days=365)) == "taken"
