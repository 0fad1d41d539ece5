import json

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from store import schema
from tests.store.book import NOW, days
from tests.store.explain.test_explain import RECOVERY
from tests.web.signed_in import Browser, alive, app_over
from web.app import create_app
from web.deps import WebDeps

ACCOUNT = {"kind": "account", "key": "acme", "fields": {"account.name": "Acme Freight"}}
METRIC = {"kind": "metric", "account": "acme", "metric": "csat", "value": 4, "at": "2026-03-01"}


def is_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["what_to_do"]
    assert "Traceback" not in answer.text
    return body


# --- facts ---


def test_facts_are_taken_in_and_counted(client, engine):
    answer = client.post("/api/v1/facts", json=[ACCOUNT, METRIC, METRIC])
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "counts": {"account": 1, "metric": 1},
        "corrections": 0,
        "repeats": 1,
        "outdated": 0,
        "problems": [],
    }
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.account.c.key)).scalars().all() == ["acme"]


def test_a_fact_about_an_unknown_account_is_named_and_the_others_are_kept(client):
    answer = client.post("/api/v1/facts", json=[ACCOUNT, METRIC | {"account": "acmee"}])
    assert answer.status_code == 200
    assert answer.json()["counts"] == {"account": 1}
    [problem] = answer.json()["problems"]
    assert problem["at"] == "[1]"
    assert "acmee" in problem["message"]


@pytest.mark.parametrize(
    ("fact", "at", "hint"),
    [
        ({"kind": "acount", "key": "a"}, "[1]", 'did you mean "account"?'),
        ({"key": "a"}, "[1]", ""),
        ({"kind": "account"}, "[1].key", ""),
        (ACCOUNT | {"colour": "red"}, "[1].colour", ""),
        (METRIC | {"value": "four"}, "[1].value", ""),
        (METRIC | {"at": "tomorrow"}, "[1].at", ""),
        (ACCOUNT | {"fields": {"account.arr": {"a": 1}}}, "[1].fields.account.arr", ""),
        (ACCOUNT | {"fields": {"account.tags": ["a", 1]}}, "[1].fields.account.tags[1]", ""),
        ("fact", "[1]", ""),
    ],
)
def test_one_bad_fact_refuses_all_and_says_where(empty, empty_engine, fact, at, hint):
    body = is_problem(empty.post("/api/v1/facts", json=[ACCOUNT, fact]), 422)
    [problem] = body["problems"]
    assert problem["at"] == at
    assert problem.get("hint", "") == hint
    with empty_engine.connect() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(schema.account)).scalar_one() == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{}", 422),
        (b"null", 422),
        (b"[", 400),
        (b"[NaN]", 400),
        (b'[{"kind": "metric", "account": "a", "metric": "m", "value": Infinity}]', 400),
        (b'[{"kind": "metric", "account": "a", "metric": "m", "value": 1e999}]', 422),
        (b'[{"kind": "account", "key": "\\u0000"}]', 422),
        (b'[{"kind": "account", "key": "\\ud800"}]', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"[" + b"1" * 5_000 + b"]", 400),
        (b"[" + b"{}," * 10_000 + b"{}]", 422),
        (b" " * (16 * 1024 * 1024 + 1), 413),
    ],
    ids=range(14),
)
def test_a_body_that_is_no_list_of_facts_is_refused(empty, body, status):
    is_problem(empty.post("/api/v1/facts", content=body, headers={"content-type": "application/json"}), status)


def test_at_most_ten_thousand_facts_come_at_once(empty):
    body = is_problem(empty.post("/api/v1/facts", json=[ACCOUNT] * 10_001), 422)
    assert "10000" in body["problems"][0]["message"]


def test_a_body_that_is_not_marked_as_json_is_refused(empty):
    answer = empty.post("/api/v1/facts", content=b"[]", headers={"content-type": "text/plain"})
    assert "application/json" in is_problem(answer, 415)["what_to_do"]


def test_a_body_without_a_length_is_limited_too(empty):
    def chunks():
        for _ in range(100):
            yield b" " * 1024

    answer = empty.post("/api/v1/runs", content=chunks(), headers={"content-type": "application/json"})
    is_problem(answer, 413)


def test_facts_are_kept_while_temporal_is_away(engine):
    async def away() -> bool:
        raise ConnectionError("no route")

    with Browser(app_over(engine, temporal_answers=away)) as client:
        assert client.post("/api/v1/facts", json=[ACCOUNT]).status_code == 200


# --- tasks ---


@pytest.fixture
def task_id(in_book):
    def make(book):
        account_id = book.account()
        return book.task(book.run(account_id), account_id)

    return in_book(make)


