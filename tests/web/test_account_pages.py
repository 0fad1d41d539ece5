"""The book and the page of an account: what they show, to whom, and what can be done there."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import schema
from store.access.audit import list_audit
from tests.store.book import NOW, Book, days

HOSTILE = '<script>alert("x")</script>\'"{{ 7 * 7 }}'
OVERRIDE = {"value": "20", "until": "2026-03-20", "reason": HOSTILE, "card": "health"}
RESCUE = b"""
playbook: risk-recovery
title: Recover an account that turned red
triggers:
  - score: health
    falls_below: 60
  - manual: true
steps:
  - id: call
    task: { title: Call, assign: csm }
"""


@pytest.fixture
def acme(in_book):
    """An account with a past."""

    def make(book: Book):
        workspace = book.workspace()
        book.person("kim", "Kim Novak")
        book.person("lee", "Lee Chan")
        book.playbook(RESCUE, workspace)
        account_id = book.account("acme", "Acme Freight")
        facts = {"account__csm": "kim", "account__arr": 120_000.0, "health__score": 35.0, "health__band": "red"}
        book.facts(account_id, account__name="Acme Freight", account__lifecycle="live", **facts)
        other = book.account("birch", "Birch & Sons")
        book.facts(other, account__csm="lee", account__name="Birch & Sons", health__score=80.0, health__band="green")
        for ago, value, band in ((60, 72.0, "green"), (20, 55.0, "yellow"), (2, 35.0, "red")):
            book.score(account_id, value, band, at=NOW - days(ago))
        run = book.run(account_id, at_step=[{"path": "steps[0]", "step": "call", "says": "wait for task call"}])
        book.crossing(account_id, run_id=run)
        book.crossing(account_id, "renewal", state="not_started", why="outside the audience", decided_at=NOW - days(1))
        contact = book.contact(account_id)
        book.mail(run, account_id, contact, state="skipped", reason="no consent")
        book.task(run, account_id, created_at=NOW - days(3))
        return {"id": account_id, "run": run}

    return in_book(make)


@pytest.fixture
def kim(client_as, acme):
    return client_as("csm", person="kim")


def test_the_book_shows_the_own_accounts_and_searches_them(kim, client_as):
    assert "Acme Freight" in kim.get("/accounts").text
    assert "Birch" not in kim.get("/accounts").text
    ops = client_as("ops", person="olga")
    both = ops.get("/accounts").text
    assert both.index("Acme Freight") < both.index("Birch &amp; Sons")  # the lowest health first
    assert "Nothing found" in ops.get("/accounts?q=zzz").text
    assert "Acme" not in ops.get("/accounts?band=green").text
    for order in ("arr", "renewal", "name", "nonsense"):
        assert ops.get(f"/accounts?order={order}&page=x").status_code == 200


def test_the_page_tells_what_happened_and_what_did_not(kim):
    page = kim.get("/accounts/acme").text
    for text in (
        "Recover an account that turned red started",
        "renewal did not start",
        "outside the audience",
        "Mail not sent: Checking in",
        "no consent",
        "Task for Kim Novak: Call the champion",
        "Health is red, from yellow",
        "wait for task call",
    ):
        assert text in page, text
    assert 'class="chart"' in page
    assert "37 <" not in page


def test_the_page_says_when_it_does_not_know_yet_what_was_told(kim, acme, in_book):
    assert "More was told of it since the last sweep" not in kim.get("/accounts/acme").text
    in_book(lambda book: book.conn.execute(sa.insert(schema.change).values(account_id=acme["id"])))
    assert "More was told of it since the last sweep" in kim.get("/accounts/acme").text
    assert kim.get("/api/v1/accounts/acme/explain").json()["unread"] is True


def test_a_csm_overrides_the_score_with_a_reason_and_ends_it(kim, engine):
    page = kim.post("/accounts/acme/override", data=OVERRIDE).text
    assert "Health is 20 from the next sweep on" in page
    assert "Overridden to 20" in page
    assert "by Kim Novak, until" in page
    assert HOSTILE not in page
    assert "Health overridden to 20 by Kim Novak" in page  # among what happened
    page = kim.post("/accounts/acme/override/end", data={"card": "health"}).text
    assert "own score is back with the next sweep" in page
    assert "Overridden to 20" not in page
    assert "no override is in force" in kim.post("/accounts/acme/override/end", data={"card": "health"}).text.lower()
    with engine.connect() as conn:
        (row,) = conn.execute(sa.select(schema.score_override)).all()
        assert (row.author, row.reason, row.ended_by) == ("kim", HOSTILE, "kim")
        assert row.until.isoformat() == "2026-03-19T23:00:00+00:00"  # midnight in Berlin
        wakes = conn.execute(sa.select(sa.func.count()).select_from(schema.change)).scalar_one()
        audit = schema.audit.c
        did = conn.execute(sa.select(audit.did, audit.who, audit.what).order_by(audit.id)).all()
    assert wakes == 2
    assert [tuple(one) for one in did if one.what == "account acme"] == [
        ("score_overridden", "kim", "account acme"),
        ("override_ended", "kim", "account acme"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"value": "x"}, {"value": "101"}, {"value": "nan"}, {"value": "inf"}, {"reason": "  "}),
        *({"until": "soon"}, {"until": "2026-03-10"}, {"until": "9999-12-31"}, {"until": "0001-01-01"}, {"card": "no"}),
    ],
)
def test_an_override_that_makes_no_sense_is_refused_in_words(kim, engine, wrong):
    answer = kim.post("/accounts/acme/override", data=OVERRIDE | wrong)
    assert answer.status_code == 422
    assert "Not overridden" in answer.text
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.score_override.c.id)).all() == []


def test_an_account_outside_the_own_book_is_not_there(client_as, acme):
    lee = client_as("csm", person="lee")
    assert lee.get("/accounts/acme").status_code == 404
    assert lee.get("/accounts/nobody").status_code == 404
    sent = {"notes": {"text": "x"}, "start": {"playbook": "risk-recovery"}, "stop": {"run": str(acme["run"])}}
    sent |= {"override": OVERRIDE, "override/end": {"card": "health"}}
    for act, form in sent.items():
        assert lee.post(f"/accounts/acme/{act}", data=form).status_code == 404, act


def test_a_note_is_kept_once(kim):
    for _ in range(2):
        page = kim.post("/accounts/acme/notes", data={"text": "They plan a merger"})
    assert page.text.count("They plan a merger") == 1
    assert "Kim Novak noted" in page.text
    assert kim.post("/accounts/acme/notes", data={"text": "  "}).status_code == 422


def test_a_run_is_told_to_stop_with_who_and_why(kim, acme, engine):
    page = kim.post("/accounts/acme/stop", data={"run": str(acme["run"]), "reason": "they left"})
    assert "The run is told to stop" in page.text
    with engine.connect() as conn:
        fact = conn.execute(sa.select(schema.outbox.c.fact)).scalar_one()
    assert (fact["kind"], fact["of"], fact["values"]) == ("end", "stop", {"reason": "stopped by kim: they left"})


def test_notes_starts_and_stops_are_in_the_audit_log(kim, acme, engine):
    kim.post("/accounts/acme/notes", data={"text": "Ada is on leave"})
    kim.post("/accounts/acme/start", data={"playbook": "risk-recovery"})
    kim.post("/accounts/acme/stop", data={"run": str(acme["run"]), "reason": "wrong account"})
    with engine.connect() as conn:
        rows = [row for row in reversed(list_audit(conn).items) if row.did.startswith("account.")]
    assert [(row.who, row.did, row.what) for row in rows] == [
        ("kim", "account.note", "acme"),
        ("kim", "account.start", "acme"),
        ("kim", "account.stop", "acme"),
    ]
    assert rows[0].detail == {}
    assert rows[1].detail["playbook"] == "risk-recovery"
    assert rows[2].detail == {"run": acme["run"], "reason": "wrong account"}


def test_a_run_of_another_account_is_left_alone(kim, in_book):
    other = in_book(lambda book: book.run(book.account("cedar", "Cedar")))
    assert "over already" in kim.post("/accounts/acme/stop", data={"run": str(other), "reason": "x"}).text


def test_a_playbook_started_by_hand_obeys_the_rules_of_every_start(kim):
    page = kim.post("/accounts/acme/start", data={"playbook": "risk-recovery"})
    assert page.status_code == 200
    assert re.search(r"Risk-recovery (not started|held)", page.text)  # it is running already
    assert kim.post("/accounts/acme/start", data={"playbook": "nothing"}).status_code == 409


def test_earlier_moments_are_reached_page_by_page(kim, acme, in_book):
    def more(book):
        for n in range(150):
            row = {"account_id": acme["id"], "at": NOW - timedelta(minutes=n + 1), "by": "kim", "text": f"note-{n:03}"}
            book.conn.execute(sa.insert(schema.account_note).values(row))

    in_book(more)
    seen, page = set(), kim.get("/accounts/acme").text
    for _ in range(4):
        seen |= set(re.findall(r"note-\d{3}", page))
        earlier = re.search(r'href="([^"]+)#happened">Earlier', page)
        if earlier is None:
            break
        page = kim.get(earlier[1].replace("&amp;", "&")).text
    assert len(seen) == 150


ODD = [HOSTILE, "n" * 10_000, "حساب الشركة", "\U0001f680" * 40, " ", "\u202eevil"]


@pytest.mark.parametrize("text", ODD)
def test_odd_names_leave_the_page_whole(client_as, in_book, text):
    def make(book):
        book.workspace()
        book.person("kim", text)
        account_id = book.account("a/b c?d", text)
        book.facts(account_id, account__csm="kim", account__name=text)
        run = book.run(account_id)
        book.crossing(account_id, run_id=run)
        book.crossing(account_id, text[:50], state="held", why=text)
        book.contact(account_id, name=text)
        book.task(run, account_id, text)

    in_book(make)
    kim = client_as("csm", person="kim")
    for path in ("/accounts", "/accounts/a%2Fb%20c%3Fd"):
        page = kim.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert len(page.content) < 100_000


def test_before_anything_was_deployed_the_pages_say_so(client_as, in_book):
    in_book(lambda book: book.account())
    ops = client_as("ops", person="olga")
    assert "Acme Freight" in ops.get("/accounts").text
    assert ops.get("/accounts/acme").status_code == 404
    assert "Ask whoever runs Tenure" in ops.get("/accounts/acme").text
