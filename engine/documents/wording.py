"""What a text in a document stands for: a condition, an expression, a duration, a template, a role.

The checker learns nothing from it. Schemas, the reference and the formatter do, so it is said once, at the field.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.durations import SPOKEN

Meaning = Literal["condition", "expression", "duration", "template", "contact role", "staff role"]
MEANING = "x-meaning"
"""The key of a JSON Schema under which a text's meaning stands; validators pass over keys they do not know."""


def _any_case(word: str) -> str:
    return "".join(f"[{one}{one.upper()}]" if one.isalpha() else "[ _]" for one in word)


_UNITS = "|".join(_any_case(word) for word in sorted(SPOKEN, key=len, reverse=True))
_DURATION = rf"^\s*([+-]?\d{{1,9}}\s*({_UNITS})|P(T?)\d{{1,9}}[YMWDH])\s*$"
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "business day")
_WEEKDAY = rf"^\s*({_any_case('next')}\s+)?({'|'.join(map(_any_case, _NAMES))})(\s+([01]\d|2[0-3]):[0-5]\d)?\s*$"

ConditionText = Annotated[str, WithJsonSchema({"type": "string", MEANING: "condition"})]
"""An expression that is true, false or unknown."""
ExpressionText = Annotated[str, WithJsonSchema({"type": "string", MEANING: "expression"})]
"""An expression of another type."""


def _with_unit(value: object) -> object:
    """An amount alone says nothing, and quotes would not help it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        many = "" if value == 1 else "s"
        hint = f"write {value} day{many}, {value} hour{many} or {value} business day{many}"
        raise PydanticCustomError("PB322", "{value} has no unit of time", {"value": value, "hint": hint})
    return value


def _percent(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        hint = f"write {value * 100 if value < 1 else value:g}%"
        raise PydanticCustomError("PB325", "{value} is no share in per cent", {"value": value, "hint": hint})
    return value


Share = Annotated[str, BeforeValidator(_percent)]
"""Per cent, as the author's words."""
DurationWords = Annotated[
    str,
    BeforeValidator(_with_unit),
    WithJsonSchema(
        {
            "type": "string",
            MEANING: "duration",
            "pattern": _DURATION,
            "patternErrorMessage": "a duration is an amount and a unit: 3 days, 4 hours, 5 business days, P3D",
        }
    ),
]
"""A duration as the author's words."""
WaitWords = Annotated[
    str,
    BeforeValidator(_with_unit),
    WithJsonSchema(
        {
            "type": "string",
            MEANING: "duration",
            "pattern": rf"{_DURATION}|{_WEEKDAY}",
            "patternErrorMessage": "a wait is a duration, such as 3 days, or a day and time, such as monday 09:00",
        }
    ),
]
"""A duration, or the next weekday and time."""
TemplateText = Annotated[str, WithJsonSchema({"type": "string", MEANING: "template"})]
"""A text with {{ fields }} in it."""
ContactRole = Annotated[str, WithJsonSchema({"type": "string", MEANING: "contact role"})]
StaffRole = Annotated[str, WithJsonSchema({"type": "string", MEANING: "staff role"})]
