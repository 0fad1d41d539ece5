"""The step that chooses: the first branch whose condition holds, else `else`; unknown may have its own branch."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from engine.documents.shape import Shape
from engine.documents.wording import ConditionText
from engine.steps.base import Family, Step, StepCompiler, StepDocument, StepSequence, Way, ends
from engine.values import Condition, Value

if TYPE_CHECKING:
    from engine.steps.base import AnyStepDocument
    from engine.turns.walk import Walk


class Case(Value):
    """A condition and what to do when it holds."""

    when: Condition
    then: StepSequence = ()


class IfStep(Step):
    """`on_unknown` is taken when the first undecided condition is unknown; without one, unknown counts as false."""

    family: ClassVar[Family] = "choice"

    kind: Literal["if"] = "if"
    cases: tuple[Case, ...]
    otherwise: StepSequence = ()
    on_unknown: StepSequence | None = None

    def says(self) -> str:
        return self.cases[0].when.text if len(self.cases) == 1 else "the first that holds"

    def ways(self) -> tuple[Way, ...]:
        named = [case.when.text for case in self.cases] if len(self.cases) > 1 else ["yes"]
        ways = [
            Way(at=_then(i), says=says, steps=case.then)
            for i, (says, case) in enumerate(zip(named, self.cases, strict=True))
        ]
        ways.append(Way(at="else", says="no" if len(self.cases) == 1 else "otherwise", steps=self.otherwise))
        if self.on_unknown is not None:
            ways.append(Way(at="on_unknown", says="unknown", steps=self.on_unknown))
        return tuple(ways)

    def ends(self) -> bool:
        return all(ends(way.steps) for way in self.ways())

    async def walk(self, walk: "Walk", at: str) -> None:
        for i, case in enumerate(self.cases):
            holds = await walk.holds(case.when, f"{at}/if{i}")
            if holds:
                await walk.sequence(case.then, f"{at}.{_then(i)}")
                return
            if holds is None and self.on_unknown is not None:
                await walk.sequence(self.on_unknown, f"{at}.on_unknown")
                return
        await walk.sequence(self.otherwise, f"{at}.else")


def _then(i: int) -> str:
    return "then" if i == 0 else f"elif[{i - 1}].then"


class ElifDocument(Shape):
    """A further case."""

    if_: ConditionText = Field(alias="if", description="a condition over facts and results of earlier steps")
    then: "list[AnyStepDocument]" = Field(description="the steps when it holds")


class IfDocument(StepDocument):
    """Choose by a condition."""

    id: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$", description="unique in the playbook; a name for traces")
    if_: ConditionText = Field(alias="if", description="a condition over facts and results of earlier steps")
    then: "list[AnyStepDocument]" = Field(description="the steps when it holds")
    elif_: list[ElifDocument] = Field(
        default_factory=list, alias="elif", description="further cases, looked at in their order"
    )
    else_: "list[AnyStepDocument]" = Field(
        default_factory=list, alias="else", description="the steps when no case holds"
    )
    on_unknown: "list[AnyStepDocument] | None" = Field(
        None, description="taken when the condition is unknown; default: else"
    )

    def compile(self, with_: StepCompiler) -> IfStep | None:
        decided = self.on_unknown is not None
        conditions = [with_.decision(self.if_, "if", decided=decided)]
        conditions += [with_.decision(one.if_, "elif", i, "if", decided=decided) for i, one in enumerate(self.elif_)]
        cases = [(self.then, ("then",)), *((one.then, ("elif", i, "then")) for i, one in enumerate(self.elif_))]
        unknown = [] if self.on_unknown is None else [(self.on_unknown, ("on_unknown",))]
        otherwise, *bodies = with_.branches((self.else_, ("else",)), *cases, *unknown, sure="every")
        on_unknown = bodies.pop() if unknown else None
        if any(condition is None for condition in conditions):
            return None
        kept = tuple(
            Case(when=Condition.of(condition), then=body)
            for condition, body in zip(conditions, bodies, strict=True)
            if condition is not None
        )
        return IfStep(id=self.id or "", cases=kept, otherwise=otherwise, on_unknown=on_unknown)
