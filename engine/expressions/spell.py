"""A part of a checked expression as text again, for people: canonical, with no more parentheses than it needs."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from engine.expressions import tree as t

_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _ATOM = range(7)
"""How tightly a node binds."""


def spell(node: t.Node) -> str:
    """The text; what a function was made of stands as it is computed, such as `days from today to account.renewal`."""
    return _SPELL[type(node)](node)[0]


def literal(value: Any) -> str:
    """A value as an author writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | int):
        return f"{value:.15g}"
    return value.isoformat() if isinstance(value, date) else f'"{value}"'


def _in(node: t.Node, tightness: int) -> str:
    text, own = _SPELL[type(node)](node)
    return f"({text})" if own < tightness else text


def _joined(word: str, own: int) -> Callable[[Any], tuple[str, int]]:
    return lambda node: (f" {word} ".join(_in(part, own + 1) for part in node.parts), own)


def _not(node: t.Not) -> tuple[str, int]:
    return f"not {_in(node.part, _NOT)}", _NOT


def _compare(node: t.Compare) -> tuple[str, int]:
    return f"{_in(node.left, _SUM)} {node.sign} {_in(node.right, _SUM)}", _COMPARE


def _matches(node: t.Matches) -> tuple[str, int]:
    return f"{_in(node.left, _SUM)} {node.way} {_in(node.right, _SUM)}", _COMPARE


def _among(node: t.Among) -> tuple[str, int]:
    return f"{_in(node.part, _SUM)} in [{', '.join(literal(one.value) for one in node.options)}]", _COMPARE


def _known(node: t.Known) -> tuple[str, int]:
    return f"{_in(node.part, _SUM)} is known", _COMPARE


def _arithmetic(node: t.Arithmetic) -> tuple[str, int]:
    own = _SUM if node.sign in "+-" else _PRODUCT
    return f"{_in(node.left, own)} {node.sign} {_in(node.right, own + 1)}", own


def _shift(node: t.Shift) -> tuple[str, int]:
    by = str(node.by)
    return (f"{_in(node.part, _SUM)} - {by[1:]}" if by.startswith("-") else f"{_in(node.part, _SUM)} + {by}"), _SUM


def _days(node: t.Days) -> tuple[str, int]:
    if isinstance(node.since, t.Today | t.Now):
        return f"days_until({spell(node.until)})", _ATOM
    if isinstance(node.until, t.Today | t.Now):
        return f"days_since({spell(node.since)})", _ATOM
    return f"{_in(node.until, _SUM)} - {_in(node.since, _PRODUCT)}", _SUM


def _call(node: t.Call) -> tuple[str, int]:
    arguments = [one for one in node.arguments if not isinstance(one, t.Today | t.Now)]
    return f"{node.name}({', '.join(map(spell, arguments))})", _ATOM


def _aggregate(node: t.Aggregate) -> tuple[str, int]:
    return node.text or f"{node.name}({node.source})", _ATOM


def _atom(text: Callable[[Any], str]) -> Callable[[Any], tuple[str, int]]:
    return lambda node: (text(node), _ATOM)


_SPELL: Mapping[type, Callable[[Any], tuple[str, int]]] = {
    t.Constant: _atom(lambda node: literal(node.value)),
    t.FieldValue: _atom(lambda node: node.name),
    t.Prop: _atom(lambda node: node.name),
    t.Active: _atom(lambda _: "active"),
    t.Today: _atom(lambda _: "today"),
    t.Now: _atom(lambda _: "now"),
    t.AllOf: _joined("and", _AND),
    t.AnyOf: _joined("or", _OR),
    t.Not: _not,
    t.Compare: _compare,
    t.Matches: _matches,
    t.Among: _among,
    t.Known: _known,
    t.Arithmetic: _arithmetic,
    t.Shift: _shift,
    t.Days: _days,
    t.Call: _call,
    t.Extreme: _atom(lambda node: f"{node.way}({node.field}, {node.window})"),
    t.Aggregate: _aggregate,
}
