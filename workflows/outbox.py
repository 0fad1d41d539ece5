"""Delivers the outbox to Temporal: starts and facts, per run in order, at least once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from engine.turns.runtime import Fact
from store.running import outbox
from workflows.wire import PLAYBOOK_QUEUE, TELL, Begin, First

_log = structlog.get_logger(__name__)
_AT_ONCE = 20
"""Calls under way at most; fewer while Temporal says that it is too much."""
_TOO_MUCH = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.UNAVAILABLE)
_ACCOUNT = SearchAttributeKey.for_keyword("TenureAccount")
_PLAN = SearchAttributeKey.for_keyword("TenurePlan")


class TemporalAway(Exception):
    """Temporal did not answer; what was not delivered stays in the outbox."""


class Deliverer:
    """One pass takes what is due and holds it by its open transaction, so that several workers share the work."""

    def __init__(self, database: sa.Engine, client: Client, *, virtual: bool, queue: str = PLAYBOOK_QUEUE) -> None:
        self._database, self._client = database, client
        self._virtual, self._queue = virtual, queue
        self.at_once = _AT_ONCE
        """Halved by a pass in which Temporal was asked for too much, and one more after each in which it was not."""
        self.lost = False
        """Temporal does not know a run that is open: it has lost it, or somebody ended it there."""

    async def deliver_all(self) -> int:
        """Until nothing is left; how many runs were told."""
        total = 0
        while told := await self._pass():
            total += told
        return total

    async def _pass(self) -> int:
        conn = await asyncio.to_thread(self._database.connect)
        try:
            # What is held, is held by the real clock: it is for people's second thoughts.
            batches = await asyncio.to_thread(outbox.batches, conn, 200, at=datetime.now(UTC))
            if not batches:
                return 0
            gate = asyncio.Semaphore(self.at_once)
            notes = await asyncio.gather(*(self._deliver(batch, gate) for batch in batches), return_exceptions=True)
            lost = await asyncio.to_thread(self._settle, conn, batches, notes)
            failed = [note for note in notes if isinstance(note, BaseException)]
            self._adapt(failed)
            if failed and len(failed) == len(batches):
                raise TemporalAway(str(failed[0])) from failed[0]
            return len(batches) - len(failed) - lost
        finally:
            await asyncio.to_thread(conn.close)

    def _adapt(self, failed: Sequence[BaseException]) -> None:
        if any(isinstance(error, RPCError) and error.status in _TOO_MUCH for error in failed):
            self.at_once = max(1, self.at_once // 2)
        else:
            self.at_once = min(_AT_ONCE, self.at_once + 1)

    def _settle(
        self, conn: sa.Connection, batches: Sequence[outbox.Batch], notes: Sequence[str | BaseException | None]
    ) -> int:
        """How many runs are lost. What they are to be told stays here: the reconciler may have started one again
        meanwhile, which would never hear of what it was not told then."""
        lost, delivered = 0, list[int]()
        for batch, note in zip(batches, notes, strict=True):
            if isinstance(note, BaseException):
                _log.warning("outbox.undelivered", run=batch.run_id, error=str(note))
            elif note is not None and outbox.is_open(conn, batch.run_id):
                lost += 1
            elif note is not None:
                outbox.delivered(conn, batch.ids, note)
            else:
                delivered += batch.ids
        if delivered:
            outbox.delivered(conn, delivered)
        conn.commit()
        self.lost = self.lost or lost > 0
        return lost

    async def _deliver(self, batch: outbox.Batch, gate: asyncio.Semaphore) -> str | None:
        facts = [Fact(**fact) for fact in batch.facts]
        async with gate:
            if batch.start is not None and await self._start(batch, batch.start, facts):
                return None
            return await self._tell(batch, facts) if facts else None

    async def _start(self, batch: outbox.Batch, start: outbox.Start, facts: list[Fact]) -> bool:
        """Start the run, telling it at once what is known; False when it runs already and must be told by signal."""
        begin = Begin(
            run_id=start.run_id,
            account=start.account_key,
            at=start.at,
            virtual=self._virtual,
            position=start.position,
            first=None if start.first is None else First(fields=start.first.fields, values=start.first.values),
        )
        try:
            await self._client.start_workflow(
                start.playbook,
                args=[start.plan, begin],
                id=batch.workflow_id,
                task_queue=self._queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(_ACCOUNT, start.account_key[:200]),
                        SearchAttributePair(_PLAN, start.plan_hash),
                    ]
                ),
                start_signal=TELL if facts else None,
                start_signal_args=[facts] if facts else [],
                # Where a worker of this process has room, it begins without a way through the queue.
                request_eager_start=not facts,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _tell(self, batch: outbox.Batch, facts: list[Fact]) -> str | None:
        try:
            await self._client.get_workflow_handle(batch.workflow_id).signal(TELL, facts)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            # The end crossed with the fact; or else the run is open and lost, which is for the reconciler.
            return "the run was not there any more"
        return None
