"""The step that writes fields and tags of the account, as facts learned from the playbook."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from engine.documents.shape import Shape
from engine.documents.wording import ExpressionText
from engine.expressions.values import READ_PROP
from engine.problems import did_you_mean
from engine.steps.base import ActingDocument, ActingStep, StepCompiler
from engine.values import Condition, Value

if TYPE_CHECKING:
    from engine.turns.walk import Walk


class Assignment(Value):
    """A field, and the literal or the expression it becomes."""

    field: str
    value: bool | float | str | None = None
    expression: Condition | None = None

    def says(self) -> str:
        """Such as `account.forecast = at risk`."""
        value = f"{self.value:g}" if isinstance(self.value, float) else self.value
        return f"{self.field} = {self.expression.text if self.expression else value}"


class SetStep(ActingStep):
    """Several fields are written together."""

    kind: Literal["set"] = "set"
    assignments: tuple[Assignment, ...]

    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()

    def says(self) -> str:
        said = [one.says() for one in self.assignments]
        return "Set " + ", ".join(
            [*said, *(f"tag {tag}" for tag in self.tag), *(f"no tag {tag}" for tag in self.untag)]
        )

    async def walk(self, walk: "Walk", at: str) -> None:
        # Only where there are any: what was asked before there were tags is asked alike today.
        tags = {"tag": list(self.tag), "untag": list(self.untag)} if self.tag or self.untag else {}

        async def params() -> dict[str, Any]:
            return tags | {
                "values": {
                    one.field: await walk.holds(one.expression, walk.of_visit(at, f"value{i}"))
                    if one.expression is not None
                    else one.value
                    for i, one in enumerate(self.assignments)
                }
            }

        await walk.act(self, at, "set", params)


class SetExpression(Shape):
    """A value to compute when the step is reached."""

    expr: ExpressionText = Field(description="over facts and results of earlier steps")


class SetDocument(ActingDocument):
    """Write account fields and tags."""

    set_: dict[str, bool | float | str | list[str] | SetExpression] = Field(
        alias="set",
        min_length=1,
        description="account.NAME: a value, or { expr: … }, of a field without `from`; tag: WORD, untag: WORD",
    )

    def compile(self, with_: StepCompiler) -> SetStep | None:
        fields = {name: value for name, value in sorted(self.set_.items()) if name not in _TAGGING}
        assignments = [self._assignment(with_, name, value) for name, value in fields.items()]
        tag, untag = (self._tags(with_, name) for name in _TAGGING)
        on_error = self.failure(with_)
        if any(one is None for one in assignments) or tag is None or untag is None:
            return None
        for word in tag:
            if word in untag:
                with_.problem(
                    "PB316", f'"{word}" is put on and taken off at once', "set", "untag", hint="leave one out"
                )
        assigned = tuple(one for one in assignments if one)
        return SetStep(id=self.id, assignments=assigned, tag=tag, untag=untag, on_error=on_error)

    def _tags(self, with_: StepCompiler, name: str) -> tuple[str, ...] | None:
        """The words under `tag` or `untag`: one, or a list."""
        value = self.set_.get(name, [])
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not all(0 < len(word.strip()) <= _LONGEST_TAG for word in words):
            with_.problem("PB316", f"{value!r} is no tag", "set", name, hint=f"{name}: at-risk, or a list of words")
            return None
        return tuple(dict.fromkeys(word.strip() for word in words))

    def _assignment(self, with_: StepCompiler, name: str, value: Any) -> Assignment | None:
        type_ = with_.settable_field(name, "set", name)
        if type_ is None:
            return None
        if isinstance(value, SetExpression):
            types = ("text", "choice") if type_ in ("text", "choice") else (type_,)
            expression = with_.expression(value.expr, types, "set", name, "expr")
            return Assignment(field=name, expression=Condition.of(expression)) if expression else None
        if type_ == "tags":
            with_.problem(
                "PB316", f"{name} is not written as a whole", "set", name, hint="tag: at-risk, or untag: at-risk"
            )
            return None
        fits = {"number": float | int, "bool": bool, "date": str, "instant": str, "text": str, "choice": str}[type_]
        if not isinstance(value, fits) or (type_ == "number" and isinstance(value, bool)):
            with_.problem("PB316", f"{name} is a {type_}, and {value!r} is not", "set", name, hint=_SUCH_AS[type_])
            return None
        if isinstance(value, str) and type_ in _MOMENTS and _MOMENTS[type_](value) is None:
            with_.problem("PB316", f"{value!r} is no {type_}", "set", name, hint=_SUCH_AS[type_])
            return None
        if type_ == "choice" and (words := with_.options(name)) and value not in words:
            hint = did_you_mean(str(value), words)
            with_.problem("PB205", f"{value!r} is not among the words of {name}", "set", name, hint=hint)
            return None
        return Assignment(field=name, value=value)


_SUCH_AS: dict[str, str] = {
    "number": "a number without quotes, such as 12.5",
    "bool": "true or false",
    "date": "such as 2026-03-01, or { expr: today }",
    "instant": "such as 2026-03-01T09:00:00Z, or { expr: now }",
    "text": "a text, in quotes if it looks like a number",
    "choice": "one of its words",
}
_MOMENTS = {"date": READ_PROP["date"], "instant": READ_PROP["instant"]}
_TAGGING = ("tag", "untag")
_LONGEST_TAG = 100
