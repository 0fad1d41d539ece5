"""What is held until a person decides, and what a person says of mails and requests: by pages and by the API."""

import re
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from engine.facts import AccountFact
from store import mails, schema
from store.consent import Suppressing, suppress
from store.intake import quarantine
from store.intake.quarantine import Aside
from store.intake.screened import take_in_screened
from tests.store.book import NOW, days
from tests.store.explain.test_explain import RECOVERY
from tests.web.test_api import is_problem
from tests.web.test_pages import HOSTILE, Outline
from web.routes import held


@pytest.fixture
def ids(in_book):
    def make(book):
        book.playbook(RECOVERY, book.workspace())
        accounts = [book.account(f"a{n}", HOSTILE) for n in range(40)]
        book.facts(accounts[0], seen=1, account__arr=100.0, account__lifecycle="live")
        of_breaker = {"playbook": "risk-recovery", "kind": "entries", "why": f"40 enter at once {HOSTILE}", "at": NOW}
        of = schema.breaker
        number = book.conn.execute(sa.insert(of).values(share=0, **of_breaker).returning(of.c.id)).scalar_one()
        for account_id in accounts:
            reasons = [{"kind": "edge", "says": f"health fell {HOSTILE}"}]
            book.crossing(account_id, state="held", breaker_id=number, reasons=reasons)
        take_in_screened(book.conn, [AccountFact(key="x", fields={"nothing": n}) for n in range(3)], source="api")
        aside = Aside(source="import gone", code="PB521", reason=HOSTILE, file="a.csv", line=2, cells={"a": HOSTILE})
        quarantine.put_aside(book.conn, [aside], NOW)
        run = book.run(accounts[0])
        contact = book.contact(accounts[0])
        times = dict.fromkeys(("due_at", "give_up_at", "created_at", "settled_at"), NOW)
        errand = {
            "run_id": run,
            "account_id": accounts[0],
            "step": "tell",
            "visit": 1,
            "state": "unknown",
            "kind": "chat",
        }
        table = schema.errand
        told = {"connector": "room", "request_id": "r1", "body": {}, "reason": HOSTILE}
        return {
            "breaker": number,
            "facts": quarantine.held_ids(book.conn),
            "queued": book.mail(run, accounts[0], contact, state="prepared"),
            "unknown": book.mail(run, accounts[0], contact, step="other", state="unknown"),
            "errand": book.conn.execute(
                sa.insert(table).values(**errand, **told, **times).returning(table.c.id)
            ).scalar_one(),
        }

    return in_book(make)


def audited(engine):
    with engine.connect() as conn:
        dids = conn.execute(sa.select(schema.audit.c.did).order_by(schema.audit.c.id)).scalars()
        return [did for did in dids if "." in did]


def said(answer):
    return answer.history[-1].headers["location"].partition("said=")[2]


def test_the_page_shows_what_is_held_to_operations_alone(client, client_as, ids):
    text = client.get("/held").text
    assert "Starts that wait" in text
    assert "not taken in" in text
    assert '<script>alert("x")' not in text
    assert len(Outline(text).all("h1")) == 1
    assert client.get("/held?source=api").status_code == 200
    assert client.get("/held?source=elsewhere").status_code == 200
    assert client_as("csm").get("/held").status_code == 403


def test_a_breaker_names_a_few_accounts_and_leads_to_all_of_them(client, ids):
    def named(path):
        return len(re.findall(r'<li><a href="/accounts/', client.get(path).text))

    assert named("/held") == 8
    more = f"/held?breaker={ids['breaker']}"
    assert f'<a href="{more}#starts">and 32 more</a>' in client.get("/held").text
    assert named(more) == 40
    assert named("/held?breaker=999") == 8


def test_the_accounts_of_a_breaker_go_on_page_after_page(client, ids, monkeypatch):
    monkeypatch.setattr(held, "SHOWN_OF_ONE", 15)
    path, found = f"/held?breaker={ids['breaker']}", []
    while path:
        text = client.get(path).text
        found += re.findall(r'<li><a href="/accounts/([^"]+)', text)
        more = re.search(r'rel="next" href="(/held\?[^"]*more=[^"]*)"', text)
        path = unescape(more[1]) if more else ""
    assert found == sorted(f"a{n}" for n in range(40))
    api, told = f"/api/v1/breakers/{ids['breaker']}/starts", []
    after: str | None = ""
    while after is not None:
        page = client.get(api, params={"limit": 15, "after": after}).json()
        told += [one["account"] for one in page["items"]]
        after = page["next"]
    assert told == found
    is_problem(client.get(api, params={"after": "x_y"}), 422)


