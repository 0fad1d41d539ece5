"""Puts facts into turns, so that one statement can judge a whole turn without seeing the same thing twice."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")


def turns(items: Sequence[T], identity: Callable[[T], Hashable]) -> Sequence[Sequence[T]]:
    """Lists in which no identity occurs twice; what is told later comes in a later one."""
    # Most sources say each thing once, which takes a fifth of the time to see.
    if items and len(set(map(identity, items))) == len(items):
        return [items]
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
