"""What travels between Tenure and Temporal: one value in, one value out; ids and typed values only.

Fields may be added with a default; names are never reused, since recorded histories hold them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.turns.position import Position
from engine.turns.runtime import Act, Entry, Rest, Standing, Waiting

PLAYBOOK_QUEUE = "tenure-playbooks"
TELL = "tell"
"""The signal that brings facts to a run."""


@dataclass(frozen=True, kw_only=True)
class First:
    """What a run asks before all else, read when its start was delivered."""

    fields: Sequence[str]
    values: Mapping[str, Any]
    """Without those that are not known."""

    def answers(self, fields: Sequence[str]) -> bool:
        """Whether all of these were read."""
        return set(fields) <= set(self.fields)


@dataclass(frozen=True, kw_only=True)
class Begin:
    """Beside its plan, what a run starts with, or goes on with after continue-as-new."""

    run_id: int
    account: str
    at: datetime
    """The instant of the crossing: where the run's own clock begins."""
    virtual: bool
    """Under a virtual clock time stands still between facts, and a driver wakes the run."""
    position: Mapping[str, Any] | None = None
    first: First | None = None
    """Good while the run's clock stands at its start: then its first step need not wait for an activity that reads."""
    longest_history: int = 200
    """Continue as new past so many events: a wake-up after days replays them all."""


@dataclass(frozen=True, kw_only=True)
class Performing:
    """An act to perform, and the trace lines that were waiting for one."""

    run_id: int
    at: datetime
    act: Act
    entries: list[Entry] = field(default_factory=list)
    asked_at: datetime | None = None
    """Temporal's time of asking: of two words on where a run stands, the later one counts."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Fields to read for a run."""

    run_id: int
    fields: list[str]


@dataclass(frozen=True, kw_only=True)
class Resting:
    """Where a run rests, for people, the sweep and the driver."""

    run_id: int
    at: datetime
    asked_at: datetime
    """By Temporal's clock, which orders the rests of a run whatever becomes of its workers."""
    heard: int
    missed: bool
    """A fact came whose predecessor did not: Temporal has lost that one."""
    until: datetime | None
    stuck: bool
    position: Mapping[str, Any]
    """A second copy of where the run is, from which it is started again should Temporal lose it."""
    standing: list[Standing] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    @classmethod
    def of(cls, run_id: int, position: Position, rest: Rest, **more: Any) -> "Resting":
        return cls(
            run_id=run_id,
            heard=position.inbox.heard,
            position=position.model_dump(mode="json"),
            until=rest.until,
            stuck=rest.stuck,
            standing=list(rest.standing),
            waiting=list(rest.waiting),
            **more,
        )
