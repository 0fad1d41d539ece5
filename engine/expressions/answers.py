"""Which answers a condition can give at all: whatever the facts are, or while one field of it is unknown.

Parts are looked at one by one: that two of them exclude each other is not seen. So an answer that is left out can
truly never come; one that is named may not.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from engine.catalogue import Type
from engine.durations import Duration
from engine.expressions.env import Evaluator
from engine.expressions.evaluate import compile_node
from engine.expressions.expression import Expression
from engine.expressions.tree import Aggregate, AllOf, AnyOf, Extreme, FieldValue, Known, Node, Not, walk

Answer = bool | None
Answers = tuple[Answer, ...]
"""Of True, False and None for unknown, those that can come."""

ANY: Answers = (True, False, None)
_DAYS = (date(1971, 1, 1), date(2010, 7, 1), date(2150, 12, 31))
"""A condition over the calendar alone that is the same on all of them is the same for ever."""


@lru_cache(maxsize=4096)
def answers(condition: Expression) -> Answers:
    """Whatever the facts are: (True,) for a condition that is always true."""
    return _answers(condition.tree, condition.reads, "")


@lru_cache(maxsize=4096)
def answers_without(condition: Expression, name: str) -> Answers:
    """While this field is unknown and the others are known."""
    return _answers(condition.tree, condition.reads, name)


def value_on(expression: Expression, today: date) -> Any:
    """What an expression that reads no field gives on a day."""
    return compile_node(expression.tree)(_Sample(today, {}, ""))


def _answers(node: Node, types: Mapping[str, Type], missing: str) -> Answers:
    match node:
        case Not():
            inner = _answers(node.part, types, missing)
            return _those(*(None if one is None else not one for one in inner))
        case AllOf():
            return _joined([_answers(part, types, missing) for part in node.parts], wins=False)
        case AnyOf():
            return _joined([_answers(part, types, missing) for part in node.parts], wins=True)
    return _part(node, types, missing)


def _joined(parts: list[Answers], *, wins: bool) -> Answers:
    """Kleene's and (`wins` is false) and or (`wins` is true)."""
    other = not wins
    found: list[Answer] = [wins] if any(wins in part for part in parts) else []
    if all(other in part for part in parts):
        found.append(other)
    if all(other in part or None in part for part in parts) and any(None in part for part in parts):
        found.append(None)
    return _those(*found)


def _part(node: Node, types: Mapping[str, Type], missing: str) -> Answers:
    names = list(_names(node))
    if names and not missing:
        return (True, False) if isinstance(node, Known) else ANY
    run = compile_node(node)
    found: list[Any] = [run(_Sample(day, types, missing)) for day in _DAYS]
    if not names or all(name == missing for name in names):
        return _those(*found)
    # Other fields have a say as well: of a sample one only learns whether unknown comes through.
    if None in found:
        return (None,)
    return (True,) if isinstance(node, Known) else (True, False)


def _those(*found: Answer) -> Answers:
    return tuple(one for one in ANY if one in found)


def _names(node: Node) -> list[str]:
    fields = [one.name for one in walk(node) if isinstance(one, FieldValue)]
    others = [
        one.field if isinstance(one, Extreme) else "" for one in walk(node) if isinstance(one, Extreme | Aggregate)
    ]
    return fields + others


_SOMETHING: Mapping[Type, Any] = {
    "number": 7.0,
    "text": "something",
    "choice": "something",
    "bool": True,
    "date": date(2020, 2, 3),
    "instant": datetime(2020, 2, 3, 12, tzinfo=UTC),
    "tags": ("something",),
}


class _Sample:
    """An account whose fields all hold something, but one."""

    def __init__(self, today: date, types: Mapping[str, Type], missing: str) -> None:
        self.today, self._types, self._missing = today, types, missing
        self.now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)

    def field(self, name: str) -> Any:
        return None if name == self._missing else _SOMETHING[self._types[name]]

    def local_date(self, at: datetime) -> date:
        return at.date()

    def highest(self, name: str, window: Duration) -> Any:  # noqa: ARG002 - the protocol's name
        return None if name == self._missing else _SOMETHING["number"]

    lowest = trend = highest

    def rows(self, source: str) -> Any:  # noqa: ARG002 - the protocol's name
        return ()

    def aggregate(self, node: Aggregate, work_out: Evaluator) -> Any:  # noqa: ARG002 - the protocol's name
        return _SOMETHING[node.type]
