"""Plain tables for people: cut to the terminal's width, whole when piped, and safe to print whatever the data holds."""

import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_GAP = "  "
_LEAST = 8
"""No column is cut below this."""


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, give_way: Sequence[str] = ()) -> None:
    """Print the rows under their heads. On a terminal, columns of `give_way` are cut, the widest first."""
    lines = [[clean(cell) for cell in row] for row in rows]
    widths = [max(cells(cell) for cell in column) for column in zip(head, *lines, strict=True)]
    if (room := _room()) is not None:
        _narrow(widths, [head.index(name) for name in give_way], room - len(_GAP) * (len(head) - 1))
    for row in (list(head), *lines):
        print(_GAP.join(_fit(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())


def clean(text: str) -> str:
    """One line that moves no cursor and turns no text around: data comes from outside."""
    return _CONTROL.sub(" ", text)


def clean_lines(text: str) -> str:
    """The same line by line."""
    return "\n".join(clean(line) for line in text.splitlines())


def when(at: datetime | None) -> str:
    """A moment in UTC; the date alone where it is midnight."""
    if at is None:
        return ""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d}" if (at.hour, at.minute) == (0, 0) else f"{at:%Y-%m-%d %H:%M}"


def count(number: int, noun: str, plural: str = "") -> str:
    """'1 run', '2 runs', '3 facts to come'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def cells(text: str) -> int:
    """Cells on a terminal: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def _room() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _narrow(widths: list[int], giving: Sequence[int], room: int) -> None:
    while sum(widths) > room:
        widest = max(giving, key=lambda i: widths[i], default=None)
        if widest is None or widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def _fit(text: str, width: int) -> str:
    wide = cells(text)
    if wide <= width:
        return text + " " * (width - wide)
    kept = text
    while cells(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…" + " " * (width - 1 - cells(kept))
