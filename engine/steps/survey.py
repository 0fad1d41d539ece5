"""The step that asks a contact one question, by mail, and waits for the answer as a fact."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from engine.calendars import add
from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import DurationWords, StaffRole
from engine.durations import parse_duration
from engine.steps.addressing import Addressing, address
from engine.steps.base import ActingDocument, ActingStep, Family, StepCompiler
from engine.surveys import Kind

if TYPE_CHECKING:
    from engine.turns.walk import Walk

OUTCOMES = ("answered", "no_answer", "skipped", "failed")
_ARRIVED = ("sent", "unknown")


class SurveyStep(ActingStep, Addressing):
    """Nobody waits for an answer to a question that nobody got."""

    family: ClassVar[Family] = "message"
    kind: Literal["survey"] = "survey"
    asks: Kind
    up_to: str = "14 days"

    def says(self) -> str:
        return f"ask {self.whom()} ({self.asks})"

    def notes(self) -> tuple[str, ...]:
        return (f"mail {self.template}", f"up to {self.up_to}")

    def answers(self) -> tuple[str, ...]:
        return ("sent", "skipped", "refused", "unknown")

    async def walk(self, walk: "Walk", at: str) -> None:
        answer = await self._ask(walk, at)
        walk.result(f"survey.{self.id}.outcome", answer["outcome"])
        walk.result(f"survey.{self.id}.score", answer.get("score"))

    async def _ask(self, walk: "Walk", at: str) -> dict[str, Any]:
        says = f"survey {self.template} is on its way"
        on_its_way = walk.standing(f"{at}/settled", self.id, says)
        params = {**self.params(), "asks": self.asks, "up_to": self.up_to}
        receipt = await walk.act(self, at, "survey", params, on_its_way)
        outcome = receipt.values.get("outcome", receipt.outcome)
        if outcome != "queued":
            return {"outcome": outcome}
        settled = await walk.settled(self, at, on_its_way.path, "mail", says)
        if settled["outcome"] not in _ARRIVED:
            return {"outcome": "skipped"}
        return await self._answer(walk, at)

    async def _answer(self, walk: "Walk", at: str) -> dict[str, Any]:
        key, answers = f"{self.id}#{walk.visit(at)}", walk.position.inbox.tasks
        limit = parse_duration(self.up_to)
        says = f"wait for an answer to {self.template}, up to {self.up_to}"
        if not await walk.until(
            f"{at}/answer", lambda place: add(walk.now, limit, place), lambda: key in answers, says, self.id
        ):
            walk.note(at, "timed_out", step=self.id, for_=says)
            return {"outcome": "no_answer"}
        answer = answers.pop(key)
        walk.note(at, "surveyed", step=self.id, outcome=answer["outcome"], score=answer.get("score"))
        return answer


class SurveyBody(Shape):
    """The question."""

    kind: Kind = Field(description="nps (0 to 10) or csat (1 to 5)")
    to: str = Field(description="a contact role (first of its fallback chain), or `role:admin`")
    template: str = Field(description="a file of the playbook's emails folder, without .md; the scale is added below")
    from_: StaffRole | None = Field(
        None, alias="from", description="a staff role: sent in that person's name, replies to them"
    )
    up_to: DurationWords = Field("14 days", description="how long the run waits for the answer")


class SurveyDocument(ActingDocument):
    """Ask a contact for a score."""

    survey: SurveyBody = Field(description="the question to put")

    def results(self) -> tuple[Result, ...]:
        at = f"survey.{self.id}"
        return (
            Result(name=f"{at}.outcome", type="choice", options=OUTCOMES),
            Result(name=f"{at}.score", type="number"),
        )

    def compile(self, with_: StepCompiler) -> SurveyStep | None:
        body = self.survey
        mail = address(
            with_, template=body.template, to=body.to, from_=body.from_, at="survey", modes=("first", "exact")
        )
        up_to = with_.duration(body.up_to, "survey", "up_to")
        on_error = self.failure(with_)
        if mail is None or up_to is None:
            return None
        return SurveyStep(**mail.model_dump(), id=self.id, asks=body.kind, up_to=up_to, on_error=on_error)
