"""What a staff role's rule in tenure.yaml means: a field of the account, somebody's manager, or a pool of people."""

import re
from dataclasses import dataclass
from typing import Literal

_MANAGER = re.compile(r"manager of (\S.*)")
_POOL = re.compile(r"(least loaded|next) of (\S+)")


@dataclass(frozen=True)
class FieldOf:
    """Whoever a field of the account names."""

    field: str


@dataclass(frozen=True)
class ManagerOf:
    """The manager of whoever another role means."""

    role: str


@dataclass(frozen=True)
class PoolOf:
    """One of the people with this word as their role: who has the fewest open tasks, or whose turn it is."""

    people: str
    by: Literal["load", "turn"]


def rule_of(text: str) -> FieldOf | ManagerOf | PoolOf:
    """`account.csm`, `manager of csm`, `least loaded of support`, `next of onboarding`."""
    words = " ".join(text.split())
    if found := _MANAGER.fullmatch(words):
        return ManagerOf(found[1])
    if found := _POOL.fullmatch(words):
        return PoolOf(found[2], "load" if found[1] == "least loaded" else "turn")
    return FieldOf(words)
