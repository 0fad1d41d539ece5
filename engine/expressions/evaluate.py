"""The Python back end: compiles a typed tree into closures that read one account; never raises, unknown is None."""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.calendars import add_months
from engine.durations import Duration
from engine.expressions import closures, values
from engine.expressions import tree as t
from engine.expressions.aggregates import AGGREGATED
from engine.expressions.env import Env, Evaluator


def compile_node(node: t.Node) -> Evaluator:
    """A function from an account to the node's value."""
    return _COMPILE[type(node)](node)


def _all(nodes: tuple[t.Node, ...]) -> tuple[Evaluator, ...]:
    return tuple(map(compile_node, nodes))


def _constant(node: t.Constant) -> Evaluator:
    return lambda _: node.value


def _field(node: t.FieldValue) -> Evaluator:
    name = node.name
    return lambda env: env.field(name)


def _known(node: t.Known) -> Evaluator:
    part = compile_node(node.part)
    return lambda env: part(env) is not None


def _among(node: t.Among) -> Evaluator:
    return closures.among(compile_node(node.part), tuple(option.value for option in node.options))


def _both(operation: closures.Binary, left: t.Node, right: t.Node) -> Evaluator:
    if isinstance(right, t.Constant):
        if isinstance(left, t.FieldValue):
            return closures.field_with_constant(operation, left.name, right.value)
        return closures.with_constant(operation, compile_node(left), right.value)
    return closures.both(operation, compile_node(left), compile_node(right))


def _matches(node: t.Matches) -> Evaluator:
    if node.left.type == "tags":
        return closures.tagged(compile_node(node.left), compile_node(node.right))
    return _both(operator.contains if node.way == "contains" else str.startswith, node.left, node.right)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _reckoned(operation: Callable[[float, float], float]) -> Callable[[float, float], float | None]:
    def run(left: float, right: float) -> float | None:
        a, b = values.in_range(left), values.in_range(right)
        return None if a is None or b is None else operation(a, b)

    return run


_divided = _reckoned(operator.truediv)

_ARITHMETIC: dict[str, Callable[[float, float], float | None]] = {
    "+": _reckoned(operator.add),
    "-": _reckoned(operator.sub),
    "*": _reckoned(operator.mul),
    "/": lambda left, right: None if values.in_range(right) == 0 else _divided(left, right),
}


# --- dates ----------------------------------------------------------------------------------------------------------


def _shift(node: t.Shift) -> Evaluator:
    return closures.strictly(_moved(node.by), (compile_node(node.part),))


def _moved(by: Duration) -> Callable[[Any], Any]:
    exact = by.exact

    def by_months(day: date) -> date | None:
        return add_months(day, by.amount * (12 if by.unit == "years" else 1))

    def by_time(moment: Any) -> Any:
        assert exact is not None
        try:
            return _utc(moment) + exact
        except OverflowError:
            return None

    return by_months if exact is None else by_time


def _days(since: date, until: date) -> float:
    return float(until.toordinal() - since.toordinal())


def _exact_days(since: datetime, until: datetime) -> float:
    elapsed: timedelta = _utc(until) - _utc(since)
    return elapsed // timedelta(microseconds=1) / values.MICROSECONDS_A_DAY


def _utc(moment: Any) -> Any:
    """Python reckons in wall time as long as two instants share a zone; only in UTC that is the time that passes."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


# --- functions and aggregates ---------------------------------------------------------------------------------------


def _call(node: t.Call) -> Evaluator:
    arguments = _all(node.arguments)
    if node.name == "coalesce":
        return closures.coalesce(arguments)
    if node.name == "date":
        return _local_date(arguments[0])
    return closures.strictly(STRICT[node.name], arguments)


def _local_date(part: Evaluator) -> Evaluator:
    def run(env: Env) -> date | None:
        at = part(env)
        return None if at is None else env.local_date(at)

    return run


def _round(number: float, digits: float) -> float | None:
    sound = values.in_range(number)
    return None if sound is None else values.rounded(sound, int(digits))


STRICT: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "round": _round,
    "min": min,
    "max": max,
    "lower": values.folded,
    "len": lambda text: float(len(text)),
    "next_anniversary": values.next_anniversary,
}
"""Functions of known arguments."""


def _extreme(node: t.Extreme) -> Evaluator:
    name, window = node.field, node.window
    match node.way:
        case "highest":
            return lambda env: env.highest(name, window)
        case "lowest":
            return lambda env: env.lowest(name, window)
    return lambda env: env.trend(name, window)


def _aggregate(node: t.Aggregate) -> Evaluator:
    part = compile_node(node.part) if node.part is not None else None
    where = compile_node(node.where) if node.where is not None else None
    window = node.window.exact if node.window is not None else None
    unknown_too = node.name in ("any", "all")
    work_out = closures.over_rows(node.source, part, where, window, AGGREGATED[node.name], unknown_too=unknown_too)
    return lambda env: env.aggregate(node, work_out)


_COMPILE: Mapping[type, Callable[[Any], Evaluator]] = {
    t.Constant: _constant,
    t.FieldValue: _field,
    t.Prop: lambda node: closures.prop(node.name, values.READ_PROP[node.type]),
    t.Active: lambda _: closures.active,
    t.Today: lambda _: operator.attrgetter("today"),
    t.Now: lambda _: operator.attrgetter("now"),
    t.AllOf: lambda node: closures.all_of(_all(node.parts)),
    t.AnyOf: lambda node: closures.any_of(_all(node.parts)),
    t.Not: lambda node: closures.not_(compile_node(node.part)),
    t.Compare: lambda node: _both(_COMPARE[node.sign], node.left, node.right),
    t.Matches: _matches,
    t.Among: _among,
    t.Known: _known,
    t.Arithmetic: lambda node: _both(_ARITHMETIC[node.sign], node.left, node.right),
    t.Shift: _shift,
    t.Days: lambda node: _both(_days if node.since.type == "date" else _exact_days, node.since, node.until),
    t.Call: _call,
    t.Extreme: _extreme,
    t.Aggregate: _aggregate,
}
