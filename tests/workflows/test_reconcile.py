"""Open runs whose workflow is gone or closed in Temporal, a Temporal that is away, and acts that cannot succeed."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from engine.facts import AccountFact, PersonFact
from engine.project import read_project
from store import clock
from store.deciding.enrolment import CannotEnrol, enrol
from store.deciding.sweep import sweep
from store.deploying.deploy import Publication, deploy
from store.inbox import tasks
from store.intake import take_in
from store.running import runs
from store.schema import run, task, trace
from tests.databases import engine_of
from tests.e2e.test_equality import stored_ports
from tests.waiting import PATIENCE, until_answered
from tests.web.signed_in import Browser, app_over
from workflows.acts import PERFORM
from workflows.outbox import Deliverer, TemporalAway
from workflows.reconcile import reconcile
from workflows.worker import playbook_worker

WORKSPACE = b"name: W\nzone: UTC\nroles:\n  staff: { csm: account.csm }\n"
TWICE = b"""
playbook: twice
title: Two tasks
owner: ops@tenure.example
audience: account.name is known
triggers: [{ manual: true }]
steps:
  - id: first
    task: { title: First, assign: csm }
  - id: second
    task: { title: Second, assign: csm }
  - end: { reason: done }
"""


class Small:
    """One run of `twice` under way, with its task `first` open."""

    def __init__(self, database: str, client: Client) -> None:
        self.database, self.client = engine_of(database), client
        self.key, self.queue = uuid.uuid4().hex[:8], f"test-{uuid.uuid4().hex[:8]}"
        self.deliverer = Deliverer(self.database, client, virtual=False, queue=self.queue)

    def begin(self) -> None:
        project = read_project({"tenure.yaml": WORKSPACE, "twice/playbook.yaml": TWICE})
        compiled = project.playbooks["twice"].compiled
        assert project.workspace
        assert compiled
        with self.database.begin() as conn:
            now = clock.now(conn)
            take_in(conn, [PersonFact(key="kim", name="Kim")], known_at=now)
            take_in(conn, [AccountFact(key=self.key, fields={"account.name": "Acme", "csm": "kim"})], known_at=now)
            deploy(conn, project.workspace, [Publication(compiled=compiled, source="", texts={})], now)
        sweep(self.database, wait=True)
        with self.database.begin() as conn:
            answer = enrol(conn, "twice", self.key, "test")
        assert not isinstance(answer, CannotEnrol)

    async def until(self, statement: Any) -> Any:
        """Deliver until the statement finds something."""

        async def rows() -> Any:
            await self.deliverer.deliver_all()
            with self.database.connect() as conn:
                return conn.execute(statement).all()

        return (await until_answered(rows))[0]

    def complete(self, step: str) -> None:
        with self.database.begin() as conn:
            number = conn.execute(sa.select(task.c.id).where(task.c.step == step)).scalar_one()
            tasks.complete(conn, number, "done", None, "kim", clock.now(conn))


@pytest.fixture
async def small(database: str, temporal_client: Client) -> AsyncIterator[Small]:
    small = Small(database, temporal_client)
    small.begin()
    async with playbook_worker(temporal_client, small.database, stored_ports(), queue=small.queue):
        yield small


def given(step: str) -> Any:
    return sa.select(task).where(task.c.step == step, task.c.state == "open")


ENDED = sa.select(run.c.outcome, run.c.reason).where(run.c.state == "ended")


async def test_a_workflow_that_was_terminated_ends_its_run_as_failed_with_the_reason(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small.until(given("first"))
    assert (await reconcile(small.database, small.client))["fine"] == 1
    monkeypatch.setattr("workflows.reconcile._CLOSED_FOR", timedelta(hours=1))
    await small.client.get_workflow_handle(f"twice/{small.key}/1").terminate("by hand")
    found = await reconcile(small.database, small.client)
    assert found["closing"] == 1, "a worker may just be writing its end"
    monkeypatch.setattr("workflows.reconcile._CLOSED_FOR", timedelta(0))
    assert (await reconcile(small.database, small.client))["failed"] == 1
    assert await small.until(ENDED) == ("failed", "its workflow is terminated in Temporal")
    with small.database.connect() as conn:
        assert conn.execute(sa.select(task.c.state)).scalar_one() == "withdrawn"


async def test_a_run_that_temporal_has_open_after_its_end_is_closed_there(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small.until(given("first"))
    with small.database.begin() as conn:
        number = conn.execute(sa.select(run.c.id)).scalar_one()
        runs.end(conn, number, outcome="end", reason="done", at=clock.now(conn))
    monkeypatch.setattr("workflows.reconcile._CLOSED_FOR", timedelta(0))
    handle = small.client.get_workflow_handle(f"twice/{small.key}/1")

    async def closed() -> int:
        return (await reconcile(small.database, small.client))["closed"]

    # Temporal lists a run a moment after it has begun.
    assert await until_answered(closed) == 1
    assert (await handle.describe()).status == WorkflowExecutionStatus.TERMINATED
    assert await small.until(ENDED) == ("end", "done")
    assert await closed() == 0


async def test_telling_a_run_that_temporal_does_not_know_is_noticed(small: Small) -> None:
    await small.until(given("first"))
    await small.client.get_workflow_handle(f"twice/{small.key}/1").terminate("by hand")
    assert not small.deliverer.lost
    small.complete("first")
    await small.deliverer.deliver_all()
    assert small.deliverer.lost


async def test_a_lost_run_that_is_started_again_while_it_is_told_something_hears_of_that(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small.until(given("first"))
    await forgotten(small.client, f"twice/{small.key}/1")
    small.complete("first")
    settle = Deliverer._settle
    started_again: list[Future[dict[str, int]]] = []

    def settle_late(deliverer: Deliverer, *told: Any) -> int:
        if not started_again:
            started_again.append(asyncio.run_coroutine_threadsafe(reconcile(small.database, small.client), loop))
            assert started_again[0].result(PATIENCE)["restarted"] == 1
        return settle(deliverer, *told)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Deliverer, "_settle", settle_late)
    await small.until(given("second"))
    small.complete("second")
    assert await small.until(ENDED) == ("end", "done")


async def forgotten(client: Client, workflow_id: str) -> None:
    """Have Temporal forget a workflow."""
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
    await client.workflow_service.delete_workflow_execution(request)

    async def is_gone() -> bool:
        try:
            await client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            return error.status == RPCStatusCode.NOT_FOUND
        return False

    await until_answered(is_gone)


async def test_a_task_completed_while_temporal_is_away_takes_effect_when_it_is_back(small: Small) -> None:
    await small.until(given("first"))
    nowhere = await Client.connect("127.0.0.1:1", lazy=True)

    async def unreachable() -> bool:
        raise ConnectionError("no route")

    def complete() -> tuple[int, int]:
        with small.database.connect() as conn:
            number = conn.execute(sa.select(task.c.id)).scalar_one()
        with Browser(app_over(small.database, temporal_answers=unreachable)) as client:
            said = client.post(f"/api/v1/tasks/{number}/complete", json={"outcome": "done", "by": "kim"})
            return said.status_code, client.get("/readyz").status_code

    assert await asyncio.to_thread(complete) == (200, 503)
    with pytest.raises(TemporalAway):
        await Deliverer(small.database, nowhere, virtual=False, queue=small.queue).deliver_all()
    with small.database.connect() as conn:
        assert conn.execute(sa.select(task.c.step, task.c.state)).all() == [("first", "done")]
    await small.until(given("second"))


async def test_a_fact_that_comes_without_the_one_before_it_waits_for_that_one(small: Small) -> None:
    await small.until(given("first"))
    small.complete("first")
    with small.database.begin() as conn:
        # As if Temporal had taken it and lost it.
        conn.execute(sa.text("update outbox set delivered_at = created_at where n = 2"))
        conn.execute(sa.text("update run set outbox_n = outbox_n + 1"))
        conn.execute(
            sa.text(
                "insert into outbox (run_id, n, kind, fact, created_at) select run_id, 3, 'tell', "
                """jsonb_build_object('n', 3, 'at', fact->>'at', 'kind', 'wake', 'of', '', 'values', '{}'::jsonb), """
                "created_at from outbox where n = 2"
            )
        )
    await small.until(given("second"))
    small.complete("second")
    assert await small.until(ENDED) == ("end", "done")


async def test_an_act_that_breaks_every_time_puts_the_run_into_the_error_queue(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    await small.until(given("first"))

    def break_down(*_: Any) -> Any:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setitem(PERFORM, "task", break_down)
    small.complete("first")
    stuck = await small.until(sa.select(trace.c.detail).where(trace.c.what == "stuck"))
    assert stuck.detail["reason"] == "ZeroDivisionError: a fault of ours"
    assert (await small.until(sa.select(run.c.standing).where(run.c.standing == "stuck"))).standing == "stuck"
