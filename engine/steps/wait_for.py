"""The step that waits for an event or a condition, up to a limit, with what to do in either case."""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.calendars import add
from engine.durations import parse_duration
from engine.runtime import Waiting
from engine.steps.base import Step, StepCompiler, StepDocument, StepSequence
from engine.steps.wait import wait_met
from engine.values import Condition
from engine.walk import Walk

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument

MAIL_EVENTS = ("email.delivered", "email.opened", "email.clicked", "email.replied", "email.bounced")


class WaitForStep(Step):
    """A mail event `of` an earlier mail, an `event` of the account, or a `condition`."""

    kind: Literal["wait_for"] = "wait_for"
    event: str | None = None
    of: str = ""
    condition: Condition | None = None
    up_to: str
    then: StepSequence = ()
    on_timeout: StepSequence = ()

    async def walk(self, walk: Walk, at: str) -> None:
        came = walk.position.marks.get(f"{at}/came")
        if came is None:
            came = await self._wait(walk, at)
            walk.once(f"{at}/came", lambda: came)
            walk.note(at, "came" if came else "timed_out", step=self.id, for_=self._says())
            if self.id:
                walk.result(f"wait_for.{self.id}.outcome", "came" if came else "timed_out")
        if came:
            await walk.sequence(self.then, f"{at}.then")
        else:
            await walk.sequence(self.on_timeout, f"{at}.on_timeout")

    async def _wait(self, walk: Walk, at: str) -> bool:
        if self.condition is not None:
            waiting = Waiting(key=at, condition=self.condition.model_dump())
            return await wait_met(walk, at, waiting, self.up_to, says=self._says(), step=self.id)
        if not self.of:
            since = walk.once(f"{at}/since", walk.now.isoformat)
            waiting = Waiting(key=at, event=self.event, since=walk.now.fromisoformat(since))
            return await wait_met(walk, at, waiting, self.up_to, says=self._says(), step=self.id)
        if walk.position.results.get(f"email.{self.of}.outcome") not in ("sent", "unknown", None):
            return False  # Nobody got that mail: nothing can come.
        inbox = walk.position.inbox
        if f"{at}/until" not in walk.position.marks:
            walk.note(at, "waits", for_=self._says())
        limit = parse_duration(self.up_to)
        heard = f"{self.event}@{self.of}"
        return await walk.until(
            f"{at}/until",
            lambda place: add(walk.now, limit, place),
            lambda: heard in inbox.events,
            self._says(),
            self.id,
        )

    def _says(self) -> str:
        what = self.condition.text if self.condition else f"{self.event} of {self.of}" if self.of else str(self.event)
        return f"wait for {what}, up to {self.up_to}"


class WaitForBody(BaseModel):
    """What to wait for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: str | None = Field(None, description="an event's type, or email.replied, email.clicked, … with `of`")
    of: str | None = Field(None, description="the id of an earlier email step")
    condition: str | None = Field(None, description="any condition over the account's facts")
    up_to: str = Field(description="the limit, such as 5 days")


class WaitForDocument(StepDocument):
    """Wait for something to happen."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    wait_for: WaitForBody
    then: "list[AnyStepDocument]" = Field(default_factory=list)
    on_timeout: "list[AnyStepDocument]" = Field(default_factory=list)

    def compile(self, with_: StepCompiler) -> WaitForStep | None:
        body = self.wait_for
        up_to = with_.duration(body.up_to, "wait_for", "up_to")
        condition = None
        if (body.event is None) == (body.condition is None):
            with_.problem("PB315", "wait for either an `event` or a `condition`", "wait_for")
        elif body.condition is not None:
            condition = with_.facts_condition(body.condition, "wait_for", "condition")
        elif body.event is not None and body.event.startswith("email."):
            self._mail_event(with_)
        elif body.of is not None:
            with_.problem("PB315", "`of` goes with a mail event", "wait_for", "of", hint="such as email.replied")
        then = with_.steps(self.then, "then")
        on_timeout = with_.steps(self.on_timeout, "on_timeout")
        if up_to is None or (body.condition is not None and condition is None):
            return None
        return WaitForStep(
            id=self.id or "",
            event=body.event,
            of=body.of or "",
            condition=Condition.of(condition) if condition else None,
            up_to=up_to,
            then=then,
            on_timeout=on_timeout,
        )

    def _mail_event(self, with_: StepCompiler) -> None:
        event, of = self.wait_for.event or "", self.wait_for.of
        if event not in MAIL_EVENTS:
            with_.unknown("mail event", event, MAIL_EVENTS, "wait_for", "event")
        elif of is None:
            with_.problem("PB315", f"{event} needs `of`: the mail it answers", "wait_for", hint="of: checking_in")
        elif with_.earlier("email", of, "wait_for", "of"):
            with_.listen(event)
