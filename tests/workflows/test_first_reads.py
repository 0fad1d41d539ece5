"""What came with a run's start answers its first question alone: runs on a Temporal server, whose reads are counted."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from engine.interpreter import fresh
from engine.turns.runtime import Receipt
from tests.authoring import compiled, found, with_steps
from workflows.playbook import PlaybookWorkflow
from workflows.wire import Begin, First, Performing, Reading, Resting

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEATS_THEN, SEATS_NOW = 1.0, 9.0
DECIDE = """\
  - if: account.seats > 5
    then: [ { end: { reason: many } } ]
    else: [ { end: { reason: few } } ]
"""
ACT = "  - id: mark\n    set: { account.note: seen }\n"
BEGIN = partial(Begin, run_id=1, account="acme", at=AT, virtual=True)


class Store:
    """Knows more seats than what came with the start, and is asked for them."""

    def __init__(self) -> None:
        self.read: list[str] = []

    @activity.defn(name="read")
    async def reads(self, reading: Reading) -> dict[str, Any]:
        self.read += reading.fields
        return {"account.seats": SEATS_NOW, "place": {"zone": "UTC"}}

    @activity.defn(name="perform")
    async def perform(self, _performing: Performing) -> Receipt:
        return Receipt(outcome="done")

    @activity.defn(name="rest")
    async def rest(self, _resting: Resting) -> list[str]:
        return []


@pytest.mark.parametrize(
    ("steps", "begin", "reason"),
    [
        pytest.param(DECIDE, {}, "few", id="its first question"),
        pytest.param(DECIDE, {"position": fresh(AT).model_dump(mode="json")}, "many", id="it goes on from a position"),
        pytest.param(ACT + DECIDE, {}, "many", id="it has acted at the same instant"),
    ],
)
async def test_what_came_with_the_start_answers_the_first_question_of_a_new_run_alone(
    steps: str, begin: Mapping[str, Any], reason: str, temporal_client: Client
) -> None:
    first = First(fields=["account.seats", "place"], values={"account.seats": SEATS_THEN, "place": {"zone": "UTC"}})
    store, ending = await run(temporal_client, steps, BEGIN(first=first, **begin))
    assert ending["reason"] == reason
    # Its second question, which the same answer could have served, is asked in any case.
    assert store.read == (["place"] if reason == "few" else ["account.seats", "place"])


async def run(client: Client, steps: str, begin: Begin) -> tuple[Store, Mapping[str, Any]]:
    """What it asked, and how it ended."""
    compilation = compiled(with_steps(steps))
    assert found(compilation) == []
    assert compilation.compiled is not None
    store, name = Store(), f"first-{uuid.uuid4().hex[:8]}"
    activities: list[Callable[..., Any]] = [store.reads, store.perform, store.rest]
    async with Worker(client, task_queue=name, workflows=[PlaybookWorkflow], activities=activities):
        plan = compilation.compiled.plan.model_dump(mode="json")
        # A task that Temporal gives up waiting for is taken again, and asks again.
        patient = timedelta(minutes=2)
        ending = await client.execute_workflow(
            "rescue", args=[plan, begin], id=name, task_queue=name, task_timeout=patient
        )
    return store, ending
