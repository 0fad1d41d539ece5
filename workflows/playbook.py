"""The playbook workflow: one account carried through one plan. Its Temporal type is the playbook's id.

Translates between Temporal and the interpreter and decides nothing itself.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from engine.interpreter import Run, fresh, play
    from engine.plan import Plan
    from engine.turns.position import Position
    from engine.turns.runtime import Act, Entry, Fact, Receipt, Rest, Standing, Values
    from workflows.plans import decode_plan
    from workflows.wire import TELL, Begin, Performing, Reading, Resting

_NEAR = timedelta(seconds=60)
"""While the real clock is this near, the run keeps its own: waits do not drift, and equal deadlines ring together.
Well above an act's time-out, so that a worker lost in an act shifts nothing."""
_ACT_TIMEOUT = timedelta(seconds=15)
_SHORTEST_TIMER = timedelta(seconds=1)
_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


class _ContinueAsNew(Exception):
    """The history is long: go on in a new one."""


@workflow.defn(dynamic=True, sandboxed=False)
class PlaybookWorkflow:
    """Unsandboxed: all it runs is `engine`, which is kept pure by lint; a test runs it in the sandbox."""

    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        self._raw_plan = args[0]
        plan: Plan = decode_plan(args[0].payload.data)
        self._begin = workflow.payload_converter().from_payload(args[1].payload, Begin)
        carried = self._begin.position
        position = Position.model_validate(carried) if carried else fresh(self._begin.at)
        self._runtime = TemporalRuntime(self._begin, position)
        self._run = Run(plan, position, self._runtime.note, account=self._begin.account)

    @workflow.run
    async def run(self, _args: Sequence[RawValue]) -> Any:
        try:
            ending = await play(self._run, self._runtime)
        except _ContinueAsNew:
            await workflow.wait_condition(workflow.all_handlers_finished)
            position = self._runtime.position().model_dump(mode="json")
            begin = Begin(
                run_id=self._begin.run_id,
                account=self._begin.account,
                at=self._begin.at,
                virtual=self._begin.virtual,
                position=position,
                longest_history=self._begin.longest_history,
            )
            workflow.continue_as_new(args=[self._raw_plan, begin])
        return {"outcome": ending.outcome, "reason": ending.reason}

    @workflow.signal(name=TELL)
    def tell(self, facts: list[Fact]) -> None:
        """Facts in the order of their outbox numbers; those of one signal are heard together."""
        for fact in facts:
            if fact.n > self._run.position.inbox.heard + 1:
                # To hear this one first would be to take the other for a repeat.
                self._runtime.missed = True
                return
            if self._run.hear(fact):
                self._runtime.heard(fact)

    @workflow.query(name="position")
    def position(self) -> Mapping[str, Any]:
        """Where the run is: for the curious engineer."""
        return self._run.position.model_dump(mode="json")


