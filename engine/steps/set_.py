"""The step that writes a field of the account, as a fact learned from the playbook."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.steps.base import ActingDocument, ActingStep, StepCompiler
from engine.values import Condition, Value
from engine.walk import Walk


class Assignment(Value):
    """A field, and the literal or the expression it becomes."""

    field: str
    value: bool | float | str | None = None
    expression: Condition | None = None


class SetStep(ActingStep):
    """Several fields are written together."""

    kind: Literal["set"] = "set"
    assignments: tuple[Assignment, ...]

    async def walk(self, walk: Walk, at: str) -> None:
        for i, one in enumerate(self.assignments):
            if one.expression is not None:
                await walk.holds(one.expression, f"{at}/value{i}")
        values = {
            one.field: walk.position.marks[f"{at}/value{i}"] if one.expression else one.value
            for i, one in enumerate(self.assignments)
        }
        await walk.act(self, at, "set", {"values": values})


class SetExpression(BaseModel):
    """A value to compute when the step is reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expr: str


class SetDocument(ActingDocument):
    """Write account fields."""

    set_: dict[str, bool | float | str | SetExpression] = Field(alias="set", min_length=1)

    def compile(self, with_: StepCompiler) -> SetStep | None:
        assignments = [self._assignment(with_, name, value) for name, value in self.set_.items()]
        on_error = self.failure(with_)
        if any(one is None for one in assignments):
            return None
        return SetStep(id=self.id, assignments=tuple(one for one in assignments if one), on_error=on_error)

    def _assignment(self, with_: StepCompiler, name: str, value: Any) -> Assignment | None:
        type_ = with_.settable_field(name, "set", name)
        if type_ is None:
            return None
        if isinstance(value, SetExpression):
            types = ("text", "choice") if type_ in ("text", "choice") else (type_,)
            expression = with_.expression(value.expr, types, "set", name, "expr")
            return Assignment(field=name, expression=Condition.of(expression)) if expression else None
        fits = {"number": float | int, "bool": bool, "date": str, "instant": str, "text": str, "choice": str}[type_]
        if not isinstance(value, fits) or (type_ == "number" and isinstance(value, bool)):
            with_.problem("PB316", f"{name} is a {type_}, and {value!r} is not", "set", name)
            return None
        return Assignment(field=name, value=value)
