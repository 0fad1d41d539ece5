"""Takes a condition apart: what each term of it says now, and the nearest change of facts that would turn it round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Any, Literal

from engine.catalogue import Catalogue
from engine.durations import Duration
from engine.expressions import Env, Evaluator, Expression
from engine.expressions import tree as t
from engine.expressions.evaluate import compile_node
from engine.expressions.spell import literal, spell


@dataclass(frozen=True, kw_only=True)
class Change:
    """A value that would have to become another."""

    name: str
    """A field, or `highest(health.score, 14 days)`."""
    says: str
    """What it would have to be, in words: `at least 60`, `on or before 2026-05-01`, `"enterprise"`."""
    to: Any
    """The nearest such value; None where there is none to name."""
    now: Any


@dataclass(frozen=True, kw_only=True)
class Term:
    """A condition, or a part of one."""

    text: str
    holds: bool | None
    joined: Literal["and", "or", "not", ""] = ""
    """How its parts make it; empty for a term without parts."""
    parts: tuple["Term", ...] = ()
    values: Mapping[str, Any] | None = None
    """What a term without parts reads."""


def terms(expression: Expression, env: Env) -> Term:
    """The condition as a tree of its terms, each with what it says now."""
    return _term(expression.tree, env)


def nearest(expression: Expression, env: Env, catalogue: Catalogue, *, want: bool) -> tuple[Change, ...] | None:
    """The fewest changes that make a condition true, or false; empty when it is so, None when none is found."""
    return _turn(expression.tree, env, catalogue, want=want)


# --- terms ---


def _term(node: t.Node, env: Env) -> Term:
    holds = compile_node(node)(env)
    answer = holds if isinstance(holds, bool) else None
    match node:
        case t.AllOf():
            return Term(
                text=spell(node), holds=answer, joined="and", parts=tuple(_term(one, env) for one in node.parts)
            )
        case t.AnyOf():
            return Term(text=spell(node), holds=answer, joined="or", parts=tuple(_term(one, env) for one in node.parts))
        case t.Not(part=t.AllOf() | t.AnyOf()):
            return Term(text=spell(node), holds=answer, joined="not", parts=(_term(node.part, env),))
    return Term(text=spell(node), holds=answer, values={_name(one): compile_node(one)(env) for one in _variables(node)})


def _variables(node: t.Node) -> tuple[t.Node, ...]:
    """The fields, extremes and aggregates a term reads, each once; what is inside an aggregate is its own business."""
    found: dict[str, t.Node] = {}

    def look(one: t.Node) -> None:
        if isinstance(one, t.FieldValue | t.Extreme | t.Aggregate):
            found.setdefault(_name(one), one)
            return
        for part in _below(one):
            look(part)

    look(node)
    return tuple(found.values())


def _below(node: t.Node) -> Sequence[t.Node]:
    match node:
        case t.AllOf() | t.AnyOf():
            return node.parts
        case t.Not() | t.Known() | t.Shift() | t.Among():
            return (node.part,)
        case t.Compare() | t.Matches() | t.Arithmetic():
            return (node.left, node.right)
        case t.Days():
            return (node.since, node.until)
        case t.Call():
            return node.arguments
    return ()


def _name(node: t.Node) -> str:
    return spell(node)


# --- changes ---

_Changes = tuple[Change, ...] | None


def _turn(node: t.Node, env: Env, catalogue: Catalogue, *, want: bool) -> _Changes:
    if compile_node(node)(env) is want:
        return ()
    match node:
        case t.AllOf():
            turned = [_turn(one, env, catalogue, want=want) for one in node.parts]
            return _together(turned) if want else _cheapest(turned)
        case t.AnyOf():
            turned = [_turn(one, env, catalogue, want=want) for one in node.parts]
            return _cheapest(turned) if want else _together(turned)
        case t.Not():
            return _turn(node.part, env, catalogue, want=not want)
        case t.Among():
            return _among(node, env, catalogue, want=want)
        case t.Compare():
            return _compare(node, env, catalogue, want=want)
        case t.Known():
            return _known(node, env, want=want)
        case t.FieldValue():
            return (Change(name=node.name, says="true" if want else "false", to=want, now=env.field(node.name)),)
    return None


def _together(turned: Sequence[_Changes]) -> _Changes:
    found: dict[str, Change] = {}
    for changes in turned:
        if changes is None:
            return None
        for change in changes:
            found[change.name] = _further(found.get(change.name), change)
    return tuple(found.values())


def _further(one: Change | None, other: Change) -> Change:
    """Two terms ask for more of the same value: the one that asks for most."""
    if one is None or not all(isinstance(value, float | int) for value in (one.to, other.to, one.now)):
        return other
    return one if abs(one.to - one.now) >= abs(other.to - other.now) else other


def _cheapest(turned: Sequence[_Changes]) -> _Changes:
    possible = [changes for changes in turned if changes is not None]
    return min(possible, key=len, default=None)


def _known(node: t.Known, env: Env, *, want: bool) -> _Changes:
    unknown = [one for one in _variables(node.part) if (compile_node(one)(env) is None) is want]
    word = "known" if want else "unknown"
    changes = tuple(Change(name=_name(one), says=word, to=None, now=compile_node(one)(env)) for one in unknown)
    return (changes or None) if want else changes[:1] or None


def _among(node: t.Among, env: Env, catalogue: Catalogue, *, want: bool) -> _Changes:
    if not isinstance(node.part, t.FieldValue):
        return None
    options = [one.value for one in node.options]
    now = env.field(node.part.name)
    if want:
        says = " or ".join(map(literal, options))
        return (Change(name=node.part.name, says=says, to=options[0], now=now),)
    return (_anything_but(node.part.name, options, now, catalogue),)


def _anything_but(name: str, values: Sequence[Any], now: Any, catalogue: Catalogue) -> Change:
    field = catalogue.field(name)
    left = [option for option in (field.options if field else ()) if option not in values]
    says = " or ".join(map(literal, left)) if 0 < len(left) <= 3 else f"not {' or '.join(map(literal, values))}"
    return Change(name=name, says=says, to=left[0] if left else None, now=now)


def _compare(node: t.Compare, env: Env, catalogue: Catalogue, *, want: bool) -> _Changes:
    sign = node.sign if want else _OPPOSITE[node.sign]
    # The present moves before the past does, and what is counted over rows last.
    variables = (*_variables(node.left), *_variables(node.right))
    for variable in sorted(variables, key=lambda one: not isinstance(one, t.FieldValue)):
        change = _solve(node, sign, variable, env, catalogue)
        if change is not None:
            return (change,)
    return None


_OPPOSITE: Mapping[str, str] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED: Mapping[str, str] = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_NUMBERS: Mapping[str, str] = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "==": "", "!=": "not"}
_DATES: Mapping[str, str] = {
    "<": "before",
    "<=": "on or before",
    ">": "after",
    ">=": "on or after",
    "==": "on",
    "!=": "not on",
}


def _solve(node: t.Compare, sign: str, variable: t.Node, env: Env, catalogue: Catalogue) -> Change | None:
    now, name = compile_node(variable)(env), _name(variable)
    if variable.type in ("text", "choice", "bool"):
        return _plain(node, sign, variable, env, catalogue)
    if variable.type not in ("number", "date"):
        return None
    line = _line(node, variable, env)
    if line is None:
        return None
    at, rises = line
    sign = sign if rises else _MIRRORED[sign]
    if variable.type == "date":
        day = _day(at, sign)
        return (
            None if day is None else Change(name=name, says=f"{_DATES[sign]} {day}", to=_next_day(day, sign), now=now)
        )
    shown = round(at, 6) + 0.0
    return Change(name=name, says=f"{_NUMBERS[sign]} {literal(shown)}".strip(), to=_next(name, shown, sign), now=now)


def _plain(node: t.Compare, sign: str, variable: t.Node, env: Env, catalogue: Catalogue) -> Change | None:
    """Text, choices and booleans are compared by being the same or not."""
    other = node.right if node.left == variable else node.left if node.right == variable else None
    if other is None or not isinstance(variable, t.FieldValue):
        return None
    value, now = compile_node(other)(env), env.field(variable.name)
    if value is None or sign not in ("==", "!="):
        return None
    if sign == "==":
        return Change(name=variable.name, says=literal(value), to=value, now=now)
    if isinstance(value, bool):
        return Change(name=variable.name, says=literal(not value), to=not value, now=now)
    return _anything_but(variable.name, [value], now, catalogue)


_SAMPLES = (0.0, 1.0, 97.0)


def _line(node: t.Compare, variable: t.Node, env: Env) -> tuple[float, bool] | None:
    """Where left and right are equal as the variable moves, and whether left minus right rises with it.

    Only for what changes evenly: probed at three points, the third must lie on the line through the others.
    """
    left, right, name = compile_node(node.left), compile_node(node.right), _name(variable)
    points = []
    for sample in _SAMPLES:
        moved = _Moved(env, name, _EPOCH + timedelta(days=sample) if variable.type == "date" else sample)
        a, b = _amount(left(moved)), _amount(right(moved))
        if a is None or b is None:
            return None
        points.append(a - b)
    rise = points[1] - points[0]
    if rise == 0 or abs(points[0] + rise * _SAMPLES[2] - points[2]) > 1e-6 * max(1.0, abs(points[2])):
        return None
    at = -points[0] / rise
    return (at, rise > 0) if isfinite(at) else None


def _amount(value: Any) -> float | None:
    """A number, or a date as days."""
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return float((value - _EPOCH).days)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


_EPOCH = date(2000, 1, 1)


def _day(at: float, sign: str) -> date | None:
    whole = round(at) if abs(at - round(at)) < 1e-6 else int(at // 1) + (sign in ("<", ">="))
    try:
        return _EPOCH + timedelta(days=whole)
    except OverflowError:
        return None


def _next_day(day: date, sign: str) -> date:
    return day + timedelta(days={">": 1, "<": -1, "!=": 1}.get(sign, 0))


def _next(name: str, value: float, sign: str) -> float:
    # Scores are rounded to a tenth.
    step = 1.0 if abs(value) >= 10 and not name.endswith(".score") else 0.1
    return round(value + {">": step, "<": -step, "!=": step}.get(sign, 0.0), 6)


class _Moved:
    """What the environment would say if one value were another."""

    def __init__(self, env: Env, name: str, value: Any) -> None:
        self._env, self._name, self._value = env, name, value

    @property
    def now(self) -> datetime:
        return self._env.now

    @property
    def today(self) -> date:
        return self._env.today

    def field(self, name: str) -> Any:
        return self._value if name == self._name else self._env.field(name)

    def local_date(self, at: datetime) -> date:
        return self._env.local_date(at)

    def highest(self, name: str, window: Duration) -> float | None:
        return self._over(f"highest({name}, {window})", self._env.highest(name, window))

    def lowest(self, name: str, window: Duration) -> float | None:
        return self._over(f"lowest({name}, {window})", self._env.lowest(name, window))

    def trend(self, name: str, window: Duration) -> float | None:
        return self._over(f"trend({name}, {window})", self._env.trend(name, window))

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        return self._env.rows(source)

    def aggregate(self, node: t.Aggregate, work_out: Evaluator) -> Any:
        return self._value if spell(node) == self._name else self._env.aggregate(node, work_out)

    def _over(self, name: str, otherwise: float | None) -> float | None:
        moved: float | None = self._value if name == self._name else otherwise
        return moved
