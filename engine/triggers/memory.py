"""What a trigger remembers of one account, and when it fires: the one state machine of sweep, watches and simulator.

Conditions are true, false or unknown (None); unknown neither fires nor re-arms, it only stops the dwell's clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Happened = Literal["fired", "existing", "none"]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Of an edge: unseen, armed, holding (it is true and dwells), or tripped (it fired and has not re-armed)."""

    seen: bool = False
    tripped: bool = False
    holding: bool = False
    since: datetime | None = None
    """While holding: the sweep that first saw the edge."""
    due_at: datetime | None = None
    """While holding: the end of the dwell."""
    suspended_at: datetime | None = None
    """While holding: unknown since then; the dwell does not run."""


UNSEEN = Memory()
ARMED = Memory(seen=True)
TRIPPED = Memory(seen=True, tripped=True)


def advance(
    memory: Memory, *, trips: bool | None, rearms: bool | None, now: datetime, due: datetime | None = None
) -> tuple[Memory, Happened]:
    """One look at the conditions. `due` is where a dwell that began now would end; None for an edge without one.

    Existing: already true when first seen, whatever made it first. It counts as tripped, and dwells no more.
    """
    if not memory.seen:
        if trips is None:
            return memory, "none"
        return (TRIPPED, "existing") if trips else (ARMED, "none")
    if memory.tripped:
        return (ARMED, "none") if rearms and trips is not True else (memory, "none")
    if memory.holding:
        return _dwell(memory, trips=trips, now=now)
    if not trips:
        return memory, "none"
    if due is None or due <= now:
        return TRIPPED, "fired"
    return Memory(seen=True, holding=True, since=now, due_at=due), "none"


def _dwell(memory: Memory, *, trips: bool | None, now: datetime) -> tuple[Memory, Happened]:
    assert memory.due_at is not None
    if trips is None:
        return (memory if memory.suspended_at else replace(memory, suspended_at=now)), "none"
    if not trips:
        return ARMED, "none"
    due = memory.due_at + (now - memory.suspended_at if memory.suspended_at else timedelta())
    if due <= now:
        return TRIPPED, "fired"
    return replace(memory, due_at=due, suspended_at=None), "none"
