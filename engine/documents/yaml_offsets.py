"""Where the n-th character of a YAML text stands in the file; exact on one line, best effort in folded texts."""

import re
from collections.abc import Iterator

from engine.documents.yaml_tree import Mark


def index_of(text: str, mark: Mark, offset: int) -> int:
    """The index in the file's `text` of character `offset` of the scalar at `mark`."""
    places = _block(text, mark) if mark.style in ("|", ">") else _flow(text, mark)
    last = mark.start
    for count, place in enumerate(places):
        last = place
        if count == offset:
            break
    return last


def _flow(text: str, mark: Mark) -> Iterator[int]:
    """Plain and quoted texts: escapes are one character, a line break with its indentation is one space."""
    at, end = (mark.start + 1, mark.end - 1) if mark.style else (mark.start, mark.end)
    while at < end:
        width = _width(text, at, mark.style)
        yield at
        at += width
    yield at


_BREAK = re.compile(r"[ \t]*\r?\n\s*")
_ESCAPE = re.compile(r"\\(x..|u.{4}|U.{8}|\r?\n[ \t]*|.)", re.DOTALL)


def _width(text: str, at: int, style: str) -> int:
    fold = _BREAK.match(text, at)
    if fold:
        return fold.end() - at
    if style == "'" and text.startswith("''", at):
        return 2
    escape = _ESCAPE.match(text, at) if style == '"' else None
    return escape.end() - at if escape else 1


def _block(text: str, mark: Mark) -> Iterator[int]:
    """Block texts: every line counts without its indentation, and its break as one character."""
    start = text.find("\n", mark.start) + 1
    first = re.compile(r"(?:[ \t]*\n)*( *)").match(text, start) if start else None
    indent = len(first[1]) if first else 0
    at = start
    while at < mark.end:
        stop = text.find("\n", at)
        stop = mark.end if stop < 0 else stop
        yield from range(min(at + indent, stop), stop + 1)
        at = stop + 1
