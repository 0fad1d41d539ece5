"""The closures the Python back end is made of: logic of three values, operations on known values, rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from engine.durations import Duration
from engine.expressions.env import Env, Evaluator
from engine.expressions.tree import Aggregate
from engine.expressions.values import READ_PROP


def all_of(parts: tuple[Evaluator, ...]) -> Evaluator:
    def run(env: Env) -> bool | None:
        answer: bool | None = True
        for part in parts:
            value = part(env)
            if value is False:
                return False
            if value is None:
                answer = None
        return answer

    return run


def any_of(parts: tuple[Evaluator, ...]) -> Evaluator:
    def run(env: Env) -> bool | None:
        answer: bool | None = False
        for part in parts:
            value = part(env)
            if value is True:
                return True
            if value is None:
                answer = None
        return answer

    return run


def not_(part: Evaluator) -> Evaluator:
    def run(env: Env) -> bool | None:
        value = part(env)
        return None if value is None else not value

    return run


def among(part: Evaluator, options: tuple[Any, ...]) -> Evaluator:
    def run(env: Env) -> bool | None:
        value = part(env)
        return None if value is None else value in options

    return run


def tagged(tags: Evaluator, tag: Evaluator) -> Evaluator:
    """Who has no tags is known not to have this one."""

    def run(env: Env) -> bool | None:
        word = tag(env)
        return None if word is None else word in (tags(env) or ())

    return run


def coalesce(arguments: tuple[Evaluator, ...]) -> Evaluator:
    def run(env: Env) -> Any:
        for argument in arguments:
            value = argument(env)
            if value is not None:
                return value
        return None

    return run


# --- on known values: unknown in, unknown out -----------------------------------------------------------------------

Binary = Callable[[Any, Any], Any]


def both(operation: Binary, first: Evaluator, second: Evaluator) -> Evaluator:
    def run(env: Env) -> Any:
        a = first(env)
        if a is None:
            return None
        b = second(env)
        return None if b is None else operation(a, b)

    return run


def with_constant(operation: Binary, part: Evaluator, constant: Any) -> Evaluator:
    def run(env: Env) -> Any:
        value = part(env)
        return None if value is None else operation(value, constant)

    return run


def field_with_constant(operation: Binary, name: str, constant: Any) -> Evaluator:
    """Most of what authors write, hence without a call between."""

    def run(env: Env) -> Any:
        value = env.field(name)
        return None if value is None else operation(value, constant)

    return run


def strictly(operation: Callable[..., Any], arguments: tuple[Evaluator, ...]) -> Evaluator:
    def run(env: Env) -> Any:
        known = []
        for argument in arguments:
            value = argument(env)
            if value is None:
                return None
            known.append(value)
        return operation(*known)

    return run


# --- rows -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    """The account as one of its rows sees it."""

    env: Env
    row: Mapping[str, Any]
    now: datetime
    today: date

    def field(self, name: str) -> Any:
        return self.env.field(name)

    def local_date(self, at: datetime) -> date:
        return self.env.local_date(at)

    def highest(self, name: str, window: Duration) -> float | None:
        return self.env.highest(name, window)

    def lowest(self, name: str, window: Duration) -> float | None:
        return self.env.lowest(name, window)

    def trend(self, name: str, window: Duration) -> float | None:
        return self.env.trend(name, window)

    def rows(self, source: str) -> Sequence[Mapping[str, Any]]:
        return self.env.rows(source)

    def aggregate(self, node: Aggregate, _: Evaluator) -> Any:
        raise LookupError(f"{node.text} stands inside a row")


def on_row(env: Env, row: Mapping[str, Any]) -> Env:
    """The account as one of its rows sees it: bare names are the row's."""
    return _Row(env, row, env.now, env.today)


def prop(name: str, read: Callable[[Any], Any]) -> Evaluator:
    """A value of the row; only aggregates evaluate it, on a `_Row`."""
    return lambda row: read(row.row.get(name))  # type: ignore[attr-defined]  # a row is an Env and more


def active(row: Any) -> bool:
    start, end = _moment(row.row["start"]), _moment(row.row.get("end"))
    return start is not None and start <= row.now and (end is None or end > row.now)


def over_rows(
    source: str,
    part: Evaluator | None,
    where: Evaluator | None,
    window: timedelta | None,
    combine: Callable[[Sequence[Any]], Any],
    *,
    unknown_too: bool = False,
) -> Evaluator:
    """Combine the known values of the rows that lie in the window and of which `where` is true."""
    moment = "at" if source.startswith("event.") else "start"

    def run(env: Env) -> Any:
        now, today = env.now, env.today
        found = []
        for each in env.rows(source):
            if window is not None:
                at = _moment(each[moment])
                if not (at is not None and now - window < at <= now):
                    continue
            row = _Row(env, each, now, today)
            if where is not None and where(row) is not True:
                continue
            value = part(row) if part is not None else True
            if value is not None or unknown_too:
                found.append(value)
        return combine(found)

    return run


_moment: Callable[[Any], datetime | None] = READ_PROP["instant"]
