"""Signing in and out as a browser does it, and what strangers get to see."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from store.access import links, logins
from store.schema import audit, login, session
from tests.web.signed_in import Browser, app_over, sign_in
from web.access import SESSION_COOKIE, safe_next

PASSWORD = "four plain words here"


@pytest.fixture
def kim(engine):
    with engine.begin() as conn:
        logins.add_login(conn, key="kim", role="ops", now=datetime.now(UTC), name="Kim Novak", email="kim@tenure.test")
        logins.set_password(conn, "kim", PASSWORD)
    return "kim"


def enter(browser, name="kim", password=PASSWORD, **more):
    return browser.post("/sign-in", data={"name": name, "password": password} | more, follow_redirects=False)


def link(engine, purpose, person=None):
    with engine.begin() as conn:
        return f"/enter/{links.make_link(conn, purpose, person, datetime.now(UTC))}"


def deeds(engine):
    with engine.connect() as conn:
        return conn.execute(sa.select(audit.c.did, audit.c.who).order_by(audit.c.id)).all()


def test_a_password_opens_and_leads_where_one_wanted_to_go(stranger, kim, engine):
    asked = stranger.get("/tasks?view=overdue", follow_redirects=False)
    assert asked.headers["location"] == "/sign-in?next=%2Ftasks%3Fview%3Doverdue"
    page = stranger.get(asked.headers["location"])
    assert 'name="next" value="/tasks?view=overdue"' in page.text
    entered = enter(stranger, next="/tasks?view=overdue")
    assert (entered.status_code, entered.headers["location"]) == (303, "/tasks?view=overdue")
    assert stranger.get("/tasks", follow_redirects=False).status_code == 200
    assert ("signed_in", "kim") in deeds(engine)


@pytest.mark.parametrize(("name", "password"), [("kim", "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_name_looks_like_a_wrong_password(stranger, kim, engine, name, password):
    answer = enter(stranger, name, password)
    assert answer.status_code == 401
    assert "do not belong together" in answer.text
    assert f'value="{password}"' not in answer.text
    assert SESSION_COOKIE not in stranger.cookies
    assert deeds(engine)[-1] == ("sign_in_failed", name)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger, kim):
    cookie = enter(stranger).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


@pytest.mark.parametrize(
    ("base", "more"), [("https://testserver", {}), ("http://testserver", {"public_url": "https://cs.example"})]
)
def test_by_https_the_cookie_goes_by_https_alone(engine, kim, base, more):
    with Browser(app_over(engine, **more), base_url=base) as browser:
        answer = browser.post(
            "/sign-in", data={"name": "kim", "password": PASSWORD}, headers={"origin": base}, follow_redirects=False
        )
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_signing_in_again_makes_a_new_session_and_ends_the_one_before(stranger, kim, engine):
    enter(stranger)
    first = stranger.cookies[SESSION_COOKIE]
    enter(stranger)
    assert stranger.cookies[SESSION_COOKIE] != first
    stranger.cookies.set(SESSION_COOKIE, first)
    with engine.connect() as conn:
        ended = conn.execute(sa.select(session.c.ended_at).order_by(session.c.id)).scalars().all()
    assert [one is None for one in ended] == [False, True]


def test_signing_out_ends_the_session_on_the_server(client):
    secret = client.cookies[SESSION_COOKIE]
    assert client.post("/sign-out", follow_redirects=False).headers["location"] == "/sign-in"
    client.cookies.set(SESSION_COOKIE, secret)
    assert client.get("/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    "address",
    [
        *("//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", ""),
        *("/\t/evil.example", "/\n/evil.example", "evil.example", "///evil.example", "/sign-in?next=/sign-in"),
    ],
)
def test_signing_in_never_leads_elsewhere(address):
    assert safe_next(address) == "/"


@pytest.mark.parametrize("address", ["/", "/tasks?view=overdue", "/accounts/a%2Fb", "/kept/x"])
def test_signing_in_leads_to_pages_of_ours(address):
    assert safe_next(address) == address


def test_one_address_cannot_try_for_ever(stranger, kim, monkeypatch):
    monkeypatch.setattr("store.access.sign_in_rate.BURST", 2)
    monkeypatch.setattr("store.access.sign_in_rate._SECONDS_A_TRY", 3_600.0)
    answers = [enter(stranger, "nobody").status_code for _ in range(3)]
    assert answers == [401, 401, 429]
    assert enter(stranger).status_code == 429


def test_a_form_of_another_site_signs_nobody_in(stranger, kim):
    answer = stranger.post(
        "/sign-in", data={"name": "kim", "password": PASSWORD}, headers={"origin": "http://evil.example"}
    )
    assert answer.status_code == 403


# --- one-time links ---


def test_the_first_link_makes_the_first_admin_and_no_second_one(stranger, engine):
    first = link(engine, "first")
    form = {"name": "Ada Moreau", "email": "Ada@tenure.test", "password": PASSWORD}
    assert "The first admin" in stranger.get(first).text
    assert stranger.post(first, data=form | {"password": "short"}).status_code == 422
    assert stranger.post(first, data=form, follow_redirects=False).status_code == 303
    assert stranger.get("/users").status_code == 200
    assert stranger.get(first).status_code == 404
    assert stranger.post(link(engine, "first"), data=form).status_code == 422


def test_a_link_sets_the_password_signs_in_and_ends_other_sessions(stranger, client_as, engine, kim):
    before = client_as("ops", "kim")
    address = link(engine, "password", "kim")
    assert "Welcome, Kim Novak" in stranger.get(address).text
    assert (
        stranger.post(address, data={"password": "another five words now"}, follow_redirects=False).status_code == 303
    )
    assert stranger.get("/tasks", follow_redirects=False).status_code == 200
    assert before.get("/tasks", follow_redirects=False).status_code == 303
    assert stranger.post(address, data={"password": "another five words now"}).status_code == 404


def test_an_entering_link_signs_in_by_a_button_and_not_by_being_opened(stranger, engine, kim):
    address = link(engine, "enter", "kim")
    for _ in range(2):
        assert stranger.get(address).status_code == 200
    assert SESSION_COOKIE not in stranger.cookies
    stranger.post(address)
    assert "Kim Novak" in stranger.get("/me").text


@pytest.mark.parametrize("secret", ["", "x", "%00", "x" * 5_000])
def test_a_link_that_is_none_of_ours_says_so(stranger, secret):
    answer = stranger.get(f"/enter/{secret}")
    assert answer.status_code in (400, 404)


def test_a_disabled_person_gets_no_further_by_an_old_link(stranger, engine, kim):
    address = link(engine, "enter", "kim")
    with engine.begin() as conn:
        logins.disable(conn, "kim", datetime.now(UTC))
    assert stranger.get(address).status_code == 404
    stranger.post(address, follow_redirects=False)
    assert stranger.get("/tasks", follow_redirects=False).status_code == 303


# --- nothing written is lost ---


def expire(engine):
    with engine.begin() as conn:
        conn.execute(sa.update(session).values(seen_at=datetime.now(UTC) - timedelta(days=2)))


@pytest.fixture
def task(in_book):
    def make(book):
        book.workspace()
        account = book.account("acme")
        book.facts(account, account__csm="kim")
        return book.task(book.run(account), account)

    return in_book(make)


NOTE = 'Spoke to Ada, long & "quoted"\nover <b>lines</b>'


def test_a_form_sent_after_the_session_has_ended_is_there_after_signing_in(client_as, engine, kim, task):
    browser = client_as("ops", "kim")
    expire(engine)
    form = {"outcome": "reached", "by": "kim", "note": NOTE}
    sent = browser.post(f"/tasks/{task}/complete", data=form, follow_redirects=False)
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/sign-in?next=%2Fkept%2F")
    page = browser.get(sent.headers["location"])
    assert "Nothing is lost" in page.text
    [then] = re.findall(r'name="next" value="([^"]+)"', page.text)
    back = browser.get(enter(browser, next=then).headers["location"])
    assert "Spoke to Ada, long &amp; &#34;quoted&#34;\nover &lt;b&gt;lines&lt;/b&gt;</textarea>" in back.text
    assert f'action="/tasks/{task}/complete"' in back.text
    again = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', back.text))
    assert (again["outcome"], again["by"]) == ("reached", "kim")
    done = browser.post(f"/tasks/{task}/complete", data=form | {"csrf": again["csrf"]}, follow_redirects=False)
    assert done.status_code == 303
    assert "/sign-in" not in done.headers["location"]


def test_a_form_of_the_session_before_comes_back_filled_in_at_once(client_as, engine, kim, task):
    browser = client_as("ops", "kim")
    old = browser.csrf
    sign_in(browser, engine, "ops", "kim")
    form = {"outcome": "reached", "by": "kim", "note": NOTE, "csrf": old}
    sent = browser.post(f"/tasks/{task}/complete", data=form)
    assert "Go on where you were" in sent.text
    assert "over &lt;b&gt;lines" in sent.text


def test_what_somebody_wrote_is_not_shown_to_somebody_else(client_as, engine, kim, task):
    browser = client_as("ops", "kim")
    expire(engine)
    sent = browser.post(f"/tasks/{task}/complete", data={"note": NOTE}, follow_redirects=False)
    kept = sent.headers["location"].partition("next=")[2].replace("%2F", "/")
    assert client_as("csm", "lee").get(kept).status_code == 404
    assert client_as("ops", "kim").get(kept).status_code == 200


def test_nothing_is_kept_of_strangers_forms(stranger):
    stranger.cookies.set(SESSION_COOKIE, "made up")
    sent = stranger.post("/tasks/1/complete", data={"note": "x" * 1000}, follow_redirects=False)
    assert sent.headers["location"] == "/sign-in"


def test_a_script_is_told_that_the_session_is_over(stranger):
    answer = stranger.get("/tasks", headers={"sec-fetch-dest": "empty"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


# --- the own account ---


def test_a_person_sees_own_sessions_and_ends_them(client_as, engine):
    here, there = client_as("ops", "kim"), client_as("ops", "kim")
    page = here.get("/me")
    [number] = re.findall(r"/me/sessions/(\d+)/end\"", page.text)
    here.post(f"/me/sessions/{number}/end")
    assert there.get("/me", follow_redirects=False).status_code == 303
    assert here.get("/me", follow_redirects=False).status_code == 200


def test_a_password_is_changed_by_who_knows_the_present_one(client_as, engine, kim):
    browser, elsewhere = client_as("ops", "kim"), client_as("ops", "kim")
    with engine.begin() as conn:
        conn.execute(sa.update(login).values(email="kim@tenure.test"))
    wrong = browser.post("/me/password", data={"old": "wrong", "new": "another five words now"})
    assert wrong.status_code == 422
    assert browser.post("/me/password", data={"old": PASSWORD, "new": "short"}).status_code == 422
    browser.post("/me/password", data={"old": PASSWORD, "new": "another five words now"})
    assert elsewhere.get("/me", follow_redirects=False).status_code == 303
    assert enter(browser, password=PASSWORD).status_code == 401
    assert enter(browser, password="another five words now").status_code == 303
