"""The step that starts another playbook for the same account, under the same rules of entry as everybody."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.steps.base import ActingDocument, ActingStep, Family, StepCompiler

if TYPE_CHECKING:
    from engine.turns.walk import Walk

OUTCOMES = ("started", "held", "not_started", "failed")


class EnrollStep(ActingStep):
    """The run goes on at once; that the other may not start, or not now, is an outcome."""

    family: ClassVar[Family] = "other_playbook"

    kind: Literal["enroll"] = "enroll"
    playbook: str

    def says(self) -> str:
        return f"Start {self.playbook}"

    async def walk(self, walk: "Walk", at: str) -> None:
        receipt = await walk.act(self, at, "enroll", {"playbook": self.playbook})
        walk.result(f"enroll.{self.id}.outcome", receipt.values.get("outcome", receipt.outcome))


class EnrollBody(Shape):
    """What to start."""

    playbook: str = Field(description="another playbook of the workspace, with a `manual` trigger")


class EnrollDocument(ActingDocument):
    """Start another playbook for the same account."""

    enroll: EnrollBody = Field(description="the playbook to start")

    def results(self) -> tuple[Result, ...]:
        return (Result(name=f"enroll.{self.id}.outcome", type="choice", options=(*OUTCOMES, "skipped")),)

    def compile(self, with_: StepCompiler) -> EnrollStep:
        with_.enrolls(self.enroll.playbook, "enroll", "playbook")
        return EnrollStep(id=self.id, playbook=self.enroll.playbook, on_error=self.failure(with_))
