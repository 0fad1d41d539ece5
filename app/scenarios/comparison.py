"""A scenario that failed, as a table: what was expected beside what happened, around the first line that differs."""

import shutil
import sys
from collections.abc import Sequence

from app.tables import cells, clean
from engine.scenarios.compare import Row

_BEFORE, _AFTER = 4, 10
_WIDE = 120
_MARKS = {"missing": "-", "different": "*", "unexpected": "+"}


def comparison(rows: Sequence[Row]) -> list[str]:
    """The lines; `>` marks the first difference, `-` what is missing, `*` what differs, `+` what should not be."""
    first = next((i for i, row in enumerate(rows) if row.problem), None)
    if first is None:
        return []
    # What only happened beside says why, and is worth its line near a difference alone.
    begin, end = max(0, first - _BEFORE), min(len(rows), first + _AFTER)
    shown = rows[begin:end]
    later = [row for row in rows[end:] if row.problem]
    head = ("", "day", "expected", "happened", "why")
    lines = [head, *(_cells(row, is_first=begin + i == first) for i, row in enumerate(shown))]
    table = _aligned(lines)
    if begin:
        table.insert(1, f"  … {begin} earlier")
    if len(rows) > end:
        more = f", {len(later)} of them different" if later else ""
        table.append(f"  … {len(rows) - end} later{more}")
    return table


def _cells(row: Row, *, is_first: bool) -> tuple[str, str, str, str, str]:
    mark = ">" if is_first else _MARKS.get(row.mark, "")
    happened = row.happened or "nothing of the kind"
    return mark, str(row.day), clean(row.expected), clean(happened), clean(row.why)


def _aligned(lines: Sequence[tuple[str, str, str, str, str]]) -> list[str]:
    widths = [max(cells(line[i]) for line in lines) for i in range(4)]
    width = shutil.get_terminal_size().columns - 12 if sys.stdout.isatty() else _WIDE
    table = []
    for mark, day, expected, happened, why in lines:
        row = f"{mark:<1} {day:>{max(3, widths[1])}}  {_pad(expected, widths[2])}  {_pad(happened, widths[3])}  {why}"
        table.append(_cut(row.rstrip(), max(60, width)))
    return table


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text + "…"
