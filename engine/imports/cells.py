"""Cells as values: what a column's text, number or date means for a field; whatever does not fit says why."""

import math
import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.calendars import local_midnight
from engine.catalogue import Field
from engine.facts import MAX_KEY

Cell = Any
"""Text as CSV has it, or a value of JSON or Parquet; empty text and None are nothing."""
_YES, _NO = ("true", "yes", "y", "1", "t"), ("false", "no", "n", "0", "f")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
LARGEST = 1e100
"""Numbers beyond are somebody's mistake."""


class BadCell(Exception):
    """A cell that cannot be used: its column, what is wrong, and what to do."""

    def __init__(self, column: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.column, self.message, self.hint = column, message, hint


def text_of(cell: Cell, column: str) -> str | None:
    if isinstance(cell, str):
        if "\x00" in cell:
            raise BadCell(column, "there is a NUL character in it", "is the file cut, or not text?")
        return cell.strip() or None
    match cell:
        case None:
            return None
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
        case date():
            return cell.isoformat()
        case list() if all(isinstance(part, str) for part in cell):
            return ";".join(cell)
    raise BadCell(column, f"this is {_kind(cell)} and no text", "write one value")


def key_of(cell: Cell, column: str) -> str:
    """The text of a cell that the row cannot do without."""
    text = cell.strip() if isinstance(cell, str) else text_of(cell, column)
    if not text:
        raise BadCell(column, "this is empty, and the row cannot do without it")
    if len(text) > MAX_KEY or "\x00" in text:
        raise BadCell(column, f"a key has at most {MAX_KEY} characters and no NUL among them")
    return text


def value_of(cell: Cell, column: str, what: Field, zone: str, *, typed: bool) -> Any:
    if what.type == "number":
        return number_of(cell, column, typed=typed)
    text = text_of(cell, column)
    if text is None:
        return None
    match what.type:
        case "bool":
            if text.lower() in _YES or text.lower() in _NO:
                return text.lower() in _YES
            raise BadCell(column, f'"{text}" is neither yes nor no', "write TRUE or FALSE")
        case "choice":
            if what.options and text not in what.options:
                raise BadCell(column, f'"{text}" is not one of its words', ", ".join(what.options))
            return text
        case "date":
            return moment_of(cell, column, zone).astimezone(ZoneInfo(zone)).date().isoformat()
        case "instant":
            return moment_of(cell, column, zone).isoformat()
        case "tags":
            return sorted({part.strip() for part in text.split(";") if part.strip()})
        case _:
            return text


def number_of(cell: Cell, column: str, *, typed: bool) -> float | None:
    if isinstance(cell, str):
        text = cell.strip()
        if not text:
            return None
        if typed:
            raise BadCell(column, f'"{text}" is text and not a number', "write the number without quotes")
        if not _NUMBER.fullmatch(text) or abs(float(text)) > LARGEST:
            raise BadCell(column, f'"{text}" is not a number', "write 1234.5, without separators or units")
        return float(text)
    if cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise BadCell(column, f"this is {_kind(cell)} and not a number")
    if abs(cell) > LARGEST or not math.isfinite(cell):  # in this order: an integer may be too large for a float
        raise BadCell(column, f"{cell} is not a finite number", "leave it out where there is none")
    return float(cell)


def moment_of(cell: Cell, column: str, zone: str) -> datetime:
    """A date is its midnight in the zone, and a time without one is told in it."""
    moment = None
    try:
        told = _told_moment(cell)
        if 1900 <= told.year <= 2200:
            if not isinstance(told, datetime):
                moment = local_midnight(told, zone)
            else:
                moment = (told if told.tzinfo else told.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except ValueError:
        raise BadCell(column, f'"{cell}" is not a date', "write 2024-05-31 or 2024-05-31T08:00:00Z") from None
    if moment is None:
        raise BadCell(column, f'"{cell}" lies outside of 1900 to 2200', "leave it empty where there is no date")
    return moment


def _told_moment(cell: Cell) -> date:
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str):
        raise ValueError(cell)  # noqa: TRY004 - the same fault as a text that is no date
    text = cell.strip()
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def _kind(cell: Cell) -> str:
    return {dict: "an object", list: "a list", bool: "true or false"}.get(type(cell), "something else")
