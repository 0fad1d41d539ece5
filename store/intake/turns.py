"""Puts facts into turns, so that one statement can judge a whole turn without seeing the same thing twice."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T")


def turns(items: Iterable[T], identity: Callable[[T], Hashable]) -> list[list[T]]:
    """Lists in which no identity occurs twice; what is told later comes in a later one."""
    found: list[list[T]] = []
    seen: defaultdict[Hashable, int] = defaultdict(int)
    for item in items:
        what = identity(item)
        place = seen[what]
        seen[what] = place + 1
        if place == len(found):
            found.append([])
        found[place].append(item)
    return found
