"""An expression as written: shapes and columns, no types. `check` turns it into a typed tree."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from engine.durations import Unit


class Constant(NamedTuple):
    """A number, quoted text, date, true or false."""

    value: float | str | bool | date
    column: int
    end: int


class Span(NamedTuple):
    """An amount of time, such as 30 days."""

    amount: float
    unit: Unit
    column: int
    end: int


class Name(NamedTuple):
    """A field, a prop, `today` or `now`."""

    name: str
    column: int
    end: int


class Operation(NamedTuple):
    """`and` and `or` of any number of parts, `not`, `-x`, signs, `in`, `not in`, `contains`, `is known`, …"""

    sign: str
    parts: tuple["Syntax", ...]
    column: int
    end: int


class Call(NamedTuple):
    """A function or an aggregate; `where` belongs to its first argument."""

    name: str
    arguments: tuple["Syntax", ...]
    where: "Syntax | None"
    column: int
    end: int


Syntax = Constant | Span | Name | Operation | Call


def parts_of(syntax: Syntax) -> tuple[Syntax, ...]:
    match syntax:
        case Operation():
            return syntax.parts
        case Call():
            return (*syntax.arguments, *((syntax.where,) if syntax.where else ()))
        case _:
            return ()


def names_in(syntax: Syntax) -> Iterator[Name]:
    """All names, from left to right."""
    if isinstance(syntax, Name):
        yield syntax
    for part in parts_of(syntax):
        yield from names_in(part)