def test_a_task_is_completed_and_its_run_told(client, engine, task_id):
    said = {"outcome": "reached", "note": "All well", "by": "kim"}
    answer = client.post(f"/api/v1/tasks/{task_id}/complete", json=said)
    assert answer.status_code == 200
    assert answer.json()["repeated"] is False
    assert client.post(f"/api/v1/tasks/{task_id}/complete", json=said).json()["repeated"] is True
    assert client.get(f"/api/v1/tasks/{task_id}").json()["note"] == "All well"
    with engine.connect() as conn:
        [fact] = conn.execute(sa.select(schema.outbox.c.fact)).scalars()
    assert fact["values"]["outcome"] == "reached"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"outcome": "reachd", "by": "kim"}, 422),
        ({"outcome": "reached"}, 422),
        ({"outcome": "reached", "by": "  "}, 422),
        ({"outcome": "reached", "by": "k\x00m"}, 422),
        ({"outcome": "reached", "by": "kim", "note": "\x00"}, 422),
        ({"outcome": "reached", "by": "kim", "note": "n" * 4_001}, 422),
        ({"outcome": "reached", "by": "kim", "when": "now"}, 422),
        ({"outcome": ["reached"], "by": "kim"}, 422),
        ([], 422),
    ],
)
def test_a_wrong_completion_is_refused_and_the_task_stays_open(client, task_id, body, status):
    is_problem(client.post(f"/api/v1/tasks/{task_id}/complete", json=body), status)
    assert client.get(f"/api/v1/tasks/{task_id}").json()["state"] == "open"


def test_a_settled_task_refuses_another_answer(client, task_id):
    client.post(f"/api/v1/tasks/{task_id}/complete", json={"outcome": "reached", "by": "kim"})
    body = is_problem(client.post(f"/api/v1/tasks/{task_id}/complete", json={"outcome": "leaving", "by": "lee"}), 409)
    assert 'was completed as "reached" by kim' in body["detail"]


# --- reading ---


@pytest.fixture
def filled(in_book):
    def make(book):
        account_id = book.account()
        contact_id = book.contact(account_id)
        book.score(account_id, 35.5, "red")
        runs = [book.run(account_id, entry_key=str(n)) for n in range(3)]
        book.trace(runs[0], (1, "steps[0]", "task", {"outcome": "open"}))
        for n in range(3):
            book.task(runs[0], account_id, visit=n, due_at=NOW + days(n))
            book.mail(runs[0], account_id, contact_id, step=f"s{n}")
        return runs[0]

    return in_book(make)


@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/tasks", "/api/v1/mails", "/api/v1/accounts"])
def test_lists_are_read_page_by_page(client, filled, path):
    seen, after = [], ""
    for _ in range(10):
        page = client.get(path, params={"limit": 2, "after": after}).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == (1 if path.endswith("accounts") else 3)


def test_one_run_and_one_mail_can_be_read(client, filled):
    run = client.get(f"/api/v1/runs/{filled}").json()
    assert run["run"]["account"] == "acme"
    assert run["trace"][0]["what"] == "task"
    mail = client.get(f"/api/v1/mails/{run['mails'][0]['id']}").json()
    assert mail["plain"] == "Hello Ada"


ROUTES = [
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/runs/1"),
    ("POST", "/api/v1/runs"),
    ("GET", "/api/v1/tasks"),
    ("GET", "/api/v1/tasks/1"),
    ("POST", "/api/v1/tasks/1/complete"),
    ("GET", "/api/v1/mails"),
    ("GET", "/api/v1/mails/1"),
    ("GET", "/api/v1/accounts"),
    ("GET", "/api/v1/accounts/acme/explain"),
    ("POST", "/api/v1/facts"),
]


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"/api/v1/{kind}/{row_id}"
            for kind in ("runs", "tasks", "mails")
            for row_id in ("4711", "0", "-1", "x", "9" * 40, "1.5")
        ),
        "/api/v1/accounts/nobody/explain",
        "/api/v1/nothing",
        "/api/v2/runs",
        "/api",
    ],
)
def test_what_is_not_there_is_a_404(empty, path):
    is_problem(empty.get(path), 404)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        *((f"/api/v1/{kind}", {"after": "x"}) for kind in ("runs", "tasks", "mails", "accounts")),
        *(
            (f"/api/v1/{kind}", {"limit": limit})
            for kind in ("runs", "tasks", "mails", "accounts")
            for limit in ("0", "501", "x")
        ),
        ("/api/v1/runs", {"state": "closed"}),
        ("/api/v1/tasks", {"view": "mine"}),
        ("/api/v1/mails", {"state": "lost"}),
        ("/api/v1/runs", {"stuck": "perhaps"}),
        ("/api/v1/runs", {"account": "a" * 201}),
        ("/api/v1/tasks", {"after": "2026-01-01T00:00:00_1"}),
    ],
)
def test_a_wrong_parameter_is_named(empty, path, params):
    body = is_problem(empty.get(path, params=params), 422)
    assert next(iter(params)) in body["problems"][0]["at"]


@pytest.mark.parametrize("path", ["/api/v1/runs?account=a%00", "/api/v1/accounts/%00/explain", "/tasks?done=%00"])
def test_an_address_with_nul_is_refused(empty, path):
    assert empty.get(path).status_code == 400


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_method_is_refused(empty, method, path):
    is_problem(empty.request("DELETE", path), 405)


@pytest.mark.parametrize("body", [{}, [], None, {"playbook": "p"}, {"playbook": "p", "account": "a", "by": ""}])
def test_a_start_needs_playbook_account_and_person(empty, body):
    is_problem(empty.post("/api/v1/runs", json=body), 422)


