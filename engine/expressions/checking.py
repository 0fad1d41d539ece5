"""What all of checking stands on: the scope, the findings, and demands on the type of a part."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from engine.catalogue import Type
from engine.durations import LONGEST, Duration
from engine.expressions.errors import ExpressionProblem
from engine.expressions.rows import Rows, find_source
from engine.expressions.scope import Scope
from engine.expressions.syntax import Span, Syntax
from engine.expressions.tree import Node

SPOKEN: Mapping[str, str] = {
    "number": "a number",
    "text": "a text",
    "choice": "a choice",
    "bool": "true or false",
    "date": "a date",
    "instant": "an instant",
    "tags": "a set of tags",
}
"""Types as problems call them."""


def family(type_: Type) -> str:
    """Types of one family compare with each other."""
    return "text" if type_ == "choice" else type_


class Checking(ABC):
    """The state of one check. A part with a fault checks to None; what stands around it stays silent about it."""

    def __init__(self, scope: Scope, text: str = "", inside: str = "") -> None:
        self.scope = scope
        self.text = text
        """What is checked, as far as the parts of it are wanted by their text."""
        self.problems: list[ExpressionProblem] = []
        self.reads: dict[str, Type] = {}
        self.rows: dict[str, dict[str, Type]] = {}
        self.inside: Rows | None = find_source(inside, scope.catalogue) if inside else None
        """The rows whose props bare names mean: within an aggregate, or throughout."""
        if self.inside is not None:
            self.rows[inside] = {}

    @abstractmethod
    def check(self, part: Syntax) -> Node | None: ...

    def of_types(self, part: Syntax, types: Sequence[Type]) -> Node | None:
        node = self.check(part)
        if node is not None and node.type not in types:
            self.fault(part, "PB204", f"{SPOKEN[types[0]]} is needed here, this is {SPOKEN[node.type]}", "")
            return None
        return node

    def condition(self, part: Syntax, word: str) -> Node | None:
        node = self.check(part)
        if node is not None and node.type != "bool":
            self.fault(
                part, "PB204", f"{word} joins conditions, but this is {SPOKEN[node.type]}", "compare it with something"
            )
            return None
        return node

    def duration(self, span: Span) -> Duration | None:
        if span.unit == "business_days":
            hint = "use days here; waits, due dates and date triggers take business days"
            self.fault(span, "PB210", "business days cannot be used in an expression yet", hint)
        elif span.amount != int(span.amount):
            self.fault(span, "PB210", "the amount of a duration is a whole number", "use a smaller unit")
        elif span.amount > LONGEST[span.unit]:
            self.fault(span, "PB210", "the duration is too long", f"the most is {LONGEST[span.unit]} {span.unit}")
        else:
            return Duration(int(span.amount), span.unit)
        return None

    def fault(self, at: Syntax, code: str, message: str, hint: str) -> None:
        self.problems.append(
            ExpressionProblem(column=at.column, length=at.end - at.column, code=code, message=message, hint=hint)
        )
