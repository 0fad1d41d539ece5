"""The typed tree both back ends compile: what an expression means, with nothing left to look up.

Every node has a type. Unknown (None, NULL) passes through every node but `Known`, `AllOf`, `AnyOf` and `coalesce`.
"""

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from datetime import date
from typing import Any, ClassVar, Literal, dataclass_transform, get_args

from engine.catalogue import Type
from engine.durations import Duration

Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
AggregateName = Literal["count", "sum", "avg", "min", "max", "last", "count_distinct", "any", "all"]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class _Frozen:
    """What `@dataclass(frozen=True, kw_only=True)` makes of a class, without a program of its own for each: there are
    many kinds of nodes, and whoever reads an expression imports them all."""

    _names: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        cls._names = tuple(cls.__annotations__)
        cls._defaults = {name: vars(cls)[name] for name in cls._names if name in vars(cls)}

    def __init__(self, **values: Any) -> None:
        here = vars(self)
        here.update(self._defaults)
        here.update(values)
        if here.keys() != set(self._names):
            raise TypeError(f"{type(self).__name__} has {', '.join(self._names)}, and was given {', '.join(values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"cannot assign to {name}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete {name}")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *(vars(self)[name] for name in self._names)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={vars(self)[name]!r}' for name in self._names)})"


class Constant(_Frozen):
    value: float | str | bool | date
    type: Type


class FieldValue(_Frozen):
    """A field of the account, or a result of a step."""

    name: str
    type: Type


class Prop(_Frozen):
    """Inside an aggregate: a prop of the row, or its `start`, `end`, `at`."""

    name: str
    type: Type
    built_in: bool = False


class Active(_Frozen):
    """Inside an aggregate over records: started and not ended."""

    type: Literal["bool"] = "bool"


class Today(_Frozen):
    """The date in the account's zone."""

    type: Literal["date"] = "date"


class Now(_Frozen):
    type: Literal["instant"] = "instant"


class AllOf(_Frozen):
    """Kleene's and: false wins over unknown."""

    parts: tuple["Node", ...]
    type: Literal["bool"] = "bool"


class AnyOf(_Frozen):
    """Kleene's or: true wins over unknown."""

    parts: tuple["Node", ...]
    type: Literal["bool"] = "bool"


class Not(_Frozen):
    part: "Node"
    type: Literal["bool"] = "bool"


class Compare(_Frozen):
    """Both sides are of one type; choice and text compare as text, by code point."""

    sign: Comparison
    left: "Node"
    right: "Node"
    type: Literal["bool"] = "bool"


class Matches(_Frozen):
    """`contains` and `starts_with`, by code point."""

    way: Literal["contains", "starts_with"]
    left: "Node"
    right: "Node"
    type: Literal["bool"] = "bool"


class Among(_Frozen):
    part: "Node"
    options: tuple[Constant, ...]
    type: Literal["bool"] = "bool"


class Known(_Frozen):
    """Never unknown itself."""

    part: "Node"
    type: Literal["bool"] = "bool"


class Arithmetic(_Frozen):
    """On numbers; division by zero and results beyond `values.LARGEST` are unknown."""

    sign: Literal["+", "-", "*", "/"]
    left: "Node"
    right: "Node"
    type: Literal["number"] = "number"


class Shift(_Frozen):
    """A date or an instant moved by a duration; a date only by days and more, an instant only by weeks and less."""

    part: "Node"
    by: Duration
    type: Literal["date", "instant"]


class Days(_Frozen):
    """Days from one date to another, or from one instant to another (then in 24 hours, with fractions)."""

    since: "Node"
    until: "Node"
    type: Literal["number"] = "number"


class Call(_Frozen):
    """A function of `functions.FUNCTIONS`."""

    name: str
    arguments: tuple["Node", ...]
    type: Type


class Extreme(_Frozen):
    """What a field's history within a window that ends now comes to: the highest or lowest value in force, or the trend
    of the values it took on (`trends.slope`)."""

    way: Literal["highest", "lowest", "trend"]
    field: str
    window: Duration
    type: Literal["number"] = "number"


class Aggregate(_Frozen):
    """Over the rows of one source for which `where` is true and whose moment lies in the window (now - window, now].

    A record's moment is its start, an event's its `at`; contacts have none. Without `part` the rows themselves are
    counted; otherwise only rows where it is known take part. The count and the sum of nothing are 0; other aggregates
    of nothing are unknown. `any` and `all` ask `part` of each row, after Kleene; of no rows `any` is false and `all`
    unknown.
    """

    name: AggregateName
    source: str
    """`event.usage`, a record kind such as `subscription`, or `contact`."""
    part: "Node | None"
    where: "Node | None"
    window: Duration | None
    type: Type
    text: str = ""
    """As written, with canonical white space: the name under which a run reads it."""


Node = (
    Constant
    | FieldValue
    | Prop
    | Active
    | Today
    | Now
    | AllOf
    | AnyOf
    | Not
    | Compare
    | Matches
    | Among
    | Known
    | Arithmetic
    | Shift
    | Days
    | Call
    | Extreme
    | Aggregate
)


_BELOW = {kind: kind._names for kind in get_args(Node)}  # noqa: SLF001 - of its own base


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, from left to right."""
    yield node
    for name in _BELOW[type(node)]:
        below = getattr(node, name)
        for part in below if isinstance(below, tuple) else (below,):
            if type(part) in _BELOW:
                yield from walk(part)
