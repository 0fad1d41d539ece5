import json

import pytest
import sqlalchemy as sa

from store import schema
from store.intake import quarantine

LINES = {"content-type": "application/x-ndjson"}


def lines(*facts):
    return "".join(f"{json.dumps(fact)}\n" for fact in facts).encode()


def count(engine, table):
    with engine.connect() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(table)).scalar()


def test_lines_are_taken_in_and_broken_ones_are_put_aside(client, engine):
    account = {"kind": "account", "key": "a", "fields": {"name": "A"}}
    metrics = [{"kind": "metric", "account": "a", "metric": f"m{n}", "value": n} for n in range(3)]
    body = lines(account, metrics[0], {**metrics[1], "value": "1"}, metrics[2]) + b'\n{"kind": NaN}\nnothing\n'
    answer = client.post("/api/v1/facts", content=body, headers=LINES)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["counts"] == {"account": 1, "metric": 2}
    assert [problem["at"] for problem in found["problems"]] == ["line 3", "line 6", "line 7"]
    with engine.connect() as conn:
        assert [held.line for held in quarantine.list_held(conn).items] == [3, 6, 7]
    again = client.post("/api/v1/facts", content=body, headers=LINES).json()
    assert (again["counts"], again["repeats"]) == ({}, 3)
    assert count(engine, schema.quarantine) == 3


def test_more_lines_than_fit_one_transaction_and_no_last_line_break(client, engine, monkeypatch):
    monkeypatch.setattr("web.routes.facts.LINES_AT_ONCE", 7)
    accounts = [{"kind": "account", "key": f"a{n}"} for n in range(50)]
    pieces = [lines(*accounts).rstrip(b"\n")[i : i + 11] for i in range(0, 3000, 11)]
    answer = client.post("/api/v1/facts", content=iter(pieces), headers=LINES)
    assert answer.json()["counts"] == {"account": 50}
    assert count(engine, schema.account) == 50


def test_a_line_without_end_is_refused(client):
    answer = client.post("/api/v1/facts", content=iter([b"x" * 100_000] * 4), headers=LINES)
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"\n\n"])
def test_no_lines_are_no_facts(client, body):
    assert client.post("/api/v1/facts", content=body, headers=LINES).json()["counts"] == {}
