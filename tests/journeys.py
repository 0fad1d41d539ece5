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
from engine.steps.enroll import EnrollStep
from engine.steps.if_ import Case, IfStep
from engine.steps.notify import NotifyStep
from engine.steps.parallel import ParallelStep
from engine.steps.repeat import RepeatStep
from engine.steps.set_ import Assignment, SetStep
from engine.steps.split import Arm, SplitStep
from engine.steps.survey import SurveyStep
from engine.steps.switch import SwitchStep
from engine.steps.task import TaskStep
from engine.steps.wait import WaitStep
from engine.steps.wait_for import WaitForStep
from engine.steps.webhook import Part, WebhookStep
from engine.texts.document import MailText
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
mail: { hold: 0 minutes }
fields:
  account.note: text
events:
  login: { device: text }
metrics:
  use: number
  nps: number
connectors:
  crm: { kind: webhook, url: "https://crm.example/" }
  team: { kind: chat }
surveys: { at_most_every: 4 days }
"""


def journey_workspace() -> Workspace:
    """The workspace all journeys take place in."""
    return load_workspace({"tenure.yaml": WORKSPACE_FILE})


def guest() -> Compiled:
    """The playbook that journeys start. Its own moments never meet theirs, which are full or half hours: what two runs
    of one account do at one instant has no order between them."""
    call = TaskStep(id="guest_call", title="Do it", assign="csm", give_up_after="7 hours")
    steps = (WaitStep(duration="37 minutes"), call, WaitStep(duration="2 days"))
    audience = parse_expression("account.name is known", Scope(catalogue=journey_workspace().catalogue()), want="bool")
    return Compiled(
        playbook="guest",
        title="What journeys start",
        audience=Condition.of(audience),
        triggers=(Manual(id="by-hand"),),
        entry=Entry(again_after="3 days"),
        plan=Plan(playbook="guest", steps=steps),
    )


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What people do, by step; the same for the simulator and the real thing."""

    tasks: dict[str, tuple[timedelta, str]]
    mails: dict[str, tuple[tuple[timedelta, str], ...]]

    def task(self, step: str, outcomes: Sequence[str]) -> tuple[timedelta, str] | None:
        return self.tasks.get(step)

    def mail(self, step: str) -> tuple[str, Sequence[tuple[timedelta, str]]]:
        return "sent", self.mails.get(step, ())

    surveys: dict[str, tuple[timedelta, int]]
    webhooks: dict[str, tuple[str, int | None]]

    def survey(self, step: str) -> tuple[timedelta, int] | None:
        return self.surveys.get(step)

    def webhook(self, step: str) -> tuple[str, int | None]:
        return self.webhooks[step]


@dataclass(frozen=True, kw_only=True)
class Journey:
    """One random case."""

    seed: int
    compiled: Compiled
    habits: Habits
    uses: tuple[tuple[datetime, float | None], ...]
    """How metric.use moves."""
    events: tuple[tuple[datetime, str], ...]
    """When the account logs in, and with which device."""


def random_journey(seed: int, *, deepest: int = 3) -> Journey:
    """A journey that depends on the seed alone."""
    return _Maker(seed).journey(deepest)


_OUTWARD = ("dropped", "answered", "no_answer", "delivered", "refused", "queued")


