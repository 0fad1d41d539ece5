"""Random journeys: a plan of all step kinds, facts that move, and people with habits, all from one seed.

The same journey is walked by the simulator and by the real thing; see test_interpreter.py and test_equality.py.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.catalogue import Field
from engine.expressions import Scope, parse_expression
from engine.plan import Compiled, Entry, Exit, Goal, Plan
from engine.steps import Step
from engine.steps.email import EmailStep
from engine.steps.end import EndStep
from engine.steps.if_ import Case, IfStep
from engine.steps.parallel import ParallelStep
from engine.steps.set_ import Assignment, SetStep
from engine.steps.task import TaskStep
from engine.steps.wait import WaitStep
from engine.steps.wait_for import WaitForStep
from engine.texts import MailText
from engine.triggers import Manual
from engine.values import Condition
from engine.workspace import Workspace, load_workspace

T0 = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 40
TEXT = MailText(subject="How is it going?", body="Hello.\n")
WORKSPACE_FILE = b"""
name: journeys
zone: Europe/Berlin
sender: { name: Team, address: team@tenure.test }
postal_address: Example Street 1
roles:
  contacts: { champion: [champion, any] }
  staff: { csm: account.csm, csm.manager: manager of csm }
fields:
  account.note: text
metrics:
  use: number
"""


def journey_workspace() -> Workspace:
    """The workspace all journeys take place in."""
    return load_workspace({"tenure.yaml": WORKSPACE_FILE})


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What people do, by step; the same for the simulator and the real thing."""

    tasks: dict[str, tuple[timedelta, str]]
    mails: dict[str, tuple[tuple[timedelta, str], ...]]

    def task(self, step: str, outcomes: Sequence[str]) -> tuple[timedelta, str] | None:
        return self.tasks.get(step)

    def mail(self, step: str) -> tuple[str, Sequence[tuple[timedelta, str]]]:
        return "sent", self.mails.get(step, ())


@dataclass(frozen=True, kw_only=True)
class Journey:
    """One random case."""

    seed: int
    compiled: Compiled
    habits: Habits
    uses: tuple[tuple[datetime, float | None], ...]
    """How metric.use moves."""
    events: tuple[datetime, ...]
    """When the account logs in."""


def random_journey(seed: int, *, deepest: int = 3) -> Journey:
    """A journey that depends on the seed alone."""
    return _Maker(seed).journey(deepest)


