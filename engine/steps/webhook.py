"""The step that tells another program: queue the request, then wait until it was answered, refused or given up."""

import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from engine.catalogue import Field as Result
from engine.documents.shape import Shape
from engine.documents.wording import ExpressionText, TemplateText
from engine.steps.base import ActingDocument, ActingStep, Family, StepCompiler
from engine.values import Condition, Value

if TYPE_CHECKING:
    from engine.turns.walk import Walk

OUTCOMES = ("delivered", "refused", "unknown", "skipped", "failed")
Answer = Literal["number", "text", "bool"]

_SECRET = re.compile(r"\b(whsec_[A-Za-z0-9+/=]{16,}|xox[abp]-[\w-]{10,}|SG\.[\w-]{10,}\.|sk_live_\w{10,})")
_NAME = r"^[a-zA-Z][a-zA-Z0-9_]{0,59}$"


class Part(Value):
    """One value of the body: fixed, a template filled in when the request is made, or an expression's."""

    name: str
    value: bool | float | str | None = None
    expression: Condition | None = None


class WebhookStep(ActingStep):
    """`to` is a connector of the workspace."""

    family: ClassVar[Family] = "message"
    kind: Literal["webhook"] = "webhook"
    to: str
    body: tuple[Part, ...] = ()
    returns: dict[str, Answer] = Field(default_factory=dict)
    resend_once: bool = False
    """Whether to send it again when nobody knows if it arrived."""

    def says(self) -> str:
        return f"tell {self.to}"

    def notes(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.body[:3])

    def answers(self) -> tuple[str, ...]:
        return ("delivered", "refused", "unknown")

    async def walk(self, walk: "Walk", at: str) -> None:
        says = f"webhook {self.to} is on its way"
        on_its_way = walk.standing(f"{at}/settled", self.id, says)
        while True:
            receipt = await walk.act(self, at, "webhook", lambda: self._params(walk, at), on_its_way)
            settled: dict[str, Any] = {"outcome": receipt.values.get("outcome", receipt.outcome)}
            if settled["outcome"] == "queued":
                settled = await walk.settled(self, at, on_its_way.path, "answer", says)
            if settled["outcome"] != "refused":
                break
            if await walk.failed(self, at, "webhook", settled.get("reason") or "refused") != "retry":
                break
        walk.result(f"webhook.{self.id}.outcome", settled["outcome"])
        walk.result(f"webhook.{self.id}.status", settled.get("status"))
        for name in self.returns:
            walk.result(f"webhook.{self.id}.{name}", (settled.get("returned") or {}).get(name))

    async def _params(self, walk: "Walk", at: str) -> dict[str, Any]:
        for i, part in enumerate(self.body):
            if part.expression is not None:
                await walk.holds(part.expression, walk.of_visit(at, f"body{i}"))
        marks = walk.position.marks
        fixed = {part.name: part.value for part in self.body if part.expression is None}
        reckoned = {
            part.name: marks[walk.of_visit(at, f"body{i}")] for i, part in enumerate(self.body) if part.expression
        }
        return {
            "to": self.to,
            "order": [part.name for part in self.body],
            "templates": fixed,
            "values": reckoned,
            "returns": self.returns,
            "resend_once": self.resend_once,
        }


class WebhookExpression(Shape):
    """A value to compute when the step is reached."""

    expr: ExpressionText = Field(description="over facts and results of earlier steps")


class WebhookBody(Shape):
    """The request to make."""

    to: str = Field(description="a connector of tenure.yaml whose kind is webhook")
    body: dict[str, bool | float | TemplateText | WebhookExpression | None] = Field(
        default_factory=dict, max_length=50, description="the JSON to send: values, templates, or `expr:` expressions"
    )
    returns: dict[str, Answer] = Field(
        default_factory=dict, max_length=10, description="names in the answer's JSON and their types, to read later"
    )
    resend_once: bool = Field(False, description="send it again when nobody knows whether it arrived")


class WebhookDocument(ActingDocument):
    """Tell another program over HTTP."""

    webhook: WebhookBody = Field(description="whom to tell, and what")

    def results(self) -> tuple[Result, ...]:
        at = f"webhook.{self.id}"
        return (
            Result(name=f"{at}.outcome", type="choice", options=OUTCOMES),
            Result(name=f"{at}.status", type="number"),
            *(Result(name=f"{at}.{name}", type=type_) for name, type_ in self.webhook.returns.items()),
        )

    def compile(self, with_: StepCompiler) -> WebhookStep | None:
        body = self.webhook
        there = with_.connector("webhook", body.to, "webhook", "to")
        parts = [self._part(with_, name, value) for name, value in body.body.items()]
        for name in body.returns:
            if not re.match(_NAME, name) or name in ("outcome", "status"):
                with_.problem(
                    "PB341", f'"{name}" cannot be read from an answer', "webhook", "returns", name, hint="use a word"
                )
        on_error = self.failure(with_)
        if not there or any(part is None for part in parts):
            return None
        return WebhookStep(
            id=self.id,
            to=body.to,
            body=tuple(part for part in parts if part),
            returns=body.returns,
            resend_once=body.resend_once,
            on_error=on_error,
        )

    def _part(self, with_: StepCompiler, name: str, value: Any) -> Part | None:
        at = ("webhook", "body", name)
        if isinstance(value, WebhookExpression):
            types = ("number", "text", "choice", "bool", "date", "instant")
            expression = with_.expression(value.expr, types, *at, "expr")
            return Part(name=name, expression=Condition.of(expression)) if expression else None
        if isinstance(value, str):
            if found := _SECRET.search(value):
                hint = "name an environment variable in the connector: secret_env: CRM_SECRET"
                with_.problem("PB342", f"{found[0][:8]}… looks like a secret", *at, hint=hint)
                return None
            if with_.line(value, *at) is None:
                return None
        return Part(name=name, value=value)
