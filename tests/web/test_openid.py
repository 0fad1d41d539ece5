"""Signing in by OpenID Connect, at a provider with real keys and real codes."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa
from joserfc.jwk import RSAKey

from store.access import logins
from store.schema import login
from tests.waiting import PATIENCE
from tests.web.identity_provider import IdentityProvider
from tests.web.signed_in import Browser, app_over
from web.access import SESSION_COOKIE
from web.openid import OpenId, OpenIdSettings


@pytest.fixture
def provider():
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture
def browser(engine, provider, monkeypatch):
    monkeypatch.setattr("web.openid._SECONDS", PATIENCE)
    with engine.begin() as conn:
        logins.add_login(conn, key="kim", role="csm", now=datetime.now(UTC), name="Kim Novak", email="kim@tenure.test")
    settings = OpenIdSettings(issuer=provider.issuer, client_id="tenure", client_secret="s3cret")
    with Browser(app_over(engine, openid=OpenId(settings))) as browser:
        yield browser


def there(browser, next_="/tasks"):
    """To the provider, and the address it sends the browser back to."""
    out = browser.get(f"/sign-in/openid?next={next_}", follow_redirects=False)
    assert out.status_code == 303, out.text
    sent_back = httpx2.get(out.headers["location"], follow_redirects=False, timeout=PATIENCE)
    return sent_back.headers["location"].removeprefix("http://testserver")


def sign_in(browser, next_="/tasks"):
    return browser.get(there(browser, next_), follow_redirects=False)


def test_who_the_provider_knows_gets_in_and_on_to_the_page_asked_for(browser, provider, engine):
    assert "Sign in with your organisation" in browser.get("/sign-in").text
    entered = sign_in(browser)
    assert (entered.status_code, entered.headers["location"]) == (303, "/tasks")
    assert "Kim Novak" in browser.get("/me").text
    with engine.connect() as conn:
        assert conn.execute(sa.select(login.c.subject)).scalar_one() == "u-1"


def test_an_identity_is_known_again_though_its_address_has_changed(browser, provider):
    sign_in(browser)
    provider.claims = {"sub": "u-1", "email": "kim@elsewhere.test", "email_verified": True}
    assert sign_in(browser).status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "u-2", "email": "nobody@tenure.test", "email_verified": True},
        {"sub": "u-2", "email": "kim@tenure.test", "email_verified": False},
        {"sub": "u-2", "email": "kim@tenure.test"},
        {"sub": "u-2"},
    ],
)
def test_who_is_no_user_stays_out(browser, provider, claims):
    provider.claims = claims
    assert sign_in(browser).status_code == 403
    assert SESSION_COOKIE not in browser.cookies


def test_another_identity_does_not_take_over_a_bound_login(browser, provider):
    sign_in(browser)
    provider.claims = {"sub": "u-2", "email": "kim@tenure.test", "email_verified": True}
    assert sign_in(browser).status_code == 403


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "of another sign-in"},
        {"aud": "another program"},
        {"iss": "http://evil.example"},
        {"exp": 1_700_000_000},
        {"azp": "another program"},
        {"sub": None},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in_is_not_believed(browser, provider, lies):
    provider.lies = lies
    answer = sign_in(browser)
    assert answer.status_code == 502
    assert SESSION_COOKIE not in browser.cookies


def test_a_token_signed_by_somebody_else_is_not_believed(browser, provider):
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)
    assert sign_in(browser).status_code == 502


def test_new_keys_of_the_provider_are_fetched_when_one_is_missing(browser, provider):
    assert sign_in(browser).status_code == 303
    provider.key = provider.signs_with = RSAKey.generate_key(2048, {"kid": "k2"}, auto_kid=False)
    assert sign_in(browser).status_code == 303
    assert provider.asked.count("/keys") == 2


def test_an_answer_works_once_and_in_the_browser_that_asked(browser, provider, engine):
    back = there(browser)
    settings = OpenIdSettings(issuer=provider.issuer, client_id="tenure", client_secret="s3cret")
    with Browser(app_over(engine, openid=OpenId(settings))) as other:
        assert other.get(back, follow_redirects=False).status_code == 400
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert browser.get(back, follow_redirects=False).status_code == 303
    browser.cookies.set("tenure_openid", state)
    assert browser.get(back, follow_redirects=False).status_code == 400


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?code=y"])
def test_an_answer_nobody_asked_for_signs_nobody_in(browser, query):
    assert browser.get(f"/sign-in/openid/back{query}").status_code == 400


def test_a_provider_that_is_away_is_told_on_a_page(engine):
    settings = OpenIdSettings(issuer="http://127.0.0.1:1", client_id="tenure", client_secret=None)
    with Browser(app_over(engine, openid=OpenId(settings))) as browser:
        answer = browser.get("/sign-in/openid", follow_redirects=False)
    assert answer.status_code == 502
    assert "does not answer" in answer.text


def test_signing_in_by_openid_never_leads_elsewhere(browser, provider):
    assert sign_in(browser, "https://evil.example").headers["location"] == "/"


def test_without_a_provider_there_is_no_way_to_one(stranger):
    assert stranger.get("/sign-in/openid").status_code == 404
    assert "organisation" not in stranger.get("/sign-in").text