class _Maker:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seed = seed
        self._scope = Scope(catalogue=journey_workspace().catalogue())
        self._results: dict[str, Field] = {}
        self._mails: list[str] = []
        self._tasks: dict[str, tuple[str, ...]] = {}
        self._number = 0

    def journey(self, deepest: int) -> Journey:
        steps = self._sequence(deepest)
        chance = self._random.random
        goal = Goal(when=self._not_yet(), dwell=self._pick([None, "1 day", "3 days"])) if chance() < 0.4 else None
        exits = (Exit(when=self._not_yet(), reason="left"),) if chance() < 0.3 else ()
        plan = Plan(
            playbook=f"journey-{self._seed}",
            steps=steps,
            goal=goal,
            exits=exits,
            texts=(TEXT.hash,),
            listens=("email.clicked", "email.replied"),
        )
        compiled = Compiled(
            playbook=plan.playbook,
            title="A random journey",
            audience=self._condition("account.name is known or account.name is unknown"),
            triggers=(Manual(id="by-hand"),),
            entry=Entry(),
            plan=plan,
        )
        return Journey(
            seed=self._seed,
            compiled=compiled,
            habits=self._habits(),
            uses=tuple((self._moment(), self._pick([None, *map(float, range(0, 100, 10))])) for _ in range(8)),
            events=tuple(sorted(self._moment() for _ in range(4))),
        )

    def _habits(self) -> Habits:
        tasks = {
            step: (self._delay(), self._pick(outcomes))
            for step, outcomes in self._tasks.items()
            if self._random.random() < 0.7
        }
        mails = {
            step: tuple(
                (self._delay(), event) for event in ("email.clicked", "email.replied") if self._random.random() < 0.5
            )
            for step in self._mails
        }
        return Habits(tasks=tasks, mails=mails)

    def _sequence(self, deeper: int) -> tuple[Step, ...]:
        steps: list[Step] = []
        for _ in range(self._random.randint(1, 4)):
            step = self._step(deeper)
            steps.append(step)
            if step.kind == "end":
                break
        return tuple(steps)

    def _step(self, deeper: int) -> Step:
        leaves = [self._email, self._task, self._wait, self._set, self._wait_until]
        nests = [self._if, self._wait_for, self._parallel] if deeper > 0 else []
        if self._random.random() < 0.05:
            return EndStep(reason="done here")
        make: Any = self._pick([*leaves, *nests, *nests])
        step: Step = make(deeper - 1) if make in nests else make()
        return step

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number}"

    def _email(self) -> EmailStep:
        step = EmailStep(
            id=self._name("mail"),
            text=TEXT.hash,
            template="hello",
            to=self._pick(["champion", "champion", "exec"]),
            mode="exact",
        )
        self._mails.append(step.id)
        self._results[f"email.{step.id}.outcome"] = Field(name=f"email.{step.id}.outcome", type="text")
        self._results[f"email.{step.id}.clicked"] = Field(name=f"email.{step.id}.clicked", type="bool")
        return step

    def _task(self) -> TaskStep:
        wait = self._random.random() < 0.85
        step = TaskStep(
            id=self._name("task"),
            title="Do it",
            assign="csm",
            due=self._pick(["1 day", "2 business days"]),
            outcomes=("yes", "no"),
            remind=self._pick([None, "1 hour"]) if wait else None,
            escalate_after=self._pick([None, "1 day"]) if wait else None,
            escalate_to="csm.manager",
            give_up_after=self._pick(["5 days", "2 days", "12 hours"]),
            wait=wait,
        )
        self._tasks[step.id] = step.outcomes
        self._results[f"task.{step.id}.outcome"] = Field(name=f"task.{step.id}.outcome", type="text")
        return step

    def _wait(self) -> WaitStep:
        if self._random.random() < 0.2:
            return WaitStep(day=self._pick(["monday", "friday", "business_day"]), time=self._pick(["09:00", "16:30"]))
        return WaitStep(duration=self._pick(["1 day", "2 days", "7 days", "5 hours", "3 business days"]))

    def _wait_until(self) -> WaitStep:
        reached = self._condition("today >= (account.renewal_date - 5 days)")
        return WaitStep(reached=reached, until="account.renewal_date - 5 days", up_to=self._pick(["3 days", "9 days"]))

    def _set(self) -> SetStep:
        return SetStep(
            id=self._name("set"), assignments=(Assignment(field="account.note", value=self._pick(["a", "b"])),)
        )

    def _if(self, deeper: int) -> IfStep:
        cases = tuple(
            Case(when=self._decision(), then=self._sequence(deeper)) for _ in range(self._random.randint(1, 2))
        )
        unknown = self._sequence(deeper) if self._random.random() < 0.3 else None
        return IfStep(cases=cases, otherwise=self._sequence(deeper), on_unknown=unknown)

    def _wait_for(self, deeper: int) -> WaitForStep:
        how = self._random.random()
        up_to = self._pick(["1 day", "4 days", "10 days"])
        then, on_timeout = self._sequence(deeper), self._sequence(deeper)
        if how < 0.3 and self._mails:
            event = self._pick(["email.clicked", "email.replied"])
            return WaitForStep(event=event, of=self._pick(self._mails), up_to=up_to, then=then, on_timeout=on_timeout)
        if how < 0.5:
            return WaitForStep(event="login", up_to=up_to, then=then, on_timeout=on_timeout)
        return WaitForStep(condition=self._facts(), up_to=up_to, then=then, on_timeout=on_timeout)

    def _parallel(self, deeper: int) -> ParallelStep:
        branches = tuple(self._sequence(deeper) for _ in range(self._random.randint(2, 3)))
        return ParallelStep(branches=branches, join=self._pick(["all", "any"]))

    def _facts(self) -> Condition:
        line = self._pick(range(0, 100, 10))
        return self._condition(
            self._pick([f"metric.use > {line}", f"metric.use < {line}", 'account.note == "a"', "metric.use is unknown"])
        )

    def _not_yet(self) -> Condition:
        """Not true of the facts a journey begins with, or it would not begin."""
        above, below = self._pick(range(50, 100, 10)), self._pick(range(0, 60, 10))
        conditions = [f"metric.use > {above}", f"metric.use < {below}", 'account.note == "a"', "metric.use is unknown"]
        return self._condition(self._pick(conditions))

    def _decision(self) -> Condition:
        words = [
            f'{name} == "{self._pick(["yes", "no", "sent", "skipped"])}"'
            for name, f in self._results.items()
            if f.type == "text"
        ]
        words += [name for name, f in self._results.items() if f.type == "bool"]
        if words and self._random.random() < 0.5:
            return self._condition(self._pick(words))
        return self._facts()

    def _condition(self, text: str) -> Condition:
        scope = Scope(catalogue=self._scope.catalogue, extra=self._results)
        return Condition.of(parse_expression(text, scope, want="bool"))

    def _moment(self) -> datetime:
        return T0 + timedelta(hours=self._random.randint(1, DAYS * 24))

    def _delay(self) -> timedelta:
        return timedelta(hours=self._random.randint(1, 120))

    def _pick(self, options: Any) -> Any:
        return self._random.choice(list(options))


__all__ = ["DAYS", "T0", "TEXT", "Habits", "Journey", "journey_workspace", "random_journey"]