def test_an_unknown_playbook_cannot_be_started(empty):
    body = is_problem(empty.post("/api/v1/runs", json={"playbook": "p", "account": "a", "by": "kim"}), 404)
    assert '"p"' in body["detail"]


# --- the key of the environment ---


@pytest.fixture(scope="session")
def guarded(empty_engine):
    app = create_app(WebDeps(engine=empty_engine, temporal_answers=alive, api_token="s3cret-tökén"))
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/api/nothing")])
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic s3cret", b"Bearer s3cret-t\xff", b"\xff\xfe"]
)
def test_everything_under_api_asks_for_a_key(guarded, method, path, header):
    headers = {} if header is None else {"authorization": header}
    answer = guarded.request(method, path, headers=headers)
    is_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_token_opens(guarded):
    headers = {"authorization": "Bearer s3cret-tökén".encode()}
    assert guarded.get("/api/v1/runs", headers=headers).status_code == 200


def test_the_token_is_asked_for_before_the_body_is_read(guarded):
    is_problem(guarded.post("/api/v1/facts", content=b" " * (17 * 1024 * 1024)), 401)


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/openapi.json"])
def test_probes_and_the_description_need_no_key(guarded, path):
    assert guarded.get(path).status_code == 200


def test_the_token_shows_nowhere(empty_engine):
    assert "s3cret" not in repr(WebDeps(engine=empty_engine, temporal_answers=alive, api_token="s3cret"))


# --- description ---


def test_the_description_names_facts_and_problems(empty):
    described = empty.get("/api/v1/openapi.json").json()
    assert "AccountFact" in described["components"]["schemas"]
    assert "Problem" in described["components"]["schemas"]
    assert "application/problem+json" in json.dumps(described)


# --- explaining and starting, deployed ---


@pytest.fixture
def deployed(in_book):
    def make(book):
        book.playbook(RECOVERY, book.workspace())
        book.facts(book.account("acme/north"), account__segment="enterprise", account__lifecycle="live", seen=1)

    in_book(make)


def test_whatever_the_api_gives_many_of_comes_in_pages(empty):
    described = empty.get("/api/v1/openapi.json").json()
    answers = {
        path: methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        for path, methods in described["paths"].items()
        if "application/json" in methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    }
    assert {path for path, schema in answers.items() if schema.get("type") == "array"} == set()
    assert sum("Page_" in schema.get("$ref", "") for schema in answers.values()) > 15


def test_an_account_is_explained_whatever_its_key(client, deployed):
    answer = client.get("/api/v1/accounts/acme%2Fnorth/explain")
    assert answer.status_code == 200, answer.text
    [playbook] = answer.json()["playbooks"]
    assert playbook["verdict"] == "waiting"
    assert playbook["triggers"][0]["trips"]["holds"] is None


@pytest.mark.parametrize(
    ("account", "playbook"), [("acme/north", "other"), ("nobody", ""), ("nobody", "risk-recovery")]
)
def test_what_cannot_be_explained_is_a_404(client, deployed, account, playbook):
    is_problem(client.get(f"/api/v1/accounts/{account}/explain", params={"playbook": playbook}), 404)


def test_a_playbook_is_started_by_hand_once(client, deployed):
    start = {"playbook": "risk-recovery", "account": "acme/north", "by": "kim"}
    answer = client.post("/api/v1/runs", json=start)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"state": "started", "why": None, "run_id": answer.json()["run_id"]}
    [run] = client.get("/api/v1/runs").json()["items"]
    assert run["id"] == answer.json()["run_id"]
    # The virtual clock stands, so the second one falls on the very same instant.
    again = client.post("/api/v1/runs", json=start)
    assert again.status_code == 409 or again.json()["state"] == "not_started"


@pytest.mark.parametrize(("change", "status"), [({"playbook": "risk"}, 404), ({"account": "acme"}, 404)])
def test_a_start_of_nothing_is_refused(client, deployed, change, status):
    start = {"playbook": "risk-recovery", "account": "acme/north", "by": "kim"}
    is_problem(client.post("/api/v1/runs", json=start | change), status)


# --- parameters ---


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("/api/v1/runs?acount=acme", 'did you mean "account"?'),
        ("/api/v1/runs?account=acme&page=2", "known: account,"),
        ("/api/v1/tasks/1?full=yes", "this address takes none"),
    ],
)
def test_a_parameter_that_there_is_not_is_named_and_not_answered_with_everything(client, address, hint):
    body = is_problem(client.get(address), 422)
    assert hint in body["what_to_do"]
    assert client.get("/api/v1/runs?account=acme&limit=5").status_code == 200


def test_a_write_with_a_parameter_that_there_is_not_changes_nothing(client, engine):
    is_problem(client.post("/api/v1/facts?dry_run=true", json=[ACCOUNT]), 422)
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.account.c.key)).scalars().all() == []


@pytest.mark.parametrize("probe", ["/healthz", "/readyz"])
def test_probes_answer_head_as_monitors_ask(client, probe):
    answer = client.head(probe)
    assert answer.status_code == client.get(probe).status_code
    assert answer.content == b""
