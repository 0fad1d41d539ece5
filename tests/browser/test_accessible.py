"""axe-core finds nothing on any page, at desk and phone width, light and dark; and no page is wider than its window."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe

from store import schema
from store.quarantine import Aside, put_aside
from tests.browser.conftest import DESK, PHONE
from tests.store.book import NOW, days

pytestmark = pytest.mark.stage
ODD = "<script>alert(1)</script> حساب " + "n" * 300


@pytest.fixture
def book(in_book):
    def make(book):
        book.workspace()
        book.person("kim", "Kim Novak")
        book.person("lee", ODD)
        acme = book.account("acme", "Acme Freight")
        book.facts(acme, account__csm="kim", account__arr=120_000.0, health__score=35.0, account__name="Acme Freight")
        for ago, value, band in ((60, 72.0, "green"), (20, 55.0, "yellow"), (2, 35.0, "red")):
            book.score(acme, value, band, at=NOW - days(ago))
        odd = book.account("odd", ODD)
        book.facts(odd, account__csm="kim", account__name=ODD)
        run = book.run(acme, at_step=[{"path": "steps[0]", "step": "call", "says": "wait for task call"}])
        stuck = book.run(odd, standing="stuck")
        book.ended_run(odd, "onboarding")
        book.crossing(acme, run_id=run)
        book.crossing(odd, "renewal", state="held", why=ODD)
        book.trace(run, (2, "steps[0]", "task", {"outcome": "open"}))
        contact = book.contact(acme)
        mail = book.mail(run, acme, contact)
        items = [{"text": "Read the tickets", "done": True}, {"text": "Agree one step", "done": False}]
        task = book.task(run, acme, due_at=NOW - days(3), checklist=items)
        book.task(stuck, odd, ODD, description=ODD)
        settled = {"state": "done", "outcome": "reached", "settled_by": "kim", "settled_at": NOW}
        done = book.task(run, acme, visit=2, **settled)
        of = schema.breaker
        row = {"playbook": "risk-recovery", "kind": "entries", "why": "two enter at once", "at": NOW, "share": 0}
        number = book.conn.execute(sa.insert(of).values(**row).returning(of.c.id)).scalar_one()
        for account_id in (acme, odd):
            reasons = [{"kind": "edge", "says": "health fell to 35, below 60"}]
            book.crossing(account_id, "renewal", state="held", breaker_id=number, reasons=reasons)
        cells = {"key": "acme", "score": ODD}
        aside = Aside(source="import scores", code="PB521", reason=f"score is no number: {ODD}", line=7, cells=cells)
        put_aside(book.conn, [aside, replace(aside, line=8, file="scores.csv", cells={"key": "odd"})], NOW)
        book.mail(run, acme, contact, step="second", state="unknown", reason="the line was cut")
        errand = {"run_id": run, "account_id": acme, "step": "tell", "visit": 1, "state": "unknown", "kind": "webhook"}
        times = dict.fromkeys(("due_at", "give_up_at", "created_at", "settled_at"), NOW)
        told = {"connector": "billing", "request_id": "r1", "body": {}, "reason": ODD}
        book.conn.execute(sa.insert(schema.errand).values(**errand, **told, **times))
        return {"run": run, "mail": mail, "task": task, "done": done}

    return in_book(make)


def paths(ids):
    return (
        *("/inbox", f"/inbox/{ids['task']}", f"/inbox/{ids['done']}?view=done", "/inbox?view=snoozed", "/inbox?q=zzz"),
        *("/accounts", "/accounts?q=zzz", "/accounts/acme", "/accounts/odd"),
        *("/", "/tasks", "/runs", f"/runs/{ids['run']}", "/mails", f"/mails/{ids['mail']}", "/nothing"),
        *("/held", "/held?source=import+scores", "/errors", "/answers"),
    )


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_for_everybody(window, book, viewport, scheme):
    look_at_all(window("kim", viewport, role="ops", color_scheme=scheme, reduced_motion="reduce"), paths(book))


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_so_is_every_page_of_an_admin(window, book, viewport, scheme):
    person = window("kim", viewport, role="admin", color_scheme=scheme, reduced_motion="reduce")
    look_at_all(person, ("/endpoints", "/keys", "/users", "/audit"))


def look_at_all(person, which):
    found = []
    for path in which:
        page = person.goes(path)
        for violation in Axe().run(page).response["violations"]:
            places = [node["target"] for node in violation["nodes"]][:3]
            found.append(f"{path}: {violation['id']}: {violation['help']} at {places}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{path}: wider than the window")
    assert found == []
    assert [error for error in person.errors if "404" not in error] == []
