"""Whole columns of plain cells as values: the same as `cells`, cell by cell, says of them, in a fraction of the time.

Whatever is not plain raises NotPlain, so that cell by cell the odd one is found and told.
"""

import math
from collections.abc import Sequence
from typing import Any

from engine.facts import MAX_KEY
from engine.imports.cells import LARGEST


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


def _all_digits(cells: Sequence[str]) -> bool:
    """Among these `float` takes just what is a number to us: no exponent, blank, underscore or other script's digit."""
    return set().union(*cells) <= _DIGITS


_DIGITS = frozenset("0123456789.+-")