def test_an_empty_page_says_what_comes_there(empty):
    assert "Nothing is held back" in empty.get("/held").text


def test_starts_go_a_few_first_then_all_and_a_second_click_lets_nobody_more_go(client, engine, ids):
    path = f"/held/breakers/{ids['breaker']}"
    first = client.post(path, data={"do": "some"})
    assert said(first) == "starts_some"
    assert said(client.post(path, data={"do": "some"})) == "nothing"
    with engine.connect() as conn:
        gone = conn.execute(sa.select(sa.func.count()).where(schema.crossing.c.let_go)).scalar_one()
    assert 0 < gone < 40
    assert said(client.post(path, data={"do": "all"})) == "starts_all"
    assert said(client.post(path, data={"do": "none"})) == "nothing"
    assert audited(engine) == ["breaker.release", "breaker.release"]


def test_facts_are_tried_again_or_left_out_and_say_why_they_stay(client, engine, ids):
    one = ids["facts"][-1]
    assert said(client.post("/held/facts", data={"do": "release", "number": one})) == "stays"
    assert said(client.post("/held/facts", data={"do": "drop", "number": one})) == "facts_drop"
    assert said(client.post("/held/facts", data={"do": "drop", "number": one})) == "nothing"
    assert said(client.post("/held/facts", data={"do": "drop", "source": "api"})) == "facts_drop"
    assert said(client.post("/held/facts", data={"do": "drop"})) == "nothing"
    assert audited(engine) == ["quarantine.drop", "quarantine.drop"]


def test_a_mail_that_has_not_left_is_cancelled_on_its_page_once(client, engine, ids):
    page, path = f"/mails/{ids['queued']}", f"/mails/{ids['queued']}/do"
    assert f'action="{path}"' in client.get(page).text
    assert said(client.post(path, data={"do": "cancel"})) == "mail_cancel"
    assert said(client.post(path, data={"do": "cancel"})) == "nothing"
    assert f'action="{path}"' not in client.get(page).text
    assert audited(engine) == ["mail.cancel"]
    with engine.connect() as conn:
        found = mails.find_mail(conn, ids["queued"])
    assert found is not None
    assert found.reason == "cancelled by ada.admin"


def test_a_mail_that_may_have_left_is_sent_again_or_settled_from_the_error_queue(client, engine, ids):
    path = f"/mails/{ids['unknown']}/do"
    assert f'action="{path}"' in client.get("/errors").text
    assert client.post(path, data={"do": "resend", "back": "errors"}).url.path == "/errors"
    assert said(client.post(path, data={"do": "refused"})) == "mail_refused"
    assert said(client.post(path, data={"do": "sent"})) == "nothing"
    assert audited(engine) == ["mail.resend", "mail.refused"]
    assert client.post("/mails/4711/do", data={"do": "cancel"}).status_code == 404


def test_a_request_that_may_have_arrived_is_settled_from_the_error_queue(client, engine, ids):
    path = f"/errands/{ids['errand']}/settle"
    assert f'action="{path}"' in client.get("/errors").text
    assert said(client.post(path, data={"became": "delivered"})) == "errand_delivered"
    assert said(client.post(path, data={"became": "refused"})) == "nothing"
    assert client.get(f"/api/v1{path.removesuffix('/settle')}").json()["errand"]["state"] == "delivered"
    assert audited(engine) == ["errand.delivered"]


