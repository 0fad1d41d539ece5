"""A person's word on a score, by the API."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import schema
from tests.store.book import NOW
from tests.web.test_api import is_problem

OVERRIDE = {"value": 20, "reason": "the champion left", "author": "kim", "until": (NOW + timedelta(days=9)).isoformat()}
ADDRESS = "/api/v1/accounts/eu/acme/override"


@pytest.fixture
def acme(in_book):
    """Its key holds a slash."""

    def make(book):
        book.workspace()
        return book.account("eu/acme")

    return in_book(make)


def test_a_score_is_overridden_and_given_back_and_both_are_audited(client, acme, engine):
    made = client.post(ADDRESS, json=OVERRIDE)
    assert made.status_code == 200
    assert (made.json()["card"], made.json()["value"], made.json()["author"]) == ("health", 20.0, "kim")
    assert [one["value"] for one in client.post(f"{ADDRESS}/end", json={}).json()] == [20.0]
    assert client.post(f"{ADDRESS}/end", json={}).json() == []
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.change.c.account_id)).scalars().all() == [acme, acme]
    dids = [row["did"] for row in client.get("/api/v1/audit").json()["items"]]
    assert dids[:3] == ["end_override", "override_ended", "score_overridden"]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"value": 101}, {"value": "x"}, {"reason": " "}, {"card": "helth"}, {"author": ""}),
        *({"until": until} for until in ("2026-03-01T00:00:00Z", "2026-03-20T00:00", "2030-01-01T00:00:00Z")),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(client, acme, engine, wrong):
    is_problem(client.post(ADDRESS, json=OVERRIDE | wrong), 422)
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.score_override.c.id)).all() == []


def test_an_account_nobody_knows_is_not_found(client, acme):
    is_problem(client.post("/api/v1/accounts/birch/override", json=OVERRIDE), 404)
    is_problem(client.post("/api/v1/accounts/birch/override/end", json={}), 404)
