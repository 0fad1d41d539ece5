"""The manifest of pages: for every route that shows one, where it is found in a book; and that book.

Whoever adds a route adds it here, or says why it shows no page. `tests/web/test_every_page.py` opens all of them over
books that are hard to show, and `tests/browser` looks at all of them with axe-core.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import sqlalchemy as sa

from store import schema
from store.intake.quarantine import Aside, put_aside
from store.queries.business.drill import DRILLS
from tests.store.book import NOW, days
from tests.web.test_rules import ROUTES

PLAYBOOK = b"""
playbook: risk-recovery
title: Recover an account
owner: ops@example.test
audience: account.arr >= 100
max_age: 90 days
triggers: [{ score: health, falls_below: 60, rearm_at: 68 }, { manual: true }]
goal: { when: health.score >= 75 }
steps:
  - id: call
    task: { title: Call them, assign: csm, due: 2 days }
  - wait: 3 days
"""
BOUNDARY = "<script>alert(1)</script> '\"{{ 7 * 7 }} \u202eevil\u202c حساب 🚢👩‍👩‍👧 "
HOSTILE = BOUNDARY + "n" * (10_000 - len(BOUNDARY))

PAGES: Mapping[str, tuple[str, ...]] = {
    "/": ("/", "/?days=30"),
    "/overview/{measure}": tuple(f"/overview/{one}" for one in DRILLS),
    "/inbox": ("/inbox", "/inbox?view=done", "/inbox?view=snoozed", "/inbox?q=zzz", "/inbox?whose=everyone"),
    "/inbox/{task_id}": ("/inbox/{task}", "/inbox/{done}?view=done"),
    "/accounts": ("/accounts", "/accounts?q=zzz", "/accounts?order=name", "/accounts?band=red&order=arr"),
    "/accounts/{key:path}": ("/accounts/acme", "/accounts/odd%2Fkey%20x"),
    "/me": ("/me",),
    "/users": ("/users",),
    "/keys": ("/keys",),
    "/endpoints": ("/endpoints",),
    "/audit": ("/audit",),
    "/tasks": ("/tasks", "/tasks?view=settled"),
    "/runs": ("/runs", "/runs?state=ended"),
    "/runs/{run_id}": ("/runs/{run}", "/runs/{ended}", "/runs/{stuck}"),
    "/mails": ("/mails",),
    "/mails/{mail_id}": ("/mails/{mail}", "/mails/{unknown}"),
    "/answers": ("/answers",),
    "/playbooks": ("/playbooks",),
    "/playbooks/{name}": ("/playbooks/risk-recovery",),
    "/playbooks/{name}/source": ("/playbooks/risk-recovery/source",),
    "/playbooks/{name}/versions": ("/playbooks/risk-recovery/versions",),
    "/playbooks/{name}/candidates": ("/playbooks/risk-recovery/candidates",),
    "/errors": ("/errors",),
    "/held": ("/held", "/held?source=import+scores", "/held?breaker=1"),
}
"""By route: addresses that show it, with places for ids of `full_book`."""

ELSEWHERE: Mapping[str, str] = {
    "/sign-in": "test_customer_pages: shown to who is not signed in",
    "/enter/{secret}": "test_customer_pages: a link that works once",
    "/s/{token}": "test_customer_pages: a survey, for a customer",
    "/u/{token}": "test_customer_pages: preferences, for a customer",
    "/kept/{secret}": "test_sign_in: only where a form came too late",
}
"""By route: pages that need a link of their own, and who looks at them."""

NO_PAGES: Mapping[str, str] = {
    "/healthz": "a word for a probe",
    "/readyz": "a word for a probe",
    "/metrics": "numbers for Prometheus",
    "/inbox/changes": "a stream of events",
    "/overview/{measure}.csv": "a file",
    "/answers.csv": "a file",
    "/audit.{form}": "a file",
    "/mails/{mail_id}/body": "the mail itself, in a frame of its page",
    "/l/{token}": "leads on at once",
    "/sign-in/openid": "leads on at once",
    "/sign-in/openid/back": "leads on at once",
}
"""By route: what answers there instead."""


def shown_routes() -> set[str]:
    """Every route that answers a GET outside the API."""
    return {path for method, path, _ in ROUTES if method == "GET" and not path.startswith("/api/")}


def addresses(ids: Mapping[str, object], most: int | None = None) -> Iterator[str]:
    """All of `PAGES`, where these ids lead to, and so many of a route; pages of what is not there are left out."""
    for given in PAGES.values():
        for one in given[:most]:
            try:
                yield one.format_map(ids)
            except KeyError:
                continue


def full_book(book, text=HOSTILE) -> dict[str, object]:
    """One of everything, in which whatever somebody may write is this text."""
    workspace = book.workspace()
    for key, role in (("kim", "csm"), ("lee", "csm"), ("olga", "ops"), ("ada.admin", "admin")):
        book.person(key, text, role)
    book.playbook(PLAYBOOK, workspace)
    acme, odd = book.account("acme", text), book.account("odd/key x", text)
    for account_id, score in ((acme, 35.0), (odd, 80.0)):
        facts = {"account.csm": "kim", "account.arr": 120_000.0, "account.name": text, "health.score": score}
        more = {"health.band": "red" if score < 40 else "green", "account.segment": text, "account.lifecycle": text}
        book.facts(account_id, **facts, **more, **{"account.renewal_date": (NOW + days(40)).date()})
        for ago, value, band in ((60, 72.0, "green"), (20, 55.0, "yellow"), (2, score, "red")):
            book.score(account_id, value, band, at=NOW - days(ago))
    at_step = [{"path": "steps[0]", "step": "call", "says": text, "until": None, "because": text}]
    run, stuck = book.run(acme, at_step=at_step), book.run(odd, standing="stuck", at_step=at_step)
    ended = book.ended_run(odd, reason=text)
    watch = {"run_id": run, "account_id": acme, "key": "exit/age", "reason": text, "due_at": NOW, "opened_at": NOW}
    book.conn.execute(sa.insert(schema.watch).values(**watch))
    book.crossing(acme, run_id=run)
    book.crossing(odd, state="held", why=text)
    book.crossing(odd, state="not_started", why=text, at=NOW - days(9))
    book.trace(run, (2, "steps[0]", "task", {"outcome": "open", "reason": text}), (1, text, text, {text: text}))
    contact = book.contact(acme, name=text, roles=(text,))
    mail = book.mail(run, acme, contact, text, html=f"<b>{text}</b>", plain=text, reason=text, from_name=text)
    unknown = book.mail(run, acme, contact, text, step="second", state="unknown", reason=text)
    items = [{"text": text, "done": False}]
    task = book.task(run, acme, text, description=text, checklist=items, outcomes=[text, "reached"])
    book.task(stuck, odd, text, assignee=None, due_at=None)
    book.task(run, acme, text, visit=3, due_at=NOW - days(3), escalated_to="kim")
    settled = {"state": "done", "outcome": text, "note": text, "settled_by": "kim", "settled_at": NOW}
    done = book.task(run, acme, text, visit=2, **settled)
    book.conn.execute(sa.insert(schema.task_comment).values(task_id=task, at=NOW, by="lee", text=text))
    book.conn.execute(sa.insert(schema.account_note).values(account_id=acme, at=NOW, by="lee", text=text))
    times = {"since": NOW - days(1), "until": NOW + days(9)}
    override = {"account_id": acme, "card": "health", "value": 20.0, "author": "lee", "reason": text} | times
    book.conn.execute(sa.insert(schema.score_override).values(**override))
    breaker = {"playbook": "risk-recovery", "kind": "entries", "why": text, "at": NOW, "share": 0}
    of = schema.breaker
    number = book.conn.execute(sa.insert(of).values(**breaker).returning(of.c.id)).scalar_one()
    book.crossing(acme, state="held", breaker_id=number, at=NOW - days(1), why=text)
    aside = Aside(source="import scores", code="PB521", reason=text, line=7, cells={"key": "acme", "score": text})
    put_aside(book.conn, [aside, replace(aside, line=8, file=text, cells={"key": "odd"})], NOW)
    errand = {"run_id": run, "account_id": acme, "step": "tell", "visit": 1, "state": "unknown", "kind": "webhook"}
    when = dict.fromkeys(("due_at", "give_up_at", "created_at", "settled_at"), NOW)
    told = {"connector": "billing", "request_id": "r1", "body": {}, "reason": text}
    book.conn.execute(sa.insert(schema.errand).values(**errand, **told, **when))
    survey = {"run_id": run, "step": "nps", "visit": 1, "account_id": acme, "contact_id": contact, "asks": "nps"}
    asked = {"question": text, "address": "ada@acme.example", "created_at": NOW, "closes_at": NOW + days(9)}
    answered = {"score": 3, "comment": text, "answered_at": NOW}
    book.conn.execute(sa.insert(schema.survey).values(**survey, **asked, **answered))
    book.conn.execute(sa.insert(schema.sweep).values(at=NOW, finished=True, counts={"failed": {"risk-recovery": text}}))
    return {"run": run, "stuck": stuck, "ended": ended, "mail": mail, "unknown": unknown, "task": task, "done": done}
