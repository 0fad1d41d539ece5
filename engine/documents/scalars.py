"""The small words of a workspace file: zones, days, clock times, countries; each refuses what it cannot mean."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.calendars import is_zone, zone_names
from engine.durations import Duration, DurationText
from engine.problems import did_you_mean

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _zone(name: str) -> str:
    if not is_zone(name):
        raise PydanticCustomError(
            "PB510", '"{name}" is not a time zone', {"name": name, "hint": did_you_mean(name, zone_names())}
        )
    return name


def _days(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise PydanticCustomError("PB510", "days are a list", {"hint": "write [monday, friday]"})
    return tuple(_day(day) for day in value)


def _day(word: Any) -> int:
    if isinstance(word, int) and 0 <= word <= 6:
        return word  # as the checked value keeps it
    full = [day for day in _DAYS if isinstance(word, str) and len(word) >= 3 and day.startswith(word.lower())]
    if not full:
        raise PydanticCustomError("PB510", '"{word}" is not a day', {"word": str(word), "hint": "monday to sunday"})
    return _DAYS.index(full[0])


def _country(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", code, re.ASCII):
        raise PydanticCustomError(
            "PB510", '"{code}" is not a country', {"code": code, "hint": "two letters, such as DE"}
        )
    return code


Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA time zone."""
Weekdays = Annotated[
    tuple[int, ...],
    BeforeValidator(_days),
    WithJsonSchema({"type": "array", "items": {"enum": list(_DAYS)}}),
]
"""Days by name; inside, 0 is Monday."""
Country = Annotated[str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]
"""An ISO 3166 code of two letters."""
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of day, such as 08:30."""


def _locale(word: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?", word, re.ASCII):
        raise PydanticCustomError(
            "PB510", '"{word}" is not a language', {"word": word, "hint": "two letters, such as de, or de-AT"}
        )
    return word


Locale = Annotated[str, AfterValidator(_locale)]
"""A language, with a script and a region where they matter."""


def _exact(duration: Duration) -> Duration:
    if duration.exact is None:
        raise PydanticCustomError(
            "PB210", "how long {duration} are depends on the date", {"duration": str(duration), "hint": "write days"}
        )
    return duration


Span = Annotated[DurationText, AfterValidator(_exact)]
"""A duration that is always equally long: minutes, hours, days or weeks."""
Line = Annotated[str, Field(min_length=1, max_length=2_000)]
Count = Annotated[int, Field(ge=1, le=1_000)]
