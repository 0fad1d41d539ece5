"""Browsers that are signed in, for tests: each form they send carries the session's token, as our pages' forms do."""

from datetime import UTC, datetime

import sqlalchemy as sa
from starlette.testclient import TestClient

from store.access import logins, sessions
from store.access.viewer import Role
from web.access import SESSION_COOKIE
from web.app import create_app
from web.deps import WebDeps

API_TOKEN = "the token of the tests"
ROLES = {"csm": "kim", "ops": "olga", "admin": "ada.admin"}
"""Who has which role, where a test does not say."""


async def alive() -> bool:
    return True


class Browser(TestClient):
    """Signed in as `person`. Forms (`data=`) are sent from our own pages, with the session's token; unless a test gives
    `origin` or `csrf` itself. Requests to /api bear a key that may everything."""

    person = ""
    csrf = ""

    def request(self, method, url, *, data=None, headers=None, **rest):
        path = str(url)
        given = {key.lower() for key in headers or {}}
        more = (
            {} if given & {"origin", "sec-fetch-site"} or path.startswith("/api") else {"origin": "http://testserver"}
        )
        if path.startswith("/api") and "authorization" not in given:
            more["authorization"] = f"Bearer {API_TOKEN}"
        if method == "POST" and not path.startswith(("/api", "/hooks", "/s/", "/u/")) and rest.get("content") is None:
            data = {"csrf": self.csrf} | dict(data or {})
        return super().request(method, url, data=data, headers=more | dict(headers or {}), **rest)


def app_over(engine, **more):
    """However fast the machine is, nobody calls too often for it, unless a test says otherwise."""
    usual = {"engine": engine, "temporal_answers": alive, "api_token": API_TOKEN, "calls_per_second": 1e6}
    return create_app(WebDeps(**usual | more))


def sign_in(browser: Browser, engine: sa.Engine, role: Role, person: str | None = None) -> Browser:
    """The browser presents a session of this person, who has this role from now on."""
    now, key = datetime.now(UTC), person or ROLES[role]
    with engine.begin() as conn:
        logins.add_login(conn, key=key, role=role, now=now)
        secret = sessions.open_session(conn, key, "password", now)
        viewer = sessions.viewer_of(conn, secret, now)
    assert viewer is not None
    browser.cookies.set(SESSION_COOKIE, secret)
    browser.person, browser.csrf = key, viewer.csrf
    return browser
