"""An expression that has been checked: what plans keep and both back ends compile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from engine.catalogue import Catalogue, EventKind, Field, RecordKind, Type
from engine.expressions.check import Checker
from engine.expressions.env import Evaluator
from engine.expressions.errors import ExpressionError
from engine.expressions.evaluate import compile_node
from engine.expressions.parser import parse
from engine.expressions.rows import CONTACT
from engine.expressions.scope import Scope
from engine.expressions.tokens import canonical
from engine.expressions.tree import Aggregate, Extreme, Node, walk

Rows = Mapping[str, Mapping[str, Type]]


@dataclass(frozen=True)
class Expression:
    """The text with canonical white space, its type, and the types of all it reads: enough to make the tree anew."""

    text: str
    type: Type
    reads: Mapping[str, Type]
    """Every field, sorted by name."""
    rows: Rows = field(default_factory=dict)
    """What aggregates look at: props by source (`subscription`, `event.usage`), both sorted."""
    inside: str = ""
    """The source whose rows it is asked of one by one, such as `event.usage`: bare names are the row's."""

    def __hash__(self) -> int:
        return hash(self.text)

    @cached_property
    def tree(self) -> Node:
        return _tree(
            self.text,
            _frozen(self.reads),
            tuple((source, _frozen(props)) for source, props in self.rows.items()),
            self.inside,
        )

    @cached_property
    def evaluator(self) -> Evaluator:
        """The compiled form, for hot loops; `evaluate` is the same for everyone else."""
        return compile_node(self.tree)

    @cached_property
    def extremes(self) -> tuple[Extreme, ...]:
        """Every `highest`, `lowest` and `trend`, once."""
        return tuple(dict.fromkeys(node for node in walk(self.tree) if isinstance(node, Extreme)))

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """Every aggregate, once."""
        return tuple(dict.fromkeys(node for node in walk(self.tree) if isinstance(node, Aggregate)))

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"text": self.text, "type": self.type, "reads": dict(self.reads)}
        if self.rows:
            data["rows"] = {source: dict(props) for source, props in self.rows.items()}
        if self.inside:
            data["inside"] = self.inside
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Expression":
        return cls(data["text"], data["type"], data["reads"], data.get("rows", {}), data.get("inside", ""))


def parse_expression(text: str, scope: Scope, *, want: Type | None = None, inside: str = "") -> Expression:
    """Read and check an expression; raises ExpressionError with every problem. `want="bool"` asks for a condition.

    `inside`: it is asked of single rows of this source, such as `event.usage`, whose props are bare names.
    """
    syntax, tokens = parse(text)
    checker = Checker(scope, inside=inside)
    tree = checker.check(syntax)
    if tree is not None and want is not None:
        checker.demand(syntax, tree, want)
    if tree is None or checker.problems:
        raise ExpressionError(sorted(checker.problems, key=lambda problem: problem.column))
    rows = {source: dict(sorted(props.items())) for source, props in sorted(checker.rows.items())}
    return Expression(canonical(tokens), tree.type, dict(sorted(checker.reads.items())), rows, inside)


_Frozen = tuple[tuple[str, Type], ...]


def _frozen(types: Mapping[str, Type]) -> _Frozen:
    return tuple(types.items())


@lru_cache(maxsize=4096)
def _tree(text: str, reads: _Frozen, rows: tuple[tuple[str, _Frozen], ...], inside: str) -> Node:
    """Options of choices are not kept: they were checked once, and may have changed since."""
    records = {
        source: RecordKind(name=source, props=_fields(props))
        for source, props in rows
        if "." not in source and source != CONTACT
    }
    events = {
        source.removeprefix("event."): EventKind(name=source.removeprefix("event."), props=_fields(props))
        for source, props in rows
        if "." in source
    }
    catalogue = Catalogue(fields=_fields(reads), records=records, events=events)
    checker = Checker(Scope(catalogue=catalogue, aggregates=True), text, inside)
    tree = checker.check(parse(text)[0])
    if tree is None:
        raise ExpressionError(checker.problems)
    return tree


def _fields(types: _Frozen) -> dict[str, Field]:
    return {name: Field(name=name, type=type_) for name, type_ in types}
