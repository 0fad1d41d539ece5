"""The step that lets time pass: a duration, a weekday and time, or until a date of the account."""

import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.calendars import Place, add, next_weekday_time
from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import DurationWords, ExpressionText, WaitWords
from engine.durations import parse_duration
from engine.expressions import Expression
from engine.steps.base import Family, Step, StepCompiler, StepDocument
from engine.values import Condition

if TYPE_CHECKING:
    from engine.turns.runtime import Waiting
    from engine.turns.walk import Walk

_DAY = re.compile(
    r"^\s*(?:next\s+)?(monday|tuesday|wednesday|thursday|friday|saturday|sunday|business[ _]day)"
    r"(?:\s+((?:[01]\d|2[0-3]):[0-5]\d))?\s*$",
    re.IGNORECASE,
)
"""`monday`, `monday 10:30`, `next business day 09:00`."""
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "business_day")


class WaitStep(Step):
    """Exactly one of `duration`, `day` and `reached` is set."""

    family: ClassVar[Family] = "wait"

    kind: Literal["wait"] = "wait"
    duration: str | None = None
    day: str | None = None
    time: str = "09:00"
    reached: Condition | None = None
    """True once the date has come: the sweep watches it, so it follows the date when that moves."""
    until: str = ""
    if_past: Literal["continue", "end"] = "continue"
    up_to: str | None = None

    def says(self) -> str:
        if self.reached is not None:
            return f"wait until {self.until}"
        return f"wait {self.duration}" if self.duration else f"wait until {self.day} {self.time}"

    def notes(self) -> tuple[str, ...]:
        over = ("if it is past: end",) if self.if_past == "end" else ()
        return (*over, *([f"up to {self.up_to}"] if self.up_to else []))

    async def walk(self, walk: "Walk", at: str) -> None:
        if self.reached is not None:
            await self._date(walk, at, self.reached)
            return
        await walk.until(f"{at}/until", lambda place: self._moment(walk.now, place), lambda: False, self.says())

    def _moment(self, now: datetime, place: Place) -> datetime:
        if self.day is not None:
            return next_weekday_time(now, self.day, self.time, place)
        return add(now, parse_duration(self.duration or ""), place)

    async def _date(self, walk: "Walk", at: str, reached: Condition) -> None:
        if self.if_past == "end" and await walk.holds(reached, f"{at}/past"):
            walk.end(f"{self.until} has passed")
            await walk.until(f"{at}/over", None, lambda: False, "over")
        waiting = walk.watch(at, condition=reached.model_dump())
        came = await wait_met(walk, at, waiting, self.up_to, says=self.says())
        if not came:
            walk.note(at, "timed_out", until=self.until)
        if self.id:
            walk.result(f"wait.{self.id}.outcome", "came" if came else "timed_out")


async def wait_met(walk: "Walk", at: str, waiting: "Waiting", up_to: str | None, *, says: str, step: str = "") -> bool:
    """Wait until the store says that a watch is met, up to a limit."""
    inbox, visit = walk.position.inbox, walk.visit(at)
    # What comes too late for one round of a repeat must not be taken for what the next one waits for.
    key = waiting.key if visit == 1 else f"{waiting.key}#{visit}"
    if f"{at}/open" not in walk.position.marks:
        inbox.met.pop(key, None)
        walk.once(f"{at}/open", walk.now.isoformat)
        walk.note(at, "waits", for_=says)
    walk.waiting[key] = replace(waiting, key=key)
    try:
        limit = (lambda place: add(walk.now, parse_duration(up_to), place)) if up_to else None
        return await walk.until(f"{at}/until", limit, lambda: key in inbox.met, says, step)
    finally:
        walk.waiting.pop(key, None)


class WaitBody(Shape):
    """A wait that is more than a duration."""

    until: ExpressionText | None = Field(None, description="a date expression, such as account.renewal_date - 60 days")
    if_past: Literal["continue", "end"] = Field("continue", description="when the date has passed already")
    up_to: DurationWords = Field(
        "365 days", description="do not wait longer than this for a date that is unknown or moves away"
    )
    next: str | None = Field(None, description="a weekday, or business_day")
    at: str = Field("09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="local time of the account")


class WaitDocument(StepDocument):
    """Let time pass."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$", description="unique in the playbook; a name for traces")
    wait: WaitWords | WaitBody = Field(description="a duration, or the next weekday and time, or until a date")

    def results(self) -> tuple[Result, ...]:
        if isinstance(self.wait, str) or self.wait.until is None:
            return ()
        return (Result(name=f"wait.{self.id}.outcome", type="choice", options=("came", "timed_out")),)

    def compile(self, with_: StepCompiler) -> WaitStep | None:
        if isinstance(self.wait, str):
            if day := _DAY.match(self.wait):
                word = day[1].lower().replace(" ", "_")
                return WaitStep(id=self.id or "", day=word, time=day[2] or WaitStep.model_fields["time"].default)
            duration = with_.duration(self.wait, "wait")
            if duration and parse_duration(duration).amount == 0:
                with_.problem("PB363", "this wait is over before it begins", "wait", hint="leave it out")
            return WaitStep(id=self.id or "", duration=duration) if duration else None
        body = self.wait
        if (body.until is None) == (body.next is None):
            with_.problem(
                "PB314", "a wait needs either `until` or `next`", "wait", hint="or a duration: `wait: 7 days`"
            )
            return None
        if body.next is not None:
            if body.next not in _DAYS:
                with_.unknown("day", body.next, _DAYS, "wait", "next")
                return None
            for key in ("if_past", "up_to"):
                if key in body.model_fields_set:
                    with_.problem("PB314", f"`{key}` goes with `until`", "wait", key, hint="a weekday always comes")
            return WaitStep(id=self.id or "", day=body.next, time=body.at)
        date = with_.expression(body.until or "", ("date",), "wait", "until")
        if not isinstance(date, Expression):
            return None
        reached = with_.coming(date.text, "wait", "until")
        up_to = with_.duration(body.up_to, "wait", "up_to")
        if reached is None or up_to is None:
            return None
        return WaitStep(
            id=self.id or "", reached=Condition.of(reached), until=date.text, if_past=body.if_past, up_to=up_to
        )
