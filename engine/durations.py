"""Reads and writes durations in words: `3 days`, `5 business days`, `PT4H`; `calendars` adds them to moments."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from engine.problems import did_you_mean

Unit = Literal["minutes", "hours", "days", "weeks", "months", "years", "business_days"]
UNITS: tuple[Unit, ...] = get_args(Unit)

LONGEST: dict[Unit, int] = {
    "minutes": 52_596_000,
    "hours": 876_600,
    "days": 36_525,
    "weeks": 5_200,
    "months": 1_200,
    "years": 100,
    "business_days": 26_000,
}
"""A hundred years in each unit: more is a slip of the finger, and less can never overflow a date."""

_EXACT: dict[str, timedelta] = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class Duration:
    """An amount of one unit. Negative only as an offset (`60 days before`)."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if abs(self.amount) > LONGEST[self.unit]:
            raise ValueError(f"{self.amount} {_spoken(self.unit)} is too long; the most is {LONGEST[self.unit]}")

    def __str__(self) -> str:
        words = _spoken(self.unit)
        return f"{self.amount} {words[:-1] if abs(self.amount) == 1 else words}"

    def __neg__(self) -> "Duration":
        return Duration(-self.amount, self.unit)

    @property
    def exact(self) -> timedelta | None:
        """As hours of the clock, a day being 24 of them: what windows use. None for months, years and business days."""
        one = _EXACT.get(self.unit)
        return None if one is None else one * self.amount


_WORDS = re.compile(r"\s*([+-]?\d{1,9})\s*(business[ _]days?|[a-z]+)\s*", re.ASCII | re.IGNORECASE)
_ISO = re.compile(r"\s*([+-]?)P(T?)(\d{1,9})([YMWDH])\s*", re.ASCII)
_ISO_UNITS: dict[str, Unit] = {"Y": "years", "M": "months", "W": "weeks", "D": "days", "TH": "hours", "TM": "minutes"}

SPOKEN: dict[str, Unit] = {
    **{_word: unit for unit in UNITS if unit != "business_days" for _word in (unit, unit[:-1])},
    "business day": "business_days",
    "business days": "business_days",
}
"""Every way to say a unit."""


@lru_cache(maxsize=1024)
def parse_duration(text: str, *, signed: bool = False) -> Duration:
    """Read `3 days`, `5 business days` or ISO 8601 with one unit (`P3D`, `PT4H`); a sign only where it is `signed`.

    Raises ValueError, saying what to write instead.
    """
    duration = _in_words(text) or _in_iso(text)
    if duration is None:
        raise ValueError(
            f'"{text.strip()}" is not a duration; write for instance 3 days, 4 hours, 5 business days or P3D'
        )
    if duration.amount < 0 and not signed:
        raise ValueError(f'a duration cannot be negative here; write "{-duration}"')
    return duration


def _in_words(text: str) -> Duration | None:
    match = _WORDS.fullmatch(text)
    if match is None or (match[2].upper() == match[2] and len(match[2]) == 1):
        return None
    word = match[2].lower().replace("_", " ")
    if word not in SPOKEN:
        raise ValueError(f'"{match[2]}" is not a unit of time; {did_you_mean(word, SPOKEN)}')
    return Duration(int(match[1]), SPOKEN[word])


def _in_iso(text: str) -> Duration | None:
    match = _ISO.fullmatch(text)
    unit = _ISO_UNITS.get(match[2] + match[4]) if match else None
    return Duration(int(match[1] + match[3]), unit) if match and unit else None


def _spoken(unit: Unit) -> str:
    return unit.replace("_", " ")


def _validated(value: Any) -> Duration:
    if isinstance(value, Duration):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("a duration is an amount with its unit, such as 3 days")


DurationText = Annotated[
    Duration,
    BeforeValidator(_validated),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["3 days", "5 business days", "4 hours"]}),
]
"""A duration as a field of a pydantic model: words in, `Duration` inside, words out."""
