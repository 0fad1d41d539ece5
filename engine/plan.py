"""What a playbook compiles into. A plan is pinned by the run that carries it; the rest belongs to the version."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from engine.expressions.tree import Aggregate
from engine.mail.doubts import OnUnknown
from engine.steps.base import StepSequence
from engine.triggers import Trigger
from engine.turns.endings import Outcome
from engine.values import Condition, Value, canonical_json, content_hash


class Rate(Value):
    """At most so many starts within a time."""

    most: int
    per: Literal["hour", "day", "week"]


class Entry(Value):
    """Who may start, how often, and what becomes of a crossing that may not."""

    existing: Literal["ignore", "include"] = "ignore"
    again_after: str | None = None
    """Cool-down in words, counted from the end of the last run of the same account."""
    key: str | None = None
    """A field whose value tells one enrolment of an account from the next, such as account.renewal_date."""
    term: str = "30 days"
    """A key date that moves by no more than this still means the same enrolment."""
    exclusive: str | None = None
    on_conflict: Literal["wait", "skip", "replace"] = "wait"
    held: Literal["start_when_free", "drop"] = "start_when_free"
    already_running: Literal["skip", "restart", "queue"] = "skip"
    holdout: float = 0.0
    """Percent of the accounts that are recorded as if they started, and never do."""
    rate: Rate | None = None
    """How many accounts may start at most; the others are held and come next."""


class Goal(Value):
    """What the playbook is for; true ends the run as a success."""

    when: Condition
    dwell: str | None = None


class Exit(Value):
    """Another reason to stop."""

    when: Condition
    reason: str


class Plan(Value):
    """What one run walks through. Passed by value at its start; immutable."""

    format: int = 1
    playbook: str
    steps: StepSequence
    goal: Goal | None = None
    exits: tuple[Exit, ...] = ()
    open_tasks: Literal["withdraw", "leave"] | tuple[Outcome, ...] = "withdraw"
    """On which endings open tasks are withdrawn: `withdraw` is short for goal, exit and stop, `leave` for none."""
    max_age: str = "400 days"
    pause: Literal["hold", "extend"] = "hold"
    """While paused, waits run on and act on resume; or they are extended by the pause."""
    texts: tuple[str, ...] = ()
    """Hashes of the mail texts it sends."""
    listens: tuple[str, ...] = ()
    """Mail events that its steps read or wait for, such as email.replied; no others are told to the run."""

    @cached_property
    def hash(self) -> str:
        return content_hash(canonical_json(self))

    @property
    def withdraws_on(self) -> tuple[Outcome, ...]:
        """The endings on which open tasks are withdrawn; after the others they stay."""
        if isinstance(self.open_tasks, tuple):
            return self.open_tasks
        return ("goal", "exit", "stop") if self.open_tasks == "withdraw" else ()

    @cached_property
    def all_conditions(self) -> tuple[Condition, ...]:
        """Every condition anywhere in it, whatever its steps are."""
        return tuple(_conditions_in(self.model_dump(mode="json")))

    @cached_property
    def all_templates(self) -> tuple[str, ...]:
        """Every template that its steps hold themselves: titles of tasks, messages, bodies of requests."""
        return tuple(_templates_in(self.model_dump(mode="json")["steps"]))

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Every aggregate that some condition of it reads, once."""
        found = {node.text: node for condition in self.all_conditions for node in condition.expression.aggregates}
        return tuple(found.values())


def _conditions_in(data: Any) -> Iterator[Condition]:
    if isinstance(data, dict):
        if data.keys() >= {"text", "type", "reads"}:
            yield Condition.model_validate(data)
            return
        data = list(data.values())
    if isinstance(data, list):
        for part in data:
            yield from _conditions_in(part)


def _templates_in(data: Any) -> Iterator[str]:
    if isinstance(data, str) and ("{{" in data or "{%" in data):
        yield data
    elif isinstance(data, dict | list):
        for part in data.values() if isinstance(data, dict) else data:
            yield from _templates_in(part)


class Compiled(Value):
    """A playbook's version: what starts it, on whom, and its plan."""

    playbook: str
    title: str
    owner: str = ""
    priority: int = 50
    audience: Condition
    """What is outside every audience by rule (churned, ended trials) is already part of it."""
    triggers: tuple[Trigger, ...]
    entry: Entry = Field(default_factory=Entry)
    unknown_mail: OnUnknown | None = None
    """What becomes of a mail that may or may not have left; None: as the workspace has it."""
    plan: Plan

    @cached_property
    def hash(self) -> str:
        return content_hash(canonical_json(self))

    def conditions(self) -> tuple[Condition, ...]:
        """Everything that SQL evaluates for this playbook: audience, triggers, goal, exits."""
        edges = [
            part for trigger in self.triggers if trigger.kind == "edge" for part in (trigger.trips, trigger.rearms)
        ]
        edges += [trigger.where for trigger in self.triggers if trigger.kind == "event" and trigger.where is not None]
        goal = [self.plan.goal.when] if self.plan.goal else []
        return (self.audience, *edges, *goal, *(exit_.when for exit_ in self.plan.exits))
