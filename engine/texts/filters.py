"""What `{{ value | filter }}` can do: functions over text, numbers and dates that never build more than they got."""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from jinja2 import StrictUndefined, pass_context
from jinja2.runtime import Context

from engine.texts.notation import Notation, notation_of


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


def _digits(number: Decimal) -> str:
    shown = f"{number:f}"
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


def _number_text(context: Context, value: Any, digits: int | None = None) -> str:
    return _notation(context).number(_rounded(value, 2 if digits is None else digits, "number"), digits)


def _money(context: Context, value: Any, currency: str = "") -> str:
    amount, notation = _rounded(value, 2, "money"), _notation(context)
    number = notation.number(abs(amount), 0 if amount == amount.to_integral_value() else 2)
    if symbol := _SYMBOLS.get(currency):
        number = notation.money.format(unit=symbol, number=number)
    elif currency:
        number = f"{currency} {number}"
    return f"{'-' if amount < 0 else ''}{number}"


def _date(context: Context, value: Any, style: str = "long") -> str:
    day = _day(value)
    return day.isoformat() if style == "iso" else _notation(context).date(day, style)


LANGUAGE = "language"
"""Where a template's context holds the language that it is filled in for."""


def _notation(context: Context) -> Notation:
    return notation_of(context[LANGUAGE])


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

    def kept(value: Any, *args: Any) -> Any:
        return value if isinstance(value, Missing) else function(value, *args)

    return kept


def _keeping_missing_in_language(function: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    def kept(context: Context, value: Any, *args: Any) -> Any:
        return value if isinstance(value, Missing) else function(context, value, *args)

    return kept


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "upper": _keeping_missing(lambda value: show(value).upper()),
    "lower": _keeping_missing(lambda value: show(value).lower()),
    "title": _keeping_missing(_title),
    "capitalize": _keeping_missing(lambda value: show(value).capitalize()),
    "round": _keeping_missing(_round),
    "int": _keeping_missing(lambda value: int(_rounded(value, 9, "int"))),
    "number": _keeping_missing_in_language(_number_text),
    "money": _keeping_missing_in_language(_money),
    "date": _keeping_missing_in_language(_date),
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