def test_programs_do_the_same(client, engine, ids):
    held = client.get("/api/v1/quarantine?limit=2").json()
    assert len(held["items"]) == 2
    assert held["next"]
    chosen = {"ids": [ids["facts"][-1], 4711]}
    stays = client.post("/api/v1/quarantine/release", json=chosen).json()["stays"]
    assert stays["4711"] == quarantine.NOT_HELD
    assert client.post("/api/v1/quarantine/drop", json=chosen).json()["released"] == ids["facts"][-1:]
    [one] = client.get("/api/v1/breakers").json()["items"]
    assert one["held"] == 40
    path = f"/api/v1/breakers/{one['id']}"
    assert len(client.get(f"{path}/starts?limit=3").json()["items"]) == 3
    assert client.post(f"{path}/release", json={"share": 20}).json()["state"] == "open"
    assert client.post(f"{path}/drop").json()["state"] == "dropped"
    is_problem(client.post(f"{path}/release", json={}), 404)
    assert client.get("/api/v1/breakers").json() == {"items": [], "next": None}
    assert len(client.get("/api/v1/breakers?every=true").json()["items"]) == 1


def test_programs_steer_mails_and_requests(client, ids):
    queued, unknown = f"/api/v1/mails/{ids['queued']}", f"/api/v1/mails/{ids['unknown']}"
    assert client.post(f"{queued}/cancel").json()["mail"]["state"] == "skipped"
    is_problem(client.post(f"{queued}/cancel"), 409)
    is_problem(client.post(f"{queued}/resend"), 409)
    assert client.post(f"{unknown}/resend").status_code == 200
    assert client.post(f"{unknown}/settle", json={"became": "sent"}).json()["mail"]["state"] == "sent"
    is_problem(client.post(f"{unknown}/settle", json={"became": "sent"}), 409)
    is_problem(client.post("/api/v1/mails/4711/cancel"), 404)
    [one] = client.get("/api/v1/errands?state=unknown").json()["items"]
    assert client.post(f"/api/v1/errands/{one['id']}/settle", json={"became": "refused"}).status_code == 200
    is_problem(client.post(f"/api/v1/errands/{one['id']}/settle", json={"became": "refused"}), 409)
    is_problem(client.get("/api/v1/errands/4711"), 404)


def test_notes_measures_and_suppressions_are_there_for_programs(client, in_book, ids):
    path = "/api/v1/accounts/a0/notes"
    for _ in range(2):
        [note] = client.post(path, json={"by": "kim", "text": HOSTILE}).json()["items"]
    assert client.get(path).json() == {"items": [note], "next": None}
    is_problem(client.get("/api/v1/accounts/nothing/notes"), 404)
    is_problem(client.post(path, json={"by": "kim", "text": " "}), 422)
    found = client.get("/api/v1/measures?days=90").json()
    assert found["revenue"]["customers"] == 1
    is_problem(client.get("/api/v1/measures?days=7"), 422)
    in_book(lambda book: suppress(book.conn, [Suppressing(address="X@y.test", reason="manual")], NOW))
    [line] = client.get("/api/v1/suppressions?address=x@Y.test").json()["items"]
    assert line["reason"] == "manual"
    assert client.get("/api/v1/suppressions?reason=bounced").json() == {"items": [], "next": None}


def test_measures_of_nothing_are_not_found(empty):
    is_problem(empty.get("/api/v1/measures"), 404)


def walked(client, address):
    """All items, read page by page."""
    found: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = client.get(address, params={"limit": 2, "after": after} if after else {"limit": 2}).json()
        assert len(page["items"]) <= 2
        found += page["items"]
        after = page["next"]
    return found


def test_suppressions_are_read_page_by_page_each_once(client, engine):
    with engine.begin() as conn:
        for hour in (1, 2):  # many at one instant, as an import makes them
            lines = [Suppressing(address=f"p{n}@y{hour}.test", reason="imported") for n in range(5)]
            suppress(conn, [*lines, Suppressing(address=f"p1@y{hour}.test", reason="bounced")], NOW + days(hour))
    found = walked(client, "/api/v1/suppressions")
    assert len({(one["address"], one["reason"]) for one in found}) == len(found) == 12
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    assert client.get("/api/v1/suppressions?after=nonsense").status_code == 422


def test_breakers_are_read_page_by_page_latest_first(client, engine):
    told = {"kind": "entries", "why": "40 enter at once", "at": NOW, "share": 0}
    with engine.begin() as conn:
        conn.execute(sa.insert(schema.breaker), [told | {"playbook": f"p{n}"} for n in range(5)])
    numbers = [one["id"] for one in walked(client, "/api/v1/breakers")]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 5
