"""What `{{ value | filter }}` can do: functions over text, numbers and dates that never build more than they got."""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from jinja2 import StrictUndefined


class RenderError(Exception):
    """A text cannot be filled in for this account; the message names the value and what to do."""


class Missing(StrictUndefined):
    """A value nobody knows. It is false, so `or "…"` works; showing, comparing or computing with it is an error."""

    def __init__(self, name: str) -> None:
        hint = f'{name} is unknown here; give it a fallback, such as {{{{ {name} or "…" }}}}'
        super().__init__(hint=hint, name=name, exc=RenderError)  # type: ignore[arg-type]  # any exception class works

    def __bool__(self) -> bool:  # type: ignore[override]  # Jinja declares that it never returns
        return False


DATE_STYLES = ("long", "short", "weekday", "iso")
_CURRENCY = re.compile(r"[A-Z]{3}")
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def show(value: Any) -> str:
    """A value as people read it: 62 rather than 62.0, yes rather than True."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _digits(Decimal(repr(value))) if math.isfinite(value) else "–"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(map(show, value))
    return str(value)


def _digits(number: Decimal, *, commas: bool = False) -> str:
    shown = f"{number:,f}" if commas else f"{number:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _number(value: Any, word: str) -> Decimal:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return Decimal(repr(value))
    raise RenderError(f"{word} needs a number, and {show(value)[:40]!r} is none")


def _rounded(value: Any, digits: int, word: str) -> Decimal:
    number = _number(value, word)
    if number.adjusted() > 20:
        raise RenderError(f"{word} needs a number of a reasonable size")
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _default(value: Any, fallback: Any) -> Any:
    return fallback if isinstance(value, Missing) or value == "" else value


def _title(value: Any) -> str:
    return _WORD.sub(lambda word: word[0][:1].upper() + word[0][1:].lower(), show(value))


def _round(value: Any, digits: int = 0) -> float:
    return float(_rounded(value, digits, "round"))


def _number_text(value: Any, digits: int | None = None) -> str:
    if digits is None:
        return _digits(_rounded(value, 2, "number"), commas=True)
    return f"{_rounded(value, digits, 'number'):,f}"


def _money(value: Any, currency: str = "") -> str:
    amount = _rounded(value, 2, "money")
    number = f"{abs(amount):,.0f}" if amount == amount.to_integral_value() else f"{abs(amount):,.2f}"
    unit = _SYMBOLS.get(currency, f"{currency} " if currency else "")
    return f"{'-' if amount < 0 else ''}{unit}{number}"


def _date(value: Any, style: str = "long") -> str:
    day = _day(value)
    month = _MONTHS[day.month - 1]
    if style == "iso":
        return day.isoformat()
    if style == "short":
        return f"{day.day} {month[:3]} {day.year}"
    if style == "weekday":
        return f"{_DAYS[day.weekday()]} {day.day} {month}"
    return f"{day.day} {month} {day.year}"


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(value).date()
    except (TypeError, ValueError):
        raise RenderError(f"date needs a date, and {show(value)[:40]!r} is none") from None


def _keeping_missing(function: Callable[..., Any]) -> Callable[..., Any]:
    """An unknown value passes through, so that `name | title or "there"` reads as it should."""
    return lambda value, *args: value if isinstance(value, Missing) else function(value, *args)


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "upper": _keeping_missing(lambda value: show(value).upper()),
    "lower": _keeping_missing(lambda value: show(value).lower()),
    "title": _keeping_missing(_title),
    "capitalize": _keeping_missing(lambda value: show(value).capitalize()),
    "round": _keeping_missing(_round),
    "int": _keeping_missing(lambda value: int(_rounded(value, 9, "int"))),
    "number": _keeping_missing(_number_text),
    "money": _keeping_missing(_money),
    "date": _keeping_missing(_date),
}


def _is_small_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 6


ARGUMENTS: dict[str, tuple[int, int, Callable[[Any], bool], str]] = {
    "default": (1, 1, lambda value: isinstance(value, str | int | float), 'one fallback: default("…")'),
    "round": (0, 1, _is_small_count, "how many digits, 0 to 6: round(1)"),
    "number": (0, 1, _is_small_count, "how many digits, 0 to 6: number(1)"),
    "money": (
        0,
        1,
        lambda value: isinstance(value, str) and bool(_CURRENCY.fullmatch(value)),
        'a currency: money("EUR")',
    ),
    "date": (0, 1, lambda value: value in DATE_STYLES, f'one of {", ".join(DATE_STYLES)}: date("short")'),
}
"""Least and most arguments, what each must be, and what to say otherwise; a filter not named here takes none."""

TESTS: dict[str, Callable[[Any], bool]] = {
    "known": lambda value: not isinstance(value, Missing),
    "unknown": lambda value: isinstance(value, Missing),
}
