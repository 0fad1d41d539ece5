"""The step that chooses among several: the first case whose condition holds, else `default`, which must be there."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.documents.shape import Shape
from engine.documents.wording import ConditionText
from engine.steps.base import Family, Step, StepCompiler, StepDocument, StepSequence, Way, ends
from engine.steps.if_ import Case
from engine.values import Condition

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument
    from engine.turns.walk import Walk


class SwitchStep(Step):
    """`on_unknown` is taken when the first undecided condition is unknown; without one, unknown counts as no match."""

    family: ClassVar[Family] = "choice"

    kind: Literal["switch"] = "switch"
    cases: tuple[Case, ...]
    default: StepSequence = ()
    on_unknown: StepSequence | None = None

    def says(self) -> str:
        return "the first that holds"

    def ways(self) -> tuple[Way, ...]:
        cases = [Way(at=f"switch[{i}].then", says=one.when.text, steps=one.then) for i, one in enumerate(self.cases)]
        unknown = [] if self.on_unknown is None else [Way(at="on_unknown", says="unknown", steps=self.on_unknown)]
        return (*cases, Way(at="default", says="otherwise", steps=self.default), *unknown)

    def ends(self) -> bool:
        return all(ends(way.steps) for way in self.ways())

    async def walk(self, walk: "Walk", at: str) -> None:
        for i, case in enumerate(self.cases):
            holds = await walk.holds(case.when, f"{at}/when{i}")
            if holds:
                await walk.sequence(case.then, f"{at}.switch[{i}].then")
                return
            if holds is None and self.on_unknown is not None:
                await walk.sequence(self.on_unknown, f"{at}.on_unknown")
                return
        await walk.sequence(self.default, f"{at}.default")


class CaseDocument(Shape):
    """A condition and what to do when it is the first that holds."""

    when: ConditionText = Field(description="a condition over facts and results of earlier steps")
    then: "list[AnyStepDocument]" = Field(description="the steps when it is the first that holds")


class SwitchDocument(StepDocument):
    """Choose the first case that holds."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$", description="unique in the playbook; a name for traces")
    switch: list[CaseDocument] = Field(min_length=1, max_length=20, description="cases in their order")
    default: "list[AnyStepDocument]" = Field(description="when no case holds; may be empty, and must be there")
    on_unknown: "list[AnyStepDocument] | None" = Field(
        None, description="taken when a condition is unknown; without it, unknown does not match"
    )

    def compile(self, with_: StepCompiler) -> SwitchStep | None:
        decided = self.on_unknown is not None
        conditions = [
            with_.decision(case.when, "switch", i, "when", decided=decided) for i, case in enumerate(self.switch)
        ]
        cases = [(case.then, ("switch", i, "then")) for i, case in enumerate(self.switch)]
        unknown = [] if self.on_unknown is None else [(self.on_unknown, ("on_unknown",))]
        *bodies, default = with_.branches(*cases, *unknown, (self.default, ("default",)), sure="every")
        if any(condition is None for condition in conditions):
            return None
        return SwitchStep(
            id=self.id or "",
            cases=tuple(
                Case(when=Condition.of(condition), then=body)
                for condition, body in zip(conditions, bodies, strict=False)
                if condition is not None
            ),
            default=default,
            on_unknown=bodies[-1] if unknown else None,
        )
