"""What numbers, texts and dates mean to both back ends, down to the last bit; `store.expressions.sql` is the other.

Numbers are doubles. Before it is reckoned with, a number beyond `LARGEST` becomes unknown and one nearer to zero than
`SMALLEST` is cut to a multiple of it: so no product, quotient or sum of two can leave the range of doubles, where
PostgreSQL raises an error and Python gives infinity.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any

from engine.catalogue import Type

LARGEST = 1e100
SMALLEST = 2.0**-332
"""A power of two, so that scaling by it is exact."""
_EXACT_FROM = 2.0**-279
"""From here on every double is a multiple of SMALLEST."""
DECIMALS = 100
"""Numbers in JSON, and numbers added up, are cut after so many decimals: smaller ones could not become doubles."""
_EXACT_IN_DECIMALS = 1e-80
"""From here on a double in its shortest form has no more decimals than that."""

FIRST_DATE, LAST_DATE = date(1, 1, 1), date(9999, 12, 31)

MICROSECONDS_A_DAY = 86_400_000_000.0


def in_range(number: float) -> float | None:
    """The number as arithmetic takes it."""
    size = abs(number)
    if _EXACT_FROM <= size < LARGEST or number == 0:
        return number
    if not size < LARGEST:
        return None
    return float(math.trunc(number / SMALLEST)) * SMALLEST


def rounded(number: float, digits: int) -> float:
    """Half up, at `digits` after the point."""
    scale = 10.0**digits
    return float(math.floor(number * scale + 0.5)) / scale


def _capitals() -> Iterable[tuple[str, str]]:
    blocks = ((0x41, 0x5B), (0xC0, 0x180), (0x388, 0x3D0), (0x400, 0x530), (0x1E00, 0x1F00))
    for start, stop in blocks:
        for point in range(start, stop):
            small = chr(point).lower()
            if small != chr(point) and len(small) == 1:
                yield chr(point), small


CAPITALS: Mapping[str, str] = dict(_capitals())
"""What `lower` folds: Latin, Greek and Cyrillic capitals, one to one; fixed here because databases differ."""
_FOLD = str.maketrans(dict(CAPITALS))


def folded(text: str) -> str:
    return text.translate(_FOLD)


def next_anniversary(day: date, today: date) -> date | None:
    """The first anniversary, a year after the day or later, that is not before today; February 29 falls on the 28th."""
    for years in (max(1, today.year - day.year), max(1, today.year - day.year) + 1):
        if day.year + years > LAST_DATE.year:
            return None
        leapless = day.replace(day=28) if (day.month, day.day) == (2, 29) and not _leap(day.year + years) else day
        anniversary = leapless.replace(year=day.year + years)
        if anniversary >= today:
            return anniversary
    return None


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


_EXACT = Context(prec=400)
_LAST_DECIMAL = Decimal(1).scaleb(-DECIMALS)


def from_json(number: float) -> float | None:
    """A number in JSON, which may be an int of any size."""
    size = abs(number)
    if _EXACT_IN_DECIMALS <= size < LARGEST or number == 0:
        return float(number)
    return None if size >= LARGEST else float(_cut(Decimal(repr(number))))


def in_decimals(number: float) -> Decimal | None:
    """A number as sums take it, with fifteen digits: decimals add up to the same in any order, doubles do not."""
    return _cut(Decimal(f"{number:.15g}")) if abs(number) < LARGEST else None


def exact_sum(numbers: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return total


def _cut(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    is_long = isinstance(exponent, int) and exponent < -DECIMALS
    return number.quantize(_LAST_DECIMAL, ROUND_DOWN, _EXACT) if is_long else number


# --- props of rows come from JSON: a value of another type is unknown -----------------------------------------------

DATE_FORM = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME_FORM = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
INSTANT_FORM = rf"{DATE_FORM}T{_TIME_FORM}(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
"""Also read by PostgreSQL: [0-9] and not a digit of any script."""
_DATE, _INSTANT = re.compile(DATE_FORM), re.compile(INSTANT_FORM)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return from_json(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _date(value: Any) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) and _DATE.fullmatch(value) else None
    except ValueError:
        return None


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        known = isinstance(value, str) and _INSTANT.fullmatch(value)
        return datetime.fromisoformat(value).astimezone(UTC) if known else None
    except (ValueError, OverflowError):
        return None


READ_PROP: Mapping[Type, Callable[[Any], Any]] = {
    "number": _number,
    "text": _text,
    "choice": _text,
    "bool": _bool,
    "date": _date,
    "instant": _instant,
    "tags": lambda _value: None,
}
