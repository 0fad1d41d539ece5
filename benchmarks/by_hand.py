"""The journeys as a Temporal programmer writes them: no plan, no interpreter; acts, receipts and signals are the same.

What is left out is what Tenure adds to a workflow: walking a plan, resuming from a position, noting decisions.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from benchmarks.journeys import MAILS, MAILS_BY_HAND, TASKS, TASKS_BY_HAND, TEXTS
from engine.turns.runtime import Act, Fact, Receipt, Values
from workflows.wire import TELL, Begin, Performing

_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


class _Facts:
    """What a run was told."""

    def __init__(self) -> None:
        self.heard = 1
        self.settled: dict[str, Values] = {}
        self.ending: tuple[str, str] | None = None

    def hear(self, facts: list[Fact]) -> None:
        for fact in facts:
            if fact.n <= self.heard:
                continue
            self.heard = fact.n
            if fact.kind in ("mail", "task"):
                self.settled[fact.of] = fact.values
            elif fact.kind == "end":
                self.ending = self.ending or (fact.of, fact.values["reason"])

    async def of(self, step: str) -> bool:
        """Until the step is settled, or the run ended from outside: False."""
        await workflow.wait_condition(lambda: step in self.settled or self.ending is not None)
        return self.ending is None


@workflow.defn(name=MAILS_BY_HAND, sandboxed=False)
class MailsByHand:
    """Three mails, each after the one before was settled."""

    def __init__(self) -> None:
        self._facts = _Facts()

    @workflow.run
    async def run(self, plan: RawValue, begin: Begin) -> Any:  # noqa: ARG002 - the outbox brings a plan to everyone
        for n, name in enumerate(MAILS):
            params = {"text": TEXTS[name].hash, "template": name, "to": "champion", "mode": "first", "from": "csm"}
            receipt = await _perform(begin, _act("email", name, n, params))
            if receipt.values["outcome"] == "queued" and not await self._facts.of(name):
                break
        return await _end(begin, self._facts, len(MAILS))

    @workflow.signal(name=TELL)
    def tell(self, facts: list[Fact]) -> None:
        self._facts.hear(facts)


@workflow.defn(name=TASKS_BY_HAND, sandboxed=False)
class TasksByHand:
    """Two tasks, the second when the first is done."""

    def __init__(self) -> None:
        self._facts = _Facts()

    @workflow.run
    async def run(self, plan: RawValue, begin: Begin) -> Any:  # noqa: ARG002
        for n, name in enumerate(TASKS):
            texts = {"title": name.title() + " {{ account.name }}", "description": "", "checklist": []}
            params = texts | {"assign": "csm", "due": None, "outcomes": ["done"]}
            await _perform(begin, _act("task", name, n, params))
            if not await self._facts.of(name):
                break
        return await _end(begin, self._facts, len(TASKS))

    @workflow.signal(name=TELL)
    def tell(self, facts: list[Fact]) -> None:
        self._facts.hear(facts)


def _act(verb: str, step: str, n: int, params: dict[str, Any]) -> Act:
    return Act(step=step, path=f"steps[{n}]", verb=verb, visit=1, seq=n + 1, params=params)


async def _end(begin: Begin, facts: _Facts, n: int) -> dict[str, str]:
    outcome, reason = facts.ending or ("end", "worked through")
    await _perform(begin, _act("end", "", n, {"outcome": outcome, "reason": reason, "withdraw": outcome != "end"}))
    return {"outcome": outcome, "reason": reason}


async def _perform(begin: Begin, act: Act) -> Receipt:
    receipt: Receipt = await workflow.execute_local_activity(
        "perform",
        Performing(run_id=begin.run_id, at=workflow.now(), act=act),
        result_type=Receipt,
        start_to_close_timeout=timedelta(seconds=15),
        retry_policy=_RETRY,
    )
    return receipt
