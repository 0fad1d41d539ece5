"""What functions take and give. To add one: a line here, in `evaluate.STRICT` and in `store/expressions/sql.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.catalogue import Type
from engine.expressions.tree import Call, Constant, Days, Node, Now, Today

_NUMBER: tuple[Type, ...] = ("number",)
_TEXT: tuple[Type, ...] = ("text", "choice")
_MOMENT: tuple[Type, ...] = ("date", "instant")
_ORDERED: tuple[Type, ...] = ("number", "date", "instant")
_ANY: tuple[Type, ...] = ("number", "text", "choice", "bool", "date", "instant")

MANY = 20
MOST_DIGITS = 6

Build = Callable[[tuple[Node, ...]], Node | str]
"""Makes the node of a call whose arguments have passed; a text says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """All arguments are of one type out of `takes`; between `least` and `most` of them."""

    says: str
    takes: tuple[Type, ...]
    least: int = 1
    most: int = 1
    build: Build


def _call(name: str, gives: Type | None = None) -> Build:
    """A node for the back ends to compute; without `gives` it has its arguments' type."""
    return lambda arguments: Call(name=name, arguments=arguments, type=gives or _common(arguments))


def _common(arguments: tuple[Node, ...]) -> Type:
    types = [argument.type for argument in arguments]
    return "text" if "text" in types else types[0]


def _round(arguments: tuple[Node, ...]) -> Node | str:
    digits = arguments[1] if len(arguments) > 1 else Constant(value=0.0, type="number")
    if not isinstance(digits, Constant) or digits.value not in range(MOST_DIGITS + 1):
        return f"the digits to round to are a whole number from 0 to {MOST_DIGITS}"
    return Call(name="round", arguments=(arguments[0], digits), type="number")


def _reference(moment: Node) -> Node:
    return Today() if moment.type == "date" else Now()


def _anniversary(arguments: tuple[Node, ...]) -> Node:
    day = arguments[0]
    if day.type == "instant":
        day = Call(name="date", arguments=(day,), type="date")
    return Call(name="next_anniversary", arguments=(day, Today()), type="date")


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(says="a number without its sign", takes=_NUMBER, build=_call("abs")),
    "round": Function(says="rounded half up, to whole numbers or so many digits", takes=_NUMBER, most=2, build=_round),
    "min": Function(
        says="the smallest; unknown if any is unknown", takes=_ORDERED, least=2, most=MANY, build=_call("min")
    ),
    "max": Function(
        says="the greatest; unknown if any is unknown", takes=_ORDERED, least=2, most=MANY, build=_call("max")
    ),
    "coalesce": Function(says="the first that is known", takes=_ANY, least=2, most=MANY, build=_call("coalesce")),
    "lower": Function(says="a text in small letters", takes=_TEXT, build=_call("lower", "text")),
    "len": Function(says="how many characters a text has", takes=_TEXT, build=_call("len", "number")),
    "date": Function(
        says="the date of an instant, in the account's zone", takes=("instant",), build=_call("date", "date")
    ),
    "days_until": Function(
        says="days from today to a date, negative when it has passed",
        takes=_MOMENT,
        build=lambda arguments: Days(since=_reference(arguments[0]), until=arguments[0]),
    ),
    "days_since": Function(
        says="days from a date to today, negative when it lies ahead",
        takes=_MOMENT,
        build=lambda arguments: Days(since=arguments[0], until=_reference(arguments[0])),
    ),
    "next_anniversary": Function(
        says="the first anniversary of a date that is not before today",
        takes=_MOMENT,
        build=_anniversary,
    ),
}

AGGREGATES: Mapping[str, tuple[tuple[Type, ...], Type | None]] = {
    "count": (_ANY, "number"),
    "sum": (_NUMBER, "number"),
    "avg": (_NUMBER, "number"),
    "min": (_ORDERED, None),
    "max": (_ORDERED, None),
    "last": (_ANY, None),
    "count_distinct": (_ANY, "number"),
    "any": (("bool",), "bool"),
    "all": (("bool",), "bool"),
}
"""By name: the types they take, and the type they give (None: the same)."""

EXTREMES = ("highest", "lowest", "trend")

NAMES: tuple[str, ...] = tuple(sorted({*FUNCTIONS, *AGGREGATES, *EXTREMES}))
