"""The step that gives a colleague a task, and waits for its outcome with a reminder, an escalation and a last day."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.calendars import Place, add, subtract
from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import DurationWords, StaffRole, TemplateText
from engine.durations import parse_duration
from engine.steps.base import ActingDocument, ActingStep, Family, Quietly, StepCompiler

if TYPE_CHECKING:
    from engine.turns.walk import Walk

_BEFORE = re.compile(r"^(.+?)\s+before$")


class TaskStep(ActingStep):
    """Texts are templates, rendered when the task is given; durations are words."""

    family: ClassVar[Family] = "work"

    kind: Literal["task"] = "task"
    title: str
    description: str = ""
    assign: str
    due: str | None = None
    checklist: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ("done",)
    remind: str | None = None
    """How long before it is due."""
    escalate_after: str | None = None
    """How long after it was due."""
    escalate_to: str | None = None
    give_up_after: str = "30 days"
    wait: bool = True

    def says(self) -> str:
        return self.title

    def notes(self) -> tuple[str, ...]:
        whom = f"for {self.assign}" + (f", due in {self.due}" if self.due else "")
        outcomes = " / ".join((*self.outcomes, "expired")) if self.wait else "goes on at once"
        return (whom, outcomes)

    def answers(self) -> tuple[str, ...]:
        return self.outcomes

    async def walk(self, walk: "Walk", at: str) -> None:
        async def params() -> dict[str, object]:
            return self._params((await self._dates(walk, at))["due"])

        receipt = await walk.act(self, at, "task", params)
        if receipt.outcome != "done":
            walk.result(f"task.{self.id}.outcome", receipt.values.get("outcome", receipt.outcome))
            return
        walk.position.open_tasks[self.id] = at
        if self.wait:
            await self._answer(walk, at, await self._dates(walk, at))

    async def _dates(self, walk: "Walk", at: str) -> dict[str, str | None]:
        """Reckoned from when the task is given, at each visit."""
        found: dict[str, str | None] = await walk.dated(
            walk.of_visit(at, "moments"), lambda place: self._moments(walk.now, place)
        )
        return found

    def _params(self, due: str | None) -> dict[str, object]:
        return {
            "title": self.title,
            "description": self.description,
            "assign": self.assign,
            "due": due,
            "checklist": list(self.checklist),
            "outcomes": list(self.outcomes),
        }

    async def _answer(self, walk: "Walk", at: str, moments: dict[str, str | None]) -> None:
        """Remind, escalate and give up at their moments, until somebody answers."""
        key, tasks = f"{self.id}#{walk.visit(at)}", walk.position.inbox.tasks
        for verb in _LADDER:
            text = moments[verb]
            if text is None:
                continue
            if await self._answered_before(walk, f"{at}/{verb}", datetime.fromisoformat(text), key):
                break
            receipt = await walk.act(Quietly(self.id), at, verb, {"to": self.escalate_to} if verb == "escalate" else {})
            if verb == "expire":
                # Somebody may have answered in the very last moment: the ledger knows which came first.
                tasks.setdefault(key, {"outcome": receipt.values.get("outcome", "expired")})
        answer = tasks.pop(key)
        walk.position.open_tasks.pop(self.id, None)
        walk.position.inbox.snoozes.pop(key, None)
        walk.result(f"task.{self.id}.outcome", answer["outcome"])
        walk.note(at, "answered", step=self.id, outcome=answer["outcome"], by=answer.get("by"))

    async def _answered_before(self, walk: "Walk", at: str, moment: datetime, key: str) -> bool:
        """Wait for the answer (True) or the moment (False), which is later by as long as somebody snoozes the task."""
        inbox = walk.position.inbox

        def snoozes() -> int:
            return inbox.snoozes[key].n if key in inbox.snoozes else 0

        while True:
            n = snoozes()
            limit = moment + inbox.snoozes[key].puts_off() if n else moment

            def news(n: int = n) -> bool:
                return key in inbox.tasks or snoozes() != n

            path = f"{at}/{n}" if n else at
            if not await walk.until(path, lambda _, limit=limit: limit, news, f"wait for task {self.id}", self.id):  # type: ignore[misc]
                return False
            if key in inbox.tasks:
                return True

    def _moments(self, given: datetime, place: Place) -> dict[str, str | None]:
        """When it is due, and when something is done about it, as ISO text; nothing comes after the end."""
        last = add(given, parse_duration(self.give_up_after), place)
        due = add(given, parse_duration(self.due), place) if self.due else None
        remind = max(subtract(due, parse_duration(self.remind), place), given) if due and self.remind else None
        escalate = add(due, parse_duration(self.escalate_after), place) if due and self.escalate_after else None
        return {
            "due": due.isoformat() if due else None,
            "remind": remind.isoformat() if remind and remind < last else None,
            "escalate": escalate.isoformat() if escalate and escalate < last else None,
            "expire": last.isoformat(),
        }


_LADDER = ("remind", "escalate", "expire")
"""What happens to a task that nobody answers, in this order."""


class Escalation(Shape):
    """Who hears of it when a task stays undone."""

    after: DurationWords = Field(description="how long after the due date, such as 1 business day")
    to: StaffRole = Field(description="a staff role, such as csm.manager")


class TaskBody(Shape):
    """The task to give."""

    title: TemplateText = Field(description="one line; a template")
    description: TemplateText = Field("", description="what to know; a template")
    assign: StaffRole = Field(description="a staff role, such as csm")
    due: DurationWords | None = Field(None, description="a duration, such as 2 business days")
    checklist: list[TemplateText] = Field(
        default_factory=list, max_length=30, description="what to tick off; templates"
    )
    outcomes: list[str] = Field(
        default_factory=lambda: ["done"], min_length=1, max_length=20, description="how it can end, the best first"
    )
    remind: str | None = Field(None, description="how long before it is due, such as `1 business day before`")
    escalate: Escalation | None = Field(None, description="who hears of it when it stays undone")
    give_up_after: DurationWords = Field("30 days", description="then the outcome is `expired`")
    wait: bool = Field(True, description="false: go on at once")


class TaskDocument(ActingDocument):
    """Give a colleague a task."""

    task: TaskBody = Field(description="the task to give")

    def results(self) -> tuple[Result, ...]:
        options = (*self.task.outcomes, "expired", "skipped", "failed")
        return (Result(name=f"task.{self.id}.outcome", type="choice", options=options),)

    def answered(self) -> bool:
        return self.task.wait

    def compile(self, with_: StepCompiler) -> TaskStep | None:
        body = self.task
        with_.line(body.title, "task", "title")
        with_.line(body.description, "task", "description")
        for i, item in enumerate(body.checklist):
            with_.line(item, "task", "checklist", i)
        assign = with_.staff_role(body.assign, "task", "assign")
        due = with_.duration(body.due, "task", "due") if body.due else None
        remind = self._remind(with_)
        after = with_.duration(body.escalate.after, "task", "escalate", "after") if body.escalate else None
        to = with_.staff_role(body.escalate.to, "task", "escalate", "to") if body.escalate else None
        give_up = with_.duration(body.give_up_after, "task", "give_up_after")
        self._needs(with_)
        on_error = self.failure(with_)
        if assign is None or give_up is None:
            return None
        return TaskStep(
            id=self.id,
            title=body.title,
            description=body.description,
            assign=assign,
            due=due,
            checklist=tuple(body.checklist),
            outcomes=tuple(body.outcomes),
            remind=remind,
            escalate_after=after,
            escalate_to=to,
            give_up_after=give_up,
            wait=body.wait,
            on_error=on_error,
        )

    def _remind(self, with_: StepCompiler) -> str | None:
        if self.task.remind is None:
            return None
        form = _BEFORE.match(self.task.remind.strip())
        if form is None:
            with_.problem(
                "PB311", f"{self.task.remind!r} is not a reminder", "task", "remind", hint="1 business day before"
            )
            return None
        return with_.duration(form[1], "task", "remind")

    def _needs(self, with_: StepCompiler) -> None:
        """Reminders and escalations need a due date, and a run that waits."""
        for key, value in (("remind", self.task.remind), ("escalate", self.task.escalate)):
            if value is not None and self.task.due is None:
                with_.problem("PB312", f"`{key}` needs a due date", "task", key, hint="add `due: 2 business days`")
            if value is not None and not self.task.wait:
                with_.problem(
                    "PB312", f"`{key}` needs the run to wait for the task", "task", key, hint="leave out `wait: false`"
                )
        if len(set(self.task.outcomes)) != len(self.task.outcomes):
            with_.problem("PB313", "an outcome is listed twice", "task", "outcomes", hint="list each once")
        if "expired" in self.task.outcomes:
            with_.problem(
                "PB313", "`expired` is what giving up is called", "task", "outcomes", hint="choose another word"
            )
