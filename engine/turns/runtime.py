"""The seam between deciding and doing: what a run asks of the world, and what it is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Values = Mapping[str, Any]
"""JSON values by name: numbers, text, booleans, ISO dates, lists of these, or null for unknown."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """A step's effect outside. (run, step, visit, verb, recipient) is the ledger's key; `seq` is its trace line.

    `params` hold ids and typed values only, never names or addresses.
    """

    step: str
    path: str
    verb: str
    visit: int
    seq: int
    params: Values
    then: "Standing | None" = None
    """Where the run stands once this is done. It is written with the act: a rest that says no more costs nothing."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What came back of an act. `failed` is final; outages are the performer's to wait out (see workflows/acts)."""

    outcome: Literal["done", "skipped", "failed"]
    values: Values = field(default_factory=dict)
    """The step's result fields, such as {"outcome": "queued"}."""
    reason: str = ""


FactKind = Literal["event", "task", "snooze", "mail", "met", "end", "pause", "resume", "retry", "wake"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something a run is told. Hearing it twice is harmless: `n` is the run's outbox number, lower ones are dropped.

    kind   of                      values
    event  the step it answers     {"event": "email.replied"} or {"event": "login"}; `of` empty for account events
    task   step id of the task     {"visit": 1, "outcome": "reached", "by": "kim", "note_id": …}
    snooze step id of the task     {"visit": 1, "until": "2026-03-09T08:00:00+00:00"}; an `until` that is past wakes it
    mail   step id of the mail     {"visit": 1, "outcome": "sent" | "skipped" | "refused" | "unknown", "reason": …}
    met    key of the watch        {}
    end    "goal" | "exit" | "stop" {"reason": "goal reached"}
    retry  step id that failed     {"do": "retry" | "skip"}
    wake   ""                      {}: nothing but the time has come (virtual clock)
    """

    n: int
    at: datetime
    kind: FactKind
    of: str = ""
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a run's trace; (run, seq) makes writing it twice harmless."""

    seq: int
    at: datetime
    path: str
    what: str
    detail: Values = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What a resting run waits for outside itself; the store keeps it as a watch. A condition, or an event."""

    key: str
    condition: Mapping[str, Any] | None = None
    """An expression in its JSON form; beside an event it is asked of the event's row."""
    event: str | None = None
    since: datetime | None = None
    """Events from before do not count."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a branch stands, for people: the step's path and id, and what it waits for in words."""

    path: str
    step: str
    says: str
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Rest:
    """No question is left: what the run waits for until a fact or a moment."""

    until: datetime | None
    ready: Callable[[], bool]
    waiting: tuple[Waiting, ...] = ()
    standing: tuple[Standing, ...] = ()
    stuck: bool = False
    """A step failed and waits for a person: the run is in the error queue."""


class Runtime(Protocol):
    """Temporal in production, memory in the simulator. Called from `play` alone."""

    def now(self) -> datetime:
        """The run's own clock, aware and in UTC."""
        ...

    def note(self, entry: Entry) -> None:
        """Buffer a trace line; it is written with the next act, or before the next rest."""
        ...

    async def read(self, fields: Sequence[str]) -> Values:
        """Values of fields as the last sweep left them; a name missing in the answer is unknown."""
        ...

    async def act(self, acts: Sequence[Act]) -> Sequence[Receipt]:
        """Perform the acts of one turn side by side; answers in the same order. An act takes no time of its own."""
        ...

    async def rest(self, rest: Rest) -> None:
        """Sleep until the moment, or until `rest.ready()`; first write what is noted and watch what is waited for."""
        ...
