import asyncio

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from store import schema
from store.postgres.database import engine_for
from tests.store.book import NOW
from tests.waiting import PATIENCE
from tests.web.signed_in import Browser, alive, app_over
from web import guards
from web.access import SESSION_COOKIE
from web.app import create_app
from web.deps import WebDeps
from web.routes import health


async def away() -> bool:
    return False


async def broken() -> bool:
    raise ConnectionError("no route to host")


async def silent() -> bool:
    await asyncio.Event().wait()
    return True


def test_alive_asks_nobody(engine):
    engine.dispose()
    with TestClient(create_app(WebDeps(engine=nowhere(), temporal_answers=broken))) as client:
        assert client.get("/healthz").json() == {"status": "alive"}


def test_ready_when_both_answer(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "postgresql": "ready", "temporal": "ready"}


@pytest.mark.parametrize("temporal", [away, broken, silent])
def test_not_ready_without_temporal(engine, monkeypatch, temporal):
    # PostgreSQL has to answer meanwhile, however slow the machine.
    monkeypatch.setattr(health, "_PATIENCE", 3.0 if temporal is silent else PATIENCE)
    with TestClient(create_app(WebDeps(engine=engine, temporal_answers=temporal))) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["temporal"] == "no answer"
    assert answer.json()["postgresql"] == "ready"


def nowhere() -> sa.Engine:
    return engine_for("postgresql://nobody@127.0.0.1:1/nothing")


def test_without_a_database_everything_says_so_and_nothing_breaks():
    with Browser(app_over(nowhere())) as client:
        client.cookies.set(SESSION_COOKIE, "of a session that nobody can look up now")
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["postgresql"]) == (503, "no answer")
        for path in ("/api/v1/runs", "/api/v1/accounts/acme/explain"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "5"
        assert client.post("/api/v1/facts", json=[{"kind": "account", "key": "a"}]).status_code == 503
        page = client.get("/")
        assert page.status_code == 503
        assert "Database away" in page.text
        assert "tenure_database_up 0.0" in client.get("/metrics").text


@pytest.mark.parametrize(("path", "text"), [("/runs", "text/html"), ("/api/v1/runs", "application/problem+json")])
def test_a_database_that_says_why_it_takes_no_work_is_quoted(client, monkeypatch, path, text):
    def full(conn, *_, **__):
        conn.exec_driver_sql("do $$ begin raise exception 'base/16384/2' using errcode = 'disk_full'; end $$")

    monkeypatch.setattr("web.routes.runs.list_runs", full)
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (503, text)
    assert "PostgreSQL answers, but its disk is full; nothing was changed." in answer.text
    assert "base/16384" not in answer.text


def test_an_unmigrated_database_is_not_ready(engine, client):
    with engine.begin() as conn:
        conn.execute(sa.text("drop table alembic_version"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "migrate" in answer.json()["postgresql"]


def test_a_database_that_takes_no_changes_is_not_ready_until_it_does(database):
    own = engine_for(database, pool_size=1)
    name = own.url.database
    with TestClient(create_app(WebDeps(engine=own, temporal_answers=alive))) as client, own.connect() as before:
        setting = f"alter database {name} set default_transaction_read_only ="
        before.execution_options(isolation_level="AUTOCOMMIT")
        before.execute(sa.text(f"{setting} on"))
        answer = client.get("/readyz")
        before.execute(sa.text(f"{setting} off"))
        assert (answer.status_code, answer.json()["postgresql"]) == (503, "read-only; it takes no changes")
        assert client.get("/readyz").status_code == 200
    own.dispose()


def test_metrics_count_what_the_database_holds(client, in_book):
    def make(book):
        account_id = book.account()
        run_id = book.run(account_id, standing="stuck")
        book.task(run_id, account_id)
        book.mail(run_id, account_id, book.contact(account_id))
        book.conn.execute(sa.insert(schema.outbox).values(run_id=run_id, n=1, kind="start", created_at=NOW))
        book.conn.execute(sa.insert(schema.sweep).values(at=NOW, finished=True))

    in_book(make)
    client.get("/runs/4711")
    client.request("BREW", "/pot")
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }
    assert found["tenure_database_up",] == 1
    assert found["tenure_runs", ("state", "stuck")] == 1
    assert found["tenure_tasks_open",] == 1
    assert found["tenure_mails", ("state", "prepared")] == 1
    assert found["tenure_outbox_waiting",] == 1
    assert found["tenure_sweep_age_seconds",] == 0
    labels = (("method", "GET"), ("route", "/runs/{run_id}"), ("status", "404"))
    assert found["tenure_request_seconds_count", *labels] == 1
    assert found["tenure_request_seconds_count", ("method", "other"), ("route", "unmatched"), ("status", "404")] == 1


def test_two_apps_count_for_themselves(engine):
    for _ in range(2):
        with TestClient(create_app(WebDeps(engine=engine, temporal_answers=alive))) as client:
            assert "tenure_request_seconds_count{" not in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/api/v1/runs", "/runs"])
def test_a_fault_of_ours_is_logged_and_answered_without_a_traceback(client, monkeypatch, caplog, path):
    monkeypatch.setattr("web.routes.runs.list_runs", lambda *_, **__: 1 / 0)
    answer = client.get(path)
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == guards.PAGE_POLICY
    assert "a request failed: GET" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_pages_say_that_the_database_is_away_and_go_on_by_themselves(client, engine):
    """The server lets nobody in for a while, and cuts whoever is in: as when it is started again."""
    name = engine.url.database
    elsewhere = engine_for(engine.url.set(database="tenure").render_as_string(hide_password=False))
    with elsewhere.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        assert client.get("/runs").status_code == 200
        conn.exec_driver_sql(f"alter database {name} allow_connections false")
        conn.exec_driver_sql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
        page = client.get("/runs")
        assert (page.status_code, page.headers["retry-after"]) == (503, "5")
        assert "Database away" in page.text
        assert client.get("/api/v1/runs").status_code == 503
        assert client.get("/api/v1/runs", headers={"authorization": "Bearer of the database"}).status_code == 503
        assert client.post("/sign-in", data={"name": "kim", "password": "x"}).status_code == 503
        conn.exec_driver_sql(f"alter database {name} allow_connections true")
        assert client.get("/runs").status_code == 200
        assert client.get("/api/v1/runs").status_code == 200
    elsewhere.dispose()
