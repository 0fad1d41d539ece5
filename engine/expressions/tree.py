"""The typed tree both back ends compile: what an expression means, with nothing left to look up.

Every node has a type. Unknown (None, NULL) passes through every node but `Known`, `AllOf`, `AnyOf` and `coalesce`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal, get_args

from engine.catalogue import Type
from engine.durations import Duration

Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
AggregateName = Literal["count", "sum", "avg", "min", "max", "last", "count_distinct", "any", "all"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant:
    value: float | str | bool | date
    type: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldValue:
    """A field of the account, or a result of a step."""

    name: str
    type: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class Prop:
    """Inside an aggregate: a prop of the row, or its `start`, `end`, `at`."""

    name: str
    type: Type
    built_in: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Active:
    """Inside an aggregate over records: started and not ended."""

    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Today:
    """The date in the account's zone."""

    type: Literal["date"] = "date"


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    type: Literal["instant"] = "instant"


@dataclass(frozen=True, kw_only=True, slots=True)
class AllOf:
    """Kleene's and: false wins over unknown."""

    parts: tuple["Node", ...]
    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnyOf:
    """Kleene's or: true wins over unknown."""

    parts: tuple["Node", ...]
    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Not:
    part: "Node"
    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Compare:
    """Both sides are of one type; choice and text compare as text, by code point."""

    sign: Comparison
    left: "Node"
    right: "Node"
    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """`contains` and `starts_with`, by code point."""

    way: Literal["contains", "starts_with"]
    left: "Node"
    right: "Node"
    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Among:
    part: "Node"
    options: tuple[Constant, ...]
    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Never unknown itself."""

    part: "Node"
    type: Literal["bool"] = "bool"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arithmetic:
    """On numbers; division by zero and results beyond `values.LARGEST` are unknown."""

    sign: Literal["+", "-", "*", "/"]
    left: "Node"
    right: "Node"
    type: Literal["number"] = "number"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """A date or an instant moved by a duration; a date only by days and more, an instant only by weeks and less."""

    part: "Node"
    by: Duration
    type: Literal["date", "instant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """Days from one date to another, or from one instant to another (then in 24 hours, with fractions)."""

    since: "Node"
    until: "Node"
    type: Literal["number"] = "number"


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A function of `functions.FUNCTIONS`."""

    name: str
    arguments: tuple["Node", ...]
    type: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class Extreme:
    """What a field's history within a window that ends now comes to: the highest or lowest value in force, or the trend
    of the values it took on (`trends.slope`)."""

    way: Literal["highest", "lowest", "trend"]
    field: str
    window: Duration
    type: Literal["number"] = "number"


@dataclass(frozen=True, kw_only=True, slots=True)
class Aggregate:
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


_BELOW = {kind: tuple(field.name for field in fields(kind)) for kind in get_args(Node)}


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, from left to right."""
    yield node
    for name in _BELOW[type(node)]:
        below = getattr(node, name)
        for part in below if isinstance(below, tuple) else (below,):
            if type(part) in _BELOW:
                yield from walk(part)
