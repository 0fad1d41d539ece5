"""The step that lets time pass: a duration, a weekday and time, or until a date of the account."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.calendars import Place, add, next_weekday_time
from engine.durations import parse_duration
from engine.expressions import Expression
from engine.position import Ending
from engine.runtime import Waiting
from engine.steps.base import Step, StepCompiler, StepDocument
from engine.values import Condition
from engine.walk import Walk

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "business_day")


class WaitStep(Step):
    """Exactly one of `duration`, `day` and `reached` is set."""

    kind: Literal["wait"] = "wait"
    duration: str | None = None
    day: str | None = None
    time: str = "09:00"
    reached: Condition | None = None
    """True once the date has come: the sweep watches it, so it follows the date when that moves."""
    until: str = ""
    if_past: Literal["continue", "end"] = "continue"
    up_to: str | None = None

    async def walk(self, walk: Walk, at: str) -> None:
        if self.reached is not None:
            await self._date(walk, at, self.reached)
            return
        says = f"wait {self.duration}" if self.duration else f"wait until {self.day} {self.time}"
        await walk.until(f"{at}/until", lambda place: self._moment(walk.now, place), lambda: False, says)

    def _moment(self, now: datetime, place: Place) -> datetime:
        if self.day is not None:
            return next_weekday_time(now, self.day, self.time, place)
        return add(now, parse_duration(self.duration or ""), place)

    async def _date(self, walk: Walk, at: str, reached: Condition) -> None:
        if self.if_past == "end" and await walk.holds(reached, f"{at}/past"):
            walk.position.ending = Ending(outcome="end", reason=f"{self.until} has passed")
            await walk.until(f"{at}/over", None, lambda: False, "over")
        came = await wait_met(
            walk, at, Waiting(key=at, condition=reached.model_dump()), self.up_to, says=f"wait until {self.until}"
        )
        if not came:
            walk.note(at, "timed_out", until=self.until)


async def wait_met(walk: Walk, at: str, waiting: Waiting, up_to: str | None, *, says: str, step: str = "") -> bool:
    """Wait until the store says that a watch is met, up to a limit."""
    inbox = walk.position.inbox
    if f"{at}/open" not in walk.position.marks:
        inbox.met.pop(at, None)
        walk.once(f"{at}/open", walk.now.isoformat)
        walk.note(at, "waits", for_=says)
    walk.waiting[at] = waiting
    try:
        limit = (lambda place: add(walk.now, parse_duration(up_to), place)) if up_to else None
        return await walk.until(f"{at}/until", limit, lambda: at in inbox.met, says, step)
    finally:
        walk.waiting.pop(at, None)


class WaitBody(BaseModel):
    """A wait that is more than a duration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: str | None = Field(None, description="a date expression, such as account.renewal_date - 60 days")
    if_past: Literal["continue", "end"] = Field("continue", description="when the date has passed already")
    up_to: str | None = Field(None, description="do not wait longer than this for a date that is unknown or moves away")
    next: str | None = Field(None, description="a weekday, or business_day")
    at: str = Field("09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="local time of the account")


class WaitDocument(StepDocument):
    """Let time pass."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    wait: str | WaitBody

    def compile(self, with_: StepCompiler) -> WaitStep | None:
        if isinstance(self.wait, str):
            duration = with_.duration(self.wait, "wait")
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
            return WaitStep(id=self.id or "", day=body.next, time=body.at)
        date = with_.expression(body.until or "", ("date",), "wait", "until")
        if not isinstance(date, Expression):
            return None
        reached = with_.facts_condition(f"today >= ({date.text})", "wait", "until")
        up_to = with_.duration(body.up_to, "wait", "up_to") if body.up_to else None
        if reached is None:
            return None
        return WaitStep(
            id=self.id or "", reached=Condition.of(reached), until=date.text, if_past=body.if_past, up_to=up_to
        )
