"""Turns that Temporal never heard of are taken again: what came of them is then heard before they are walked."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partialmethod
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.interpreter import Run, fresh, play
from engine.simulation import SimulatedRun
from engine.turns.position import Position
from engine.turns.runtime import Act, Entry, Fact, Receipt, Values, Waiting
from tests.authoring import compiled, with_steps
from tests.journeys import random_journey
from tests.walking import simulate


class Forgetting:
    """Has every run forget its last turns as soon as something came of them, at the same instant.

    As with a worker that dies, or a continue-as-new that crosses with a signal: acts are in the ledger, lines in the
    trace, and the signal is handled before anything is walked again.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.times = 0
        self._before: dict[SimulatedRun, tuple[str, datetime]] = {}
        self._ledger: dict[tuple[SimulatedRun, str, str, int], Receipt] = {}
        self._read: dict[tuple[SimulatedRun, datetime, int, tuple[str, ...]], Values] = {}
        self._own: dict[str, Any] = {}
        changed = {
            "deliver": self._deliver,
            "go_on": self._go_on,
            "note": self._note,
            "read": self._reads,
            "act": self._act,
            "_follow": self._follow,
        }
        for name, method in changed.items():
            self._own[name] = getattr(SimulatedRun, name)
            patch.setattr(SimulatedRun, name, partialmethod(_called, method))

    def _deliver(self, run: SimulatedRun, now: datetime) -> bool:
        ends = any(fact.kind in ("end", "pause") for fact in run._letters)
        if run._letters and not ends and not run.over and self._before.get(run, ("", None))[1] == now:
            self._forget(run)
        return bool(self._own["deliver"](run, now))

    def _go_on(self, run: SimulatedRun) -> None:
        self._before[run] = run.run.position.model_dump_json(), run._clock
        self._own["go_on"](run)

    def _note(self, run: SimulatedRun, entry: Entry) -> None:
        """As `store.running.runs.note`: a line that is there stays, and what walks otherwise is numbered behind."""
        taken = {line.seq for line in run.trace}
        alike = [line for line in run.trace if (line.path, line.what) == (entry.path, entry.what)]
        if entry.seq not in taken:
            self._own["note"](run, entry)
        elif not any(line.at == entry.at or line.seq == entry.seq for line in alike):
            self._own["note"](run, replace(entry, seq=max(taken) + 1))

    async def _reads(self, run: SimulatedRun, fields: Sequence[str]) -> Values:
        """The same again: what its own acts have changed could send the run another way, which is no fault."""
        key = (run, run._clock, run.run.position.seq, tuple(fields))
        if key not in self._read:
            self._read[key] = await self._own["read"](run, fields)
        return self._read[key]

    async def _act(self, run: SimulatedRun, acts: Sequence[Act]) -> Sequence[Receipt]:
        keys = [(run, one.path, one.verb, one.visit) for one in acts]
        for key, one in zip(keys, acts, strict=True):
            if key not in self._ledger:
                [self._ledger[key]] = await self._own["act"](run, [one])
        return [self._ledger[key] for key in keys]

    def _follow(self, run: SimulatedRun, waiting: Sequence[Waiting]) -> None:
        self._own["_follow"](run, waiting)
        for one in waiting:
            if run.watches[one.key].met:
                # As `store.running.watches.already_met` says again.
                run.run.position.inbox.met.setdefault(one.key, run._clock)

    def _forget(self, run: SimulatedRun) -> None:
        self.times += 1
        position = Position.model_validate_json(self._before[run][0])
        for fact in run._letters:
            position.inbox.hear(fact)
        run._playing.close()
        run.run = Run(run.compiled.plan, position, run.note, account="acme")
        run._playing = play(run.run, run)
        run.go_on()


def _called(run: SimulatedRun, method: Callable[..., Any], *args: Any) -> Any:
    return method(run, *args)


@given(st.integers(min_value=0, max_value=10_000))
@example(76)
@example(87)
@example(193)
def test_a_run_that_hears_what_came_of_turns_it_must_take_again_ends_as_ever(seed: int) -> None:
    """In rounds of a repeat above all, where what was heard before does not count. The last lines may differ: side by
    side, branches that know already how their acts went may go first."""
    journey = random_journey(seed)
    undisturbed = simulate(journey)
    with pytest.MonkeyPatch.context() as patch:
        Forgetting(patch)
        forgetful = simulate(journey)
    assert forgetful.ending == undisturbed.ending


def test_turns_are_forgotten_indeed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        forgetting = Forgetting(patch)
        simulate(random_journey(76))
    assert forgetting.times > 0


def test_an_order_heard_before_the_failure_that_it_answers_is_followed() -> None:
    """A person has answered what the run reported, and the run must walk there once more."""
    compilation = compiled(with_steps("  - id: mark\n    set: { account.note: seen }\n"))
    assert compilation.compiled is not None
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    run = Run(compilation.compiled.plan, fresh(at), lambda _entry: None)
    run.hear(Fact(n=2, at=at, kind="retry", of="mark", values={"do": "skip"}))
    turn = run.advance(at)
    assert turn is not None
    turn.acts[0].answer = Receipt(outcome="failed", reason="nobody knows this field")
    turn = run.advance(at)
    assert turn is not None
    assert [ask.question.verb for ask in turn.acts if isinstance(ask.question, Act)] == ["end"]
