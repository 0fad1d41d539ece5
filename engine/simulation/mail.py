"""The streams in memory: they take what runs prepared, and tell them how it went and what the recipient did."""

from collections.abc import Sequence
from datetime import datetime

from engine.runtime import Act
from engine.simulation import outward
from engine.simulation.world import ActingRun, World


class MailStream:
    """Mails wait here until all runs have had their turn at an instant, as the virtual clock's driver has it."""

    def __init__(self) -> None:
        self._posted: list[tuple[ActingRun, Act]] = []

    def post(self, run: ActingRun, act: Act) -> None:
        self._posted.append((run, act))

    def recall(self, world: World, run: ActingRun, steps: Sequence[str]) -> None:
        """What these steps of a run have prepared does not leave any more."""
        posted, self._posted = self._posted, []
        for other, act in posted:
            if other is run and act.step in steps:
                _drop(world, act)
            else:
                self._posted.append((other, act))

    def settle(self, world: World, now: datetime) -> bool:
        """Send what is here; whether there was anything."""
        posted, self._posted = self._posted, []
        for run, act in posted:
            if run.over:
                _drop(world, act)
            else:
                _send(world, run, act, now)
        return bool(posted)


def _drop(world: World, act: Act) -> None:
    if act.verb == "survey":
        outward.unasked(world, act)


def _send(world: World, run: ActingRun, act: Act, now: datetime) -> None:
    if act.verb == "webhook":
        outward.answered(world, run, act, now)
        return
    outcome, events = world.people.mail(act.step)
    run.tell("mail", act.step, {"visit": act.visit, "outcome": outcome}, now)
    if act.verb == "survey":
        outward.surveyed(world, run, act, outcome, now)
    if outcome == "sent":
        for delay, event in events:
            world.at(now + delay, lambda at, event=event: _heard(run, act.step, event, at))  # type: ignore[misc]


def _heard(run: ActingRun, step: str, event: str, at: datetime) -> None:
    if event in run.compiled.plan.listens:
        run.tell("event", step, {"event": event}, at)
