"""Every route has one rule, and keeps it: read from the route table, so that a new route is tested by being there."""

import re

import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from tests.web.signed_in import API_TOKEN, app_over
from web.access import RULES, admin, administers, csm, ops, public, reads, writes_facts, writes_tasks

PAGES = {csm: "csm", ops: "ops", admin: "admin"}
SCOPES = {reads: "read", writes_facts: "facts:write", writes_tasks: "tasks:write", administers: "admin"}


def calls(dependant):
    yield dependant.call
    for one in dependant.dependencies:
        yield from calls(one)


def routes():
    """(method, path, rules) of everything that answers."""
    app = app_over(None)
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        if dependant is None:
            original = getattr(route, "original_route", route)
            assert isinstance(original, Mount), f"{original} declares no rule"
            assert original.path == "/static", f"{original} declares no rule"
            continue
        rules = tuple(dict.fromkeys(call for call in calls(dependant) if call in RULES))
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route.path, rules


ROUTES = list(routes())


@pytest.mark.parametrize(("method", "path", "rules"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
def test_every_route_declares_one_rule(method, path, rules):
    assert len(rules) == 1, f"{method} {path} declares {[rule.__name__ for rule in rules] or 'no rule'}"
    assert (rules[0] in SCOPES) == (path.startswith("/api/v1") and path != "/api/v1/openapi.json")


def test_the_walk_sees_routes_of_each_kind():
    assert {rules[0] for _, _, rules in ROUTES} >= {csm, ops, public, reads, writes_facts, writes_tasks, administers}


def filled(path):
    """The path with something in its places that is not there."""
    return re.sub(r"\{[^}]*\}", "4711", path)


def of(kind):
    return [(method, filled(path), rules[0]) for method, path, rules in ROUTES if rules[0] in kind]


ALLOWED = {"csm": {csm}, "ops": {csm, ops}, "admin": {csm, ops, admin}}


@pytest.mark.parametrize("role", ALLOWED)
def test_each_role_gets_the_pages_it_is_allowed_and_no_others(client_as, role):
    for method, path, rule in of(PAGES):
        if path == "/sign-out":
            continue
        answer = client_as(role).request(method, path, data={} if method == "POST" else None, follow_redirects=False)
        assert (answer.status_code == 403) == (rule not in ALLOWED[role]), f"{role}: {method} {path}"
        assert answer.headers.get("location", "") != "/sign-in", f"{role}: {method} {path}"
        assert answer.status_code < 500, f"{role}: {method} {path}"


def test_who_is_not_signed_in_is_sent_to_sign_in_from_every_page(stranger):
    for method, path, _ in of(PAGES):
        answer = stranger.request(method, path, data={} if method == "POST" else None, follow_redirects=False)
        assert answer.status_code == 303, f"{method} {path}"
        assert answer.headers["location"].startswith("/sign-in"), f"{method} {path}"


def test_a_form_without_the_sessions_token_is_refused_everywhere(client):
    for method, path, _ in of(PAGES):
        if method != "GET":
            assert client.request(method, path, data={"csrf": "made up"}).status_code == 403, f"{method} {path}"


def test_a_form_from_another_site_is_refused_everywhere(client):
    for method, path, _ in of({**PAGES, public: ""}):
        if method != "GET" and not path.startswith(("/hooks", "/s/", "/u/")):
            answer = client.request(method, path, data={}, headers={"origin": "http://evil.example"})
            assert answer.status_code == 403, f"{method} {path}"


def test_every_route_of_the_api_asks_for_a_key(stranger):
    for method, path, _ in of(SCOPES):
        for header in ("", "Bearer", "Bearer wrong", f"Basic {API_TOKEN}"):
            answer = stranger.request(method, path, headers={"authorization": header})
            assert answer.status_code == 401, f"{method} {path}"
