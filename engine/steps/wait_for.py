"""The step that waits for an event or a condition, up to a limit, with what to do in either case."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.calendars import add
from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import ConditionText, DurationWords
from engine.durations import parse_duration
from engine.steps.base import Family, Step, StepCompiler, StepDocument, StepSequence, Way, ends
from engine.steps.email import MAIL_EVENTS
from engine.steps.wait import wait_met
from engine.values import Condition

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument
    from engine.turns.walk import Walk


class WaitForStep(Step):
    """A mail event `of` an earlier mail, an `event` of the account, or a `condition`."""

    family: ClassVar[Family] = "wait"

    kind: Literal["wait_for"] = "wait_for"
    event: str | None = None
    of: str = ""
    where: Condition | None = None
    """What is asked of the event and the account."""
    condition: Condition | None = None
    up_to: str
    then: StepSequence = ()
    on_timeout: StepSequence = ()

    def ways(self) -> tuple[Way, ...]:
        return (
            Way(at="then", says="it came", steps=self.then),
            Way(at="on_timeout", says="too late", steps=self.on_timeout),
        )

    def ends(self) -> bool:
        return ends(self.then) and ends(self.on_timeout)

    async def walk(self, walk: "Walk", at: str) -> None:
        came = walk.position.marks.get(f"{at}/came")
        if came is None:
            came = await self._wait(walk, at)
            walk.once(f"{at}/came", lambda: came)
            walk.note(at, "came" if came else "timed_out", step=self.id, for_=self.says())
            if self.id:
                walk.result(f"wait_for.{self.id}.outcome", "came" if came else "timed_out")
        if came:
            await walk.sequence(self.then, f"{at}.then")
        else:
            await walk.sequence(self.on_timeout, f"{at}.on_timeout")

    async def _wait(self, walk: "Walk", at: str) -> bool:
        if self.condition is not None:
            waiting = walk.watch(at, condition=self.condition.model_dump())
            return await wait_met(walk, at, waiting, self.up_to, says=self.says(), step=self.id)
        if not self.of:
            since = walk.once(f"{at}/since", lambda: self._since(walk, at).isoformat())
            asks = self.where.model_dump() if self.where else None
            waiting = walk.watch(at, event=self.event, condition=asks, since=walk.now.fromisoformat(since))
            return await wait_met(walk, at, waiting, self.up_to, says=self.says(), step=self.id)
        if walk.position.results.get(f"email.{self.of}.outcome") not in ("sent", "unknown", None):
            return False  # Nobody got that mail: nothing can come.
        inbox = walk.position.inbox
        if f"{at}/until" not in walk.position.marks:
            walk.note(at, "waits", for_=self.says())
        limit = parse_duration(self.up_to)
        heard = f"{self.event}@{self.of}"
        return await walk.until(
            f"{at}/until",
            lambda place: add(walk.now, limit, place),
            lambda: heard in inbox.events,
            self.says(),
            self.id,
        )

    def _since(self, walk: "Walk", at: str) -> datetime:
        """The event that ended the wait of one round is not there for the next one as well."""
        return walk.now if walk.visit(at) == 1 else walk.now + timedelta(microseconds=1)

    def says(self) -> str:
        """As people read it, and as the trace has it."""
        what = self.condition.text if self.condition else f"{self.event} of {self.of}" if self.of else str(self.event)
        what += f" where {self.where.text}" if self.where else ""
        return f"wait for {what}, up to {self.up_to}"


class WaitForBody(Shape):
    """What to wait for."""

    event: str | None = Field(None, description="an event's type, or email.replied, email.clicked, … with `of`")
    of: str | None = Field(None, description="the id of an earlier email step")
    where: ConditionText | None = Field(
        None, description='a condition on the event\'s props and the account, such as feature == "export"'
    )
    condition: ConditionText | None = Field(None, description="any condition over the account's facts")
    up_to: DurationWords = Field(description="the limit, such as 5 days")


class WaitForDocument(StepDocument):
    """Wait for something to happen."""

    id: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]*$",
        description="unique in the playbook; under it later steps read wait_for.ID.outcome",
    )
    wait_for: WaitForBody = Field(description="an event or a condition, and how long")
    then: "list[AnyStepDocument]" = Field(default_factory=list, description="the steps when it came")
    on_timeout: "list[AnyStepDocument]" = Field(default_factory=list, description="the steps when it did not")

    def results(self) -> tuple[Result, ...]:
        return (Result(name=f"wait_for.{self.id}.outcome", type="choice", options=("came", "timed_out")),)

    def compile(self, with_: StepCompiler) -> WaitForStep | None:
        body = self.wait_for
        up_to = with_.duration(body.up_to, "wait_for", "up_to")
        condition, where = None, None
        if (body.event is None) == (body.condition is None):
            with_.problem("PB315", "wait for either an `event` or a `condition`", "wait_for")
        elif body.condition is not None:
            condition = with_.facts_condition(body.condition, "wait_for", "condition")
        elif body.event is not None and body.event.startswith("email."):
            self._mail_event(with_)
        elif body.of is not None:
            with_.problem("PB315", "`of` goes with a mail event", "wait_for", "of", hint="such as email.replied")
        elif body.event is not None and body.event not in with_.events():
            with_.unknown("event", body.event, with_.events(), "wait_for", "event")
            return None
        elif body.event is not None and body.where is not None:
            where = with_.row_condition(body.where, f"event.{body.event}", "wait_for", "where")
            if where is None:
                return None
        if body.where is not None and where is None:
            with_.problem("PB315", "`where` goes with an event of the account", "wait_for", "where")
        then, on_timeout = with_.branches((self.then, ("then",)), (self.on_timeout, ("on_timeout",)), sure="every")
        if up_to is None or (body.condition is not None and condition is None):
            return None
        return WaitForStep(
            id=self.id or "",
            event=body.event,
            of=body.of or "",
            where=Condition.of(where) if where else None,
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
            if event == "email.opened":
                with_.only_an_open("wait_for", "event")