class TemporalRuntime:
    """engine.turns.runtime.Runtime on Temporal: acts, reads and rests as local activities, one event each."""

    def __init__(self, begin: Begin, position: Position) -> None:
        self._begin = begin
        self._position = position
        self._clock = position.clock
        self._entries: list[Entry] = []
        self._watched = begin.position is not None
        """Whether the store may watch something for this run."""
        # Whoever goes on from somewhere, or has acted, may have changed what was read.
        self._first = begin.first if begin.position is None else None
        self._then: Standing | None = None
        """Where the last act has left the run, if it wrote that."""
        self.missed = False
        """A fact was lost on its way to here; the store is to tell it again."""

    def position(self) -> Position:
        """To go on from elsewhere: with the clock of the last fact heard, which no turn may have seen yet."""
        self._position.clock = max(self._position.clock, self._clock)
        return self._position

    def now(self) -> datetime:
        if self._begin.virtual:
            return self._clock
        actual = workflow.now()
        if abs(actual - self._clock) > _NEAR:
            self._clock = max(self._clock, actual)
        return self._clock

    def heard(self, fact: Fact) -> None:
        """Facts move the run's clock to their own instant; under the real clock only while that is near."""
        if self._begin.virtual or abs(workflow.now() - fact.at) <= _NEAR:
            self._clock = max(self._clock, fact.at)

    def note(self, entry: Entry) -> None:
        self._entries.append(entry)

    async def read(self, fields: Sequence[str]) -> Values:
        first, self._first = self._first, None
        if first and self.now() == self._begin.at and first.answers(fields):
            return first.values
        reading = Reading(run_id=self._begin.run_id, fields=list(fields))
        values: dict[str, Any] = await self._ask("read", reading, dict)
        return values

    async def act(self, acts: Sequence[Act]) -> Sequence[Receipt]:
        self._first = None
        self._renew_if_long()
        entries, self._entries = self._entries, []
        # Several acts leave the run in several places, and a driver waits for every rest: then the rest is to say it.
        alone = len(acts) == 1 and not self._begin.virtual
        performing = [
            Performing(
                run_id=self._begin.run_id,
                at=self.now(),
                act=act if alone else replace(act, then=None),
                entries=entries if i == 0 else [],
                asked_at=workflow.now(),
            )
            for i, act in enumerate(acts)
        ]
        if len(performing) == 1:
            receipt: Receipt = await self._ask("perform", performing[0], Receipt)
            self._then = performing[0].act.then if receipt.outcome == "done" else None
            return [receipt]
        self._then = None
        receipts: list[Receipt] = await asyncio.gather(*(self._ask("perform", one, Receipt) for one in performing))
        return receipts

    async def rest(self, rest: Rest) -> None:
        heard = self._position.inbox.heard if self._is_said(rest) else await self._flush(rest)
        self._renew_if_long()
        if self._begin.virtual:
            # Whatever was heard meanwhile, the driver waits until the run rests again.
            await workflow.wait_condition(
                lambda: rest.ready() or self._reached(rest.until) or self.missed or self._position.inbox.heard > heard
            )
        elif rest.until is None:
            await workflow.wait_condition(lambda: rest.ready() or self.missed)
        else:
            await self._alarm(rest, rest.until)

    def _is_said(self, rest: Rest) -> bool:
        """The act before has written where the run stands, and there is nothing to watch, or to stop watching."""
        anything_else = rest.waiting or self._watched or rest.until or rest.stuck or self._entries or self.missed
        return not anything_else and self._then is not None and rest.standing == (self._then,)

    async def _flush(self, rest: Rest) -> int:
        """Write where the run rests; up to which fact it had heard then."""
        entries, self._entries, self._watched, self._then = self._entries, [], bool(rest.waiting), None
        heard = self._position.inbox.heard
        resting = Resting.of(
            self._begin.run_id,
            self._position,
            rest,
            at=self.now(),
            asked_at=workflow.now(),
            missed=self.missed,
            entries=entries,
        )
        self.missed = False
        met: list[str] = await self._ask("rest", resting, list)
        for key in met:
            self._position.inbox.met[key] = self.now()
        return heard

    async def _alarm(self, rest: Rest, until: datetime) -> None:
        left = until - workflow.now()
        if left > timedelta(0):
            summary = rest.standing[0].says[:100] if rest.standing else None
            heard = lambda: rest.ready() or self.missed  # noqa: E731 - read aloud where it is waited for
            with suppress(TimeoutError):
                await workflow.wait_condition(heard, timeout=max(left, _SHORTEST_TIMER), timeout_summary=summary)
                return
        if not rest.ready():
            self._clock = max(self._clock, until)

    def _reached(self, until: datetime | None) -> bool:
        return until is not None and self._clock >= until

    def _renew_if_long(self) -> None:
        if not self._entries and workflow.info().get_current_history_length() > self._begin.longest_history:
            raise _ContinueAsNew

    async def _ask(self, activity: str, question: Any, result: type) -> Any:
        return await workflow.execute_local_activity(
            activity, question, result_type=result, start_to_close_timeout=_ACT_TIMEOUT, retry_policy=_RETRY
        )
