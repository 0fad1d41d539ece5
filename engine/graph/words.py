"""How wide words are, without a font at hand: as a wide sans-serif would set them, so that they never spill."""

import re
import unicodedata

_NARROW, _SLIM, _WIDE = "iljI.,:;'|! ", 'frt()[]{}-/\\"', "mwMWQO@%&—…"


def width(text: str, size: float) -> float:
    """In pixels, rather more than less."""
    return size * sum(map(_em, text))


def _em(one: str) -> float:
    if one in _NARROW:
        return 0.34
    if one in _SLIM:
        return 0.46
    if one in _WIDE:
        return 1.0
    if one.isascii():
        return 0.74 if one.isupper() or one in "<>=+~#_" else 0.65
    if unicodedata.combining(one):
        return 0.0
    return 1.05 if unicodedata.east_asian_width(one) in "WF" else 0.8


def wrap(text: str, room: float, size: float, most: int = 4) -> tuple[str, ...]:
    """Lines that fit the room; what would take more than `most` lines is cut with an ellipsis."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text, room, size):
        if line and width((line + piece).rstrip(), size) > room:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    lines.append(line.rstrip())
    if len(lines) > most:
        last = lines[most - 1]
        while last and width(last + "…", size) > room:
            last = last[:-1]
        lines = [*lines[: most - 1], last.rstrip() + "…"]
    return tuple(lines)


_WORDS = re.compile(r"\S+\s*")
_JOINTS = re.compile(r"[._/-]")


def _pieces(text: str, room: float, size: float) -> list[str]:
    """Where a line may end: between words; in a word too long for a line at its last dot or hyphen, or anywhere."""
    return [piece for word in _WORDS.findall(text) for piece in _cut(word, room, size)]


def _cut(word: str, room: float, size: float) -> list[str]:
    if width(word.rstrip(), size) <= room or len(word) == 1:
        return [word]
    fits = next((i for i in range(len(word), 1, -1) if width(word[:i], size) <= room), 1)
    joint = max((found.end() for found in _JOINTS.finditer(word[:fits])), default=fits)
    return [word[:joint], *_cut(word[joint:], room, size)]
