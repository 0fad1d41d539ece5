"""The step that mails a customer: queue the mail, then wait until the mail stream has settled it.

With `review` a colleague sees the draft first, as a task, and sends, edits or drops it.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.calendars import add
from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import DurationWords, StaffRole
from engine.durations import parse_duration
from engine.steps.addressing import Addressing, address
from engine.steps.base import ActingDocument, ActingStep, Family, Quietly, StepCompiler

if TYPE_CHECKING:
    from engine.turns.walk import Walk

MAIL_EVENTS = ("email.delivered", "email.opened", "email.clicked", "email.replied", "email.bounced")
"""What may be heard of a mail that was sent."""
SEND, DROP = "send", "drop"
"""What a reviewer may answer."""


class EmailStep(ActingStep, Addressing):
    """To one person, or to all of a role; then a click of any of them counts."""

    kind: Literal["email"] = "email"
    family: ClassVar[Family] = "message"
    review: str | None = None
    """A staff role."""
    give_up_after: str = "30 days"
    """How long a draft waits for its reviewer."""

    def says(self) -> str:
        return f"mail {self.template}"

    def notes(self) -> tuple[str, ...]:
        return (f"to {self.whom()}", *((f"reviewed by {self.review}",) if self.review else ()))

    def answers(self) -> tuple[str, ...]:
        return (*((SEND, DROP) if self.review else ()), "sent", "skipped", "refused", "unknown")

    async def walk(self, walk: "Walk", at: str) -> None:
        if self.review and (outcome := await self._reviewed(walk, at)) != SEND:
            walk.result(f"email.{self.id}.outcome", "dropped" if outcome == DROP else outcome)
            return
        says = f"mail {self.template} is on its way"
        on_its_way = walk.standing(f"{at}/settled", self.id, says)
        params = self.params() | ({"reviewed": True} if self.review else {})
        receipt = await walk.act(self, at, "email", params, on_its_way)
        outcome = receipt.values.get("outcome", receipt.outcome)
        if outcome == "queued":
            outcome = (await walk.settled(self, at, on_its_way.path, "mail", says))["outcome"]
        walk.result(f"email.{self.id}.outcome", outcome)

    async def _reviewed(self, walk: "Walk", at: str) -> str:
        """What became of the draft: send, drop, expired, or what kept it from being written. Kept over a resume."""
        if f"{at}/reviewed" not in walk.position.marks:
            answer = await self._review(walk, at)
            walk.once(f"{at}/reviewed", lambda: answer)
        return str(walk.position.marks[f"{at}/reviewed"])

    async def _review(self, walk: "Walk", at: str) -> str:
        receipt = await walk.act(self, at, "draft", {**self.params(), "review": self.review})
        if receipt.outcome != "done":
            return str(receipt.values.get("outcome", receipt.outcome))
        walk.position.open_tasks[self.id] = at
        key, tasks = f"{self.id}#{walk.visit(at)}", walk.position.inbox.tasks
        limit, says = parse_duration(self.give_up_after), f"wait for a review of mail {self.template}"
        if not await walk.until(
            f"{at}/review", lambda place: add(walk.now, limit, place), lambda: key in tasks, says, self.id
        ):
            given_up = await walk.act(Quietly(self.id), at, "expire", {})
            # Somebody may have answered in the very last moment: the ledger knows which came first.
            tasks.setdefault(key, {"outcome": given_up.values.get("outcome", "expired")})
        answer = tasks.pop(key)
        walk.position.open_tasks.pop(self.id, None)
        walk.note(at, "reviewed", step=self.id, outcome=answer["outcome"], by=answer.get("by"))
        return str(answer["outcome"])


class EmailBody(Shape):
    """The mail to send."""

    template: str = Field(description="a file of the playbook's emails folder, without .md")
    to: str = Field(description="a contact role (first of its fallback chain), `role:admin`, or `all admin`")
    from_: StaffRole | None = Field(
        None, alias="from", description="a staff role: sent in that person's name, replies to them"
    )
    review: StaffRole | None = Field(
        None, description="a staff role that sees the draft first, and sends, edits or drops it"
    )
    give_up_after: DurationWords | None = Field(
        None, description="with `review`: how long the draft waits, 30 days if left out; then the outcome is `expired`"
    )


class EmailDocument(ActingDocument):
    """Send a mail to a contact."""

    email: EmailBody = Field(description="the mail to send")

    def results(self) -> tuple[Result, ...]:
        at = f"email.{self.id}"
        reviewed = ("dropped", "expired") if self.email.review else ()
        options = ("sent", "skipped", "refused", "unknown", "failed", *reviewed)
        return (
            Result(name=f"{at}.outcome", type="choice", options=options),
            *(Result(name=f"{at}.{event.removeprefix('email.')}", type="bool") for event in MAIL_EVENTS),
        )

    def compile(self, with_: StepCompiler) -> EmailStep | None:
        body = self.email
        modes: tuple[Literal["first", "exact", "all"], ...] = ("first", "exact") if body.review else _ANY
        mail = address(with_, template=body.template, to=body.to, from_=body.from_, at="email", modes=modes)
        review = with_.staff_role(body.review, "email", "review") if body.review else None
        give_up = with_.duration(body.give_up_after, "email", "give_up_after") if body.give_up_after else None
        if body.give_up_after and not body.review:
            with_.problem(
                "PB343", "`give_up_after` needs a review to give up on", "email", "give_up_after", hint="review: csm"
            )
        on_error = self.failure(with_)
        if mail is None:
            return None
        return EmailStep(
            **mail.model_dump(), id=self.id, review=review, give_up_after=give_up or "30 days", on_error=on_error
        )


_ANY: tuple[Literal["first", "exact", "all"], ...] = ("first", "exact", "all")
