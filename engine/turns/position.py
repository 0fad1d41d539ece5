"""Where a run is and what it was told: JSON at any moment between turns, bounded by the plan.

`marks` maps a path to what must survive a resume: a cursor for each sequence, answers only inside the open step. Fields
that came later are left out while they hold nothing: runs that never needed them are written as ever.
"""

import operator
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.calendars import Place
from engine.turns.endings import Outcome
from engine.turns.runtime import Fact

LEVEL = 1
"""The interpreter's level. A change of behaviour raises it and asks `position.level >= n`: open runs keep the old way
until they continue as new."""


class _Kept(BaseModel):
    model_config = ConfigDict(defer_build=True)


class Ending(_Kept):
    """Why a run is over."""

    outcome: Outcome
    reason: str


class Snooze(_Kept):
    """How long a task's reminder, escalation and last day are put off."""

    n: int
    """How many snoozes there were; each lets the waits be reckoned anew."""
    since: datetime
    until: datetime
    before: float = 0.0
    """Seconds of the snoozes before this one."""

    def again(self, at: datetime, until: datetime) -> "Snooze":
        """Another one that begins now, and ends the one under way."""
        over = max((min(at, self.until) - self.since).total_seconds(), 0.0)
        return Snooze(n=self.n + 1, since=at, until=until, before=self.before + over)

    def puts_off(self) -> timedelta:
        """By how much what was still to come is later."""
        return timedelta(seconds=self.before) + max(self.until - self.since, timedelta())


class Inbox(_Kept):
    """What a run was told and has not used up."""

    heard: int = 0
    """The highest outbox number heard; facts not above it are repeats."""
    paused: bool = False
    paused_at: datetime | None = Field(None, exclude_if=operator.not_)
    paused_for: float = Field(0.0, exclude_if=operator.not_)
    """Seconds of all pauses that are over."""
    ending: Ending | None = None
    met: dict[str, datetime] = Field(default_factory=dict)
    events: dict[str, datetime] = Field(default_factory=dict)
    """Latest instant by `event@of`."""
    tasks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    snoozes: dict[str, Snooze] = Field(default_factory=dict, exclude_if=operator.not_)
    """By `step#visit` of a task."""
    mails: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Outcomes by `step#visit`."""
    orders: dict[str, Literal["retry", "skip"]] = Field(default_factory=dict)
    """What a person said about a failed step."""

    def hear(self, fact: Fact) -> bool:
        """Take a fact in; False when it is a repeat."""
        if fact.n <= self.heard:
            return False
        self.heard = fact.n
        match fact.kind:  # `wake` says nothing more
            case "event":
                self.events[f"{fact.values['event']}@{fact.of}"] = fact.at
            case "task":
                self.tasks[f"{fact.of}#{fact.values['visit']}"] = dict(fact.values)
            case "snooze":
                self._snooze(f"{fact.of}#{fact.values['visit']}", fact.at, datetime.fromisoformat(fact.values["until"]))
            case "mail":
                self.mails[f"{fact.of}#{fact.values['visit']}"] = dict(fact.values)
            case "met":
                self.met[fact.of] = fact.at
            case "retry":
                self.orders[fact.of] = fact.values["do"]
            case "pause":
                self.paused, self.paused_at = True, self.paused_at or fact.at
            case "resume":
                if self.paused_at is not None:
                    self.paused_for += max((fact.at - self.paused_at).total_seconds(), 0.0)
                self.paused, self.paused_at = False, None
            case "end":
                ending = Ending(outcome=fact.of, reason=fact.values["reason"])
                self.ending = self.ending or ending
        return True

    def _snooze(self, key: str, at: datetime, until: datetime) -> None:
        before = self.snoozes.get(key)
        self.snoozes[key] = before.again(at, until) if before else Snooze(n=1, since=at, until=until)


class Position(_Kept):
    """Everything a run needs in order to go on elsewhere."""

    level: int = LEVEL
    clock: datetime
    """The run's own clock, as of the last turn."""
    seq: int = 0
    """The last trace line's number."""
    marks: dict[str, Any] = Field(default_factory=dict)
    results: dict[str, Any] = Field(default_factory=dict)
    """What steps left for later ones: {"task.call.outcome": "reached"}."""
    visits: dict[str, int] = Field(default_factory=dict, exclude_if=operator.not_)
    """By path, how often a step has acted: of those that a repeat walks again, or a person has retried."""
    open_tasks: dict[str, str] = Field(default_factory=dict)
    """Step ids of tasks that nobody has settled, with their paths."""
    inbox: Inbox = Field(default_factory=Inbox)
    extended: float = Field(0.0, exclude_if=operator.not_)
    """Seconds of pauses by which waits were extended, where the playbook asks for it."""
    ending: Ending | None = None
    closed: bool = False
    place: Place | None = None
    place_read_at: datetime | None = None
