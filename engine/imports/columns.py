"""Whole columns of plain cells as values: the same as `cells`, cell by cell, says of them, in a fraction of the time.

Whatever is not plain raises NotPlain, so that cell by cell the odd one is found and told.
"""

import json
import math
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

from engine.facts import MAX_KEY, MAX_TEXT
from engine.imports.cells import LARGEST, BadCell


class NotPlain(Exception):
    """A cell of the column may be odd; it has to be looked at alone."""


def keys_of(cells: Sequence[Any]) -> Sequence[str]:
    """What `key_of` makes of each."""
    try:
        keys = [*map(str.strip, cells)]
    except TypeError as error:  # not all are text
        raise NotPlain from error
    if not all(keys) or max(map(len, keys)) > MAX_KEY or "\x00" in "".join(keys):
        raise NotPlain
    return keys


def numbers_of(cells: Sequence[Any], *, typed: bool) -> Sequence[str | None]:
    """What `number_of` makes of each, as JSON."""
    told = [cell for cell in cells if cell is not None and cell != ""]
    fit = set(map(type, told)) <= {int, float} if typed else set(map(type, told)) <= {str} and _all_digits(told)
    if not fit:
        raise NotPlain
    try:
        numbers = [*map(float, told)]
    except (ValueError, OverflowError) as error:
        raise NotPlain from error
    if not all(map(math.isfinite, numbers)) or max(map(abs, numbers), default=0.0) > LARGEST:
        raise NotPlain
    texts = map(repr, numbers)
    if len(told) == len(cells):
        return list(texts)
    return [None if cell is None or cell == "" else next(texts) for cell in cells]


def words_of(cells: Sequence[Any], value_of: Callable[[Any], Any]) -> Sequence[str | None]:
    """What `value_of` makes of each, as JSON; mostly a few words that are said again and again."""
    if not set(map(type, cells)) <= {str, NoneType}:  # as 1 and true are one to a dict
        raise NotPlain
    try:
        texts = {cell: _word(value_of(cell)) for cell in dict.fromkeys(cells)}
    except BadCell as error:
        raise NotPlain from error
    return [texts[cell] for cell in cells]


def _word(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT or "\x00" in value:
        raise NotPlain
    return json.dumps(value, ensure_ascii=False)


def objects_of(names: Sequence[str], columns: Sequence[Sequence[str | None]], rows: int) -> Sequence[str]:
    """JSON objects of so many rows, each with the members that it has a value for."""
    members = [
        [None if text is None else f"{json.dumps(name)}: {text}" for text in column]
        for name, column in zip(names, columns, strict=True)
    ]
    return ["{" + ", ".join(filter(None, told)) + "}" for told in zip(*members, strict=True)] or ["{}"] * rows


def _all_digits(cells: Sequence[str]) -> bool:
    """Among these `float` takes just what is a number to us: no exponent, blank, underscore or other script's digit."""
    return set().union(*cells) <= _DIGITS


_DIGITS = frozenset("0123456789.+-")
