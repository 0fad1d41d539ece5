"""The step that chooses: the first branch whose condition holds, else `else`; unknown may have its own branch."""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.steps.base import Step, StepCompiler, StepDocument, StepSequence
from engine.values import Condition, Value
from engine.walk import Walk

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument


class Case(Value):
    """A condition and what to do when it holds."""

    when: Condition
    then: StepSequence = ()


class IfStep(Step):
    """`on_unknown` is taken when the first undecided condition is unknown; without one, unknown counts as false."""

    kind: Literal["if"] = "if"
    cases: tuple[Case, ...]
    otherwise: StepSequence = ()
    on_unknown: StepSequence | None = None

    async def walk(self, walk: Walk, at: str) -> None:
        for i, case in enumerate(self.cases):
            holds = await walk.holds(case.when, f"{at}/if{i}")
            if holds:
                await walk.sequence(case.then, f"{at}.then" if i == 0 else f"{at}.elif[{i - 1}].then")
                return
            if holds is None and self.on_unknown is not None:
                await walk.sequence(self.on_unknown, f"{at}.on_unknown")
                return
        await walk.sequence(self.otherwise, f"{at}.else")


class ElifDocument(BaseModel):
    """A further case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    if_: str = Field(alias="if")
    then: "list[AnyStepDocument]"


class IfDocument(StepDocument):
    """Choose by a condition."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    if_: str = Field(alias="if", description="a condition over facts and results of earlier steps")
    then: "list[AnyStepDocument]"
    elif_: list[ElifDocument] = Field(default_factory=list, alias="elif")
    else_: "list[AnyStepDocument]" = Field(default_factory=list, alias="else")
    on_unknown: "list[AnyStepDocument] | None" = Field(
        None, description="taken when the condition is unknown; default: else"
    )

    def compile(self, with_: StepCompiler) -> IfStep | None:
        conditions = [with_.condition(self.if_, "if")]
        bodies = [with_.steps(self.then, "then")]
        for i, case in enumerate(self.elif_):
            conditions.append(with_.condition(case.if_, "elif", i, "if"))
            bodies.append(with_.steps(case.then, "elif", i, "then"))
        otherwise = with_.steps(self.else_, "else")
        on_unknown = None if self.on_unknown is None else with_.steps(self.on_unknown, "on_unknown")
        if any(condition is None for condition in conditions):
            return None
        cases = tuple(
            Case(when=Condition.of(condition), then=body)
            for condition, body in zip(conditions, bodies, strict=True)
            if condition is not None
        )
        return IfStep(id=self.id or "", cases=cases, otherwise=otherwise, on_unknown=on_unknown)
