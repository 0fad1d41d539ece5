"""The step that walks its steps again and again: while or until a condition holds, and never more often than said."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import ConditionText
from engine.steps.base import Family, Step, StepCompiler, StepDocument, StepSequence, Sure, Way, ends, placed
from engine.turns.paths import ROUND
from engine.values import Condition

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument
    from engine.turns.walk import Walk

MOST_ROUNDS = 100
OUTCOMES = ("done", "at_most")
_BODY = ROUND.removeprefix(".").removesuffix("[")


class RepeatStep(Step):
    """`while` is looked at before each round, `until` after each; unknown holds neither. With none, `at_most` times."""

    family: ClassVar[Family] = "loop"
    goes: ClassVar[Literal["round"]] = "round"

    kind: Literal["repeat"] = "repeat"
    while_: Condition | None = None
    until: Condition | None = None
    at_most: int
    steps: StepSequence = ()

    def says(self) -> str:
        if self.while_ is not None:
            return f"repeat while {self.while_.text}"
        return f"repeat until {self.until.text}" if self.until is not None else f"{self.at_most} times"

    def notes(self) -> tuple[str, ...]:
        return (f"at most {self.at_most} times",) if self.while_ or self.until else ()

    def ways(self) -> tuple[Way, ...]:
        return (Way(at=_BODY, says="each round", steps=self.steps),)

    def ends(self) -> bool:
        return self.while_ is None and ends(self.steps)

    async def walk(self, walk: "Walk", at: str) -> None:
        outcome = await self._rounds(walk, at)
        if self.id:
            walk.result(f"repeat.{self.id}.outcome", outcome)
            walk.result(f"repeat.{self.id}.rounds", float(self._walked(walk, at)))

    async def _rounds(self, walk: "Walk", at: str) -> str:
        """A finished round leaves nothing behind but its number."""
        marks = walk.position.marks
        inside = {step.id: path for path, step in placed(self.steps, f"{at}.{_BODY}") if step.id}
        while (walked := self._walked(walk, at)) < self.at_most:
            if f"{at}/begun" not in marks:
                if self.while_ is not None and await walk.holds(self.while_, f"{at}/while") is not True:
                    return "done"
                marks[f"{at}/begun"] = True
                walk.another_round(inside)
                walk.note(at, "round", step=self.id, round=walked + 1, at_most=self.at_most)
            if f"{at}/walked" not in marks:
                await walk.sequence(self.steps, f"{at}.{_BODY}")
                marks[f"{at}/walked"] = True
            met = self.until is not None and await walk.holds(self.until, f"{at}/met") is True
            walk.forget(at)
            marks[f"{at}/rounds"] = walked + 1
            if met:
                return "done"
        if self.while_ is None and self.until is None:
            return "done"
        walk.note(at, "at_most", step=self.id, rounds=walked)
        return "at_most"

    def _walked(self, walk: "Walk", at: str) -> int:
        return int(walk.position.marks.get(f"{at}/rounds", 0))


class RepeatBody(Shape):
    """What to repeat, and how often at most."""

    while_: ConditionText | None = Field(
        None, alias="while", description="looked at before each round; unknown ends it"
    )
    until: ConditionText | None = Field(None, description="looked at after each round; may read results of its steps")
    at_most: int = Field(ge=1, le=MOST_ROUNDS, description="how often at most; without a condition, how often")
    steps: "list[AnyStepDocument]" = Field(min_length=1, description="the steps of a round")


class RepeatDocument(StepDocument):
    """Do steps several times."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$", description="unique in the playbook; a name for traces")
    repeat: RepeatBody = Field(description="what to repeat, and how often at most")

    def results(self) -> tuple[Result, ...]:
        at = f"repeat.{self.id}"
        return (
            Result(name=f"{at}.outcome", type="choice", options=OUTCOMES),
            Result(name=f"{at}.rounds", type="number"),
        )

    def compile(self, with_: StepCompiler) -> RepeatStep | None:
        body = self.repeat
        if body.while_ is not None and body.until is not None:
            hint = "`while` is looked at before each round, `until` after it"
            with_.problem("PB364", "a repeat has either `while` or `until`", "repeat", hint=hint)
        while_ = with_.decision(body.while_, "repeat", "while", decided=True) if body.while_ is not None else None
        sure: Sure = "none" if body.while_ is not None else "all"
        steps = with_.rounds(body.at_most, (body.steps, ("repeat", "steps")), sure=sure)
        until = with_.decision(body.until, "repeat", "until", decided=True) if body.until is not None else None
        if (body.while_ is not None and while_ is None) or (body.until is not None and until is None):
            return None
        return RepeatStep(
            id=self.id or "",
            while_=Condition.of(while_) if while_ else None,
            until=Condition.of(until) if until else None,
            at_most=body.at_most,
            steps=steps,
        )
