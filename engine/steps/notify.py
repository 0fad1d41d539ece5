"""The step that tells colleagues: a mail to the person of a staff role, or a message into a chat channel."""

import re
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import TemplateText
from engine.steps.base import ActingDocument, ActingStep, Family, StepCompiler

if TYPE_CHECKING:
    from engine.turns.walk import Walk

OUTCOMES = ("queued", "skipped", "failed")
_CHANNEL = re.compile(r"^channel\s+(\S+)$")


class NotifyStep(ActingStep):
    """The run goes on at once: what becomes of the message is the stream's to settle and people's to see."""

    family: ClassVar[Family] = "message"
    kind: Literal["notify"] = "notify"
    to: str
    by: Literal["mail", "chat"]
    text: str

    def says(self) -> str:
        return f"tell {'channel ' if self.by == 'chat' else ''}{self.to}"

    def notes(self) -> tuple[str, ...]:
        return (self.text,)

    async def walk(self, walk: "Walk", at: str) -> None:
        receipt = await walk.act(self, at, "notify", {"to": self.to, "by": self.by, "text": self.text})
        walk.result(f"notify.{self.id}.outcome", receipt.values.get("outcome", receipt.outcome))


class NotifyBody(Shape):
    """The message."""

    to: str = Field(description="a staff role, such as csm, or `channel NAME` for a connector whose kind is chat")
    text: TemplateText = Field(min_length=1, description="what to say; a template, several lines if need be")


class NotifyDocument(ActingDocument):
    """Tell colleagues."""

    notify: NotifyBody = Field(description="whom to tell, and what")

    def results(self) -> tuple[Result, ...]:
        return (Result(name=f"notify.{self.id}.outcome", type="choice", options=OUTCOMES),)

    def compile(self, with_: StepCompiler) -> NotifyStep | None:
        to = self.notify.to.strip()
        channel = _CHANNEL.match(to)
        if channel:
            known = with_.connector("chat", channel[1], "notify", "to")
            whom, by = channel[1], "chat"
        else:
            known = with_.staff_role(to, "notify", "to") is not None
            whom, by = to, "mail"
        text = with_.line(self.notify.text, "notify", "text")
        on_error = self.failure(with_)
        if not known or text is None:
            return None
        return NotifyStep(id=self.id, to=whom, by="chat" if by == "chat" else "mail", text=text, on_error=on_error)