class _Maker:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seed = seed
        self._scope = Scope(catalogue=journey_workspace().catalogue())
        self._results: dict[str, Field] = {}
        self._mails: list[str] = []
        self._tasks: dict[str, tuple[str, ...]] = {}
        self._surveys: list[str] = []
        self._webhooks: list[str] = []
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
            events=tuple(sorted((self._moment(), self._pick(["phone", "desk"])) for _ in range(4))),
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
        surveys = {
            step: (self._delay(), self._random.randint(0, 10)) for step in self._surveys if self._random.random() < 0.6
        }
        answers = [("delivered", 200), ("delivered", 202), ("refused", 422), ("unknown", None)]
        webhooks = {step: self._pick(answers) for step in self._webhooks}
        return Habits(tasks=tasks, mails=mails, surveys=surveys, webhooks=webhooks)

    def _sequence(self, deeper: int) -> tuple[Step, ...]:
        steps: list[Step] = []
        for _ in range(self._random.randint(1, 4)):
            step = self._step(deeper)
            steps.append(step)
            if step.kind == "end":
                break
        return tuple(steps)

    def _step(self, deeper: int) -> Step:
        acts = [self._email, self._task, self._set, self._enroll, self._notify, self._webhook, self._survey]
        leaves = [*acts, self._wait, self._wait_until]
        nests = [self._if, self._wait_for, self._parallel, self._switch, self._repeat, self._split]
        if self._random.random() < 0.05:
            return EndStep(reason="done here")
        if deeper > 0 and self._random.random() < 0.4:
            nested: Step = self._pick(nests)(deeper - 1)
            return nested
        step: Step = self._pick(leaves)()
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
            review=self._pick([None, None, None, "csm"]),
            give_up_after=self._pick(["1 day", "4 days"]),
        )
        self._mails.append(step.id)
        if step.review:
            self._tasks[step.id] = ("send", "drop")
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

    def _notify(self) -> NotifyStep:
        chat = self._random.random() < 0.5
        text = "{{ account.name }} is at risk."
        step = NotifyStep(id=self._name("tell"), to="team" if chat else "csm", by="chat" if chat else "mail", text=text)
        self._results[f"notify.{step.id}.outcome"] = Field(name=f"notify.{step.id}.outcome", type="text")
        return step

    def _webhook(self) -> WebhookStep:
        name = self._name("hook")
        reckoned = self._condition(self._pick(["metric.use > 50", 'account.note == "a"']))
        body = (Part(name="case", value=f"{self._seed}/{name}"), Part(name="busy", expression=reckoned))
        self._webhooks.append(name)
        self._results[f"webhook.{name}.outcome"] = Field(name=f"webhook.{name}.outcome", type="text")
        return WebhookStep(id=name, to="crm", body=body, on_error="continue")

    def _survey(self) -> SurveyStep:
        step = SurveyStep(
            id=self._name("ask"),
            text=TEXT.hash,
            template="hello",
            to=self._pick(["champion", "champion", "exec"]),
            mode="exact",
            asks="nps",
            up_to=self._pick(["1 day", "3 days", "6 days"]),
        )
        self._surveys.append(step.id)
        self._results[f"survey.{step.id}.outcome"] = Field(name=f"survey.{step.id}.outcome", type="text")
        return step

    def _wait(self) -> WaitStep:
        if self._random.random() < 0.2:
            return WaitStep(day=self._pick(["monday", "friday", "business_day"]), time=self._pick(["09:00", "16:30"]))
        return WaitStep(duration=self._pick(["1 day", "2 days", "7 days", "5 hours", "3 business days"]))

    def _wait_until(self) -> WaitStep:
        reached = self._condition("today >= (account.renewal_date - 5 days)")
        name = self._name("day")
        self._results[f"wait.{name}.outcome"] = Field(name=f"wait.{name}.outcome", type="text")
        return WaitStep(
            id=name, reached=reached, until="account.renewal_date - 5 days", up_to=self._pick(["3 days", "9 days"])
        )

    def _set(self) -> SetStep:
        if self._random.random() < 0.3:
            tag, untag = self._pick([(("hot",), ()), (("hot", "big"), ()), ((), ("hot",))])
            return SetStep(id=self._name("mark"), assignments=(), tag=tag, untag=untag)
        return SetStep(
            id=self._name("set"), assignments=(Assignment(field="account.note", value=self._pick(["a", "b"])),)
        )

    def _if(self, deeper: int) -> IfStep:
        cases = tuple(
            Case(when=self._decision(), then=self._sequence(deeper)) for _ in range(self._random.randint(1, 2))
        )
        unknown = self._sequence(deeper) if self._random.random() < 0.3 else None
        return IfStep(cases=cases, otherwise=self._sequence(deeper), on_unknown=unknown)

    def _switch(self, deeper: int) -> SwitchStep:
        cases = tuple(
            Case(when=self._decision(), then=self._sequence(deeper)) for _ in range(self._random.randint(1, 3))
        )
        unknown = self._sequence(deeper) if self._random.random() < 0.3 else None
        return SwitchStep(cases=cases, default=self._sequence(deeper), on_unknown=unknown)

    def _repeat(self, deeper: int) -> RepeatStep:
        name, how = self._name("loop"), self._random.random()
        while_ = self._decision() if how < 0.3 else None
        steps = self._sequence(deeper)
        until = self._decision() if 0.3 <= how < 0.8 else None
        self._results[f"repeat.{name}.outcome"] = Field(name=f"repeat.{name}.outcome", type="text")
        return RepeatStep(id=name, while_=while_, until=until, at_most=self._pick([1, 2, 3]), steps=steps)

    def _split(self, deeper: int) -> SplitStep:
        name = self._name("lot")
        arms = tuple(
            Arm(arm=arm, weight=self._random.randint(1, 5), steps=self._sequence(deeper)) for arm in ("yes", "no")
        )
        self._results[f"split.{name}.arm"] = Field(name=f"split.{name}.arm", type="text")
        return SplitStep(id=name, arms=arms)

    def _enroll(self) -> EnrollStep:
        step = EnrollStep(id=self._name("start"), playbook="guest")
        self._results[f"enroll.{step.id}.outcome"] = Field(name=f"enroll.{step.id}.outcome", type="text")
        return step

    def _wait_for(self, deeper: int) -> WaitForStep:
        how = self._random.random()
        up_to = self._pick(["1 day", "4 days", "10 days"])
        then, on_timeout = self._sequence(deeper), self._sequence(deeper)
        if how < 0.3 and self._mails:
            event = self._pick(["email.clicked", "email.replied"])
            return WaitForStep(event=event, of=self._pick(self._mails), up_to=up_to, then=then, on_timeout=on_timeout)
        if how < 0.6:
            where = self._pick([None, 'device == "phone"', 'device == "desk" and metric.use > 30'])
            asks = self._row_condition(where) if where else None
            return WaitForStep(event="login", where=asks, up_to=up_to, then=then, on_timeout=on_timeout)
        return WaitForStep(condition=self._facts(), up_to=up_to, then=then, on_timeout=on_timeout)

    def _parallel(self, deeper: int) -> ParallelStep:
        branches = tuple(self._sequence(deeper) for _ in range(self._random.randint(2, 3)))
        return ParallelStep(branches=branches, join=self._pick(["all", "any"]))

    def _facts(self) -> Condition:
        line = self._pick(range(0, 100, 10))
        conditions = [f"metric.use > {line}", f"metric.use < {line}", 'account.note == "a"', "metric.use is unknown"]
        return self._condition(self._pick([*conditions, 'account.tags contains "hot"']))

    def _not_yet(self) -> Condition:
        """Not true of the facts a journey begins with, or it would not begin."""
        above, below = self._pick(range(50, 100, 10)), self._pick(range(0, 60, 10))
        conditions = [f"metric.use > {above}", f"metric.use < {below}", 'account.note == "a"', "metric.use is unknown"]
        return self._condition(self._pick(conditions))

    def _decision(self) -> Condition:
        words = [
            f'{name} == "{self._pick(["yes", "no", "sent", "skipped", "done", "started", *_OUTWARD])}"'
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

    def _row_condition(self, text: str) -> Condition:
        return Condition.of(parse_expression(text, self._scope, want="bool", inside="event.login"))

    def _moment(self) -> datetime:
        return T0 + timedelta(hours=self._random.randint(1, DAYS * 24))

    def _delay(self) -> timedelta:
        return timedelta(hours=self._random.randint(1, 120))

    def _pick(self, options: Any) -> Any:
        return self._random.choice(list(options))


__all__ = ["DAYS", "T0", "TEXT", "Habits", "Journey", "guest", "journey_workspace", "random_journey"]
