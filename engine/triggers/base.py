"""What a trigger can mean, and what a trigger's document must be able to do."""

from typing import Literal, Protocol

from pydantic import Field

from engine.documents.shape import Shape
from engine.expressions import Expression
from engine.values import Condition, Value, canonical_json, content_hash


class Edge(Value):
    """A condition with memory: fires when `trips` turns true, and may fire again once `rearms` was true."""

    kind: Literal["edge"] = "edge"
    id: str = ""
    says: str
    trips: Condition
    rearms: Condition
    dwell: str | None = None
    """A duration in words: the condition must hold this long, counted from the sweep that first saw it."""


class Moment(Value):
    """A date plus an offset, at local midnight; fires when reached, or when first learned at most `grace` late."""

    kind: Literal["moment"] = "moment"
    id: str = ""
    says: str
    field: str
    offset: str = "0 days"
    """A duration in words; a leading minus means before the date."""
    grace: str = "0 days"


class Schedule(Value):
    """Comes again and again: `every` so long from an anchor, or by a `cron` expression."""

    kind: Literal["schedule"] = "schedule"
    id: str = ""
    says: str
    every: str | None = None
    """A duration in words, counted from the anchor; the anchor itself is not one of its times."""
    anchor: str = ""
    """A date field, or a date in ISO form."""
    cron: str | None = None
    zone: str | None = None
    """Of the cron expression; None: the account's."""
    grace: str = "0 days"
    """`every`: how late its anchor may be learned. `cron`: how late a time that nobody swept may be made good."""


class Occurrence(Value):
    """An event of the account happened, of which `where` is true."""

    kind: Literal["event"] = "event"
    id: str = ""
    says: str
    event: str
    where: Condition | None = None
    """Asked of the event; fields of the account are those of the sweep that asks."""
    settle: str | None = None
    """A duration in words: it is asked so long after the event was learned, that its data can arrive."""
    grace: str = "7 days"
    """An event learned later than this after it happened starts nothing."""


class Manual(Value):
    """Fires when a person says so."""

    kind: Literal["manual"] = "manual"
    id: str = ""
    says: str = "started by a person"


AnyTrigger = Edge | Moment | Schedule | Occurrence | Manual


class TriggerCompiler(Protocol):
    """What a document needs in order to compile itself; problems are collected at the place they are found."""

    def condition(self, text: str, *at: str | int) -> Expression | None:
        """A checked boolean expression; None when a problem was noted."""
        ...

    def row_condition(self, text: str, source: str, *at: str | int) -> Expression | None:
        """The same, asked of single rows of a source such as `event.usage`."""
        ...

    def duration(self, text: str, *at: str | int) -> str | None: ...
    def problem(self, code: str, message: str, *at: str | int, hint: str = "") -> None: ...
    def unknown(self, what: str, word: str, known: tuple[str, ...], *at: str | int) -> None: ...
    def score_range(self, card: str) -> tuple[float, float] | None: ...
    def bands(self, card: str) -> tuple[str, ...] | None: ...
    def has_metric(self, metric: str) -> bool: ...
    def metrics(self) -> tuple[str, ...]: ...
    def cards(self) -> tuple[str, ...]: ...
    def events(self) -> tuple[str, ...]: ...
    def field_type(self, name: str) -> str | None: ...
    def fields_of_type(self, *types: str) -> tuple[str, ...]: ...


class TriggerDocument(Shape):
    """Base of what an author writes under `triggers`."""

    id: str | None = Field(None, description="a name of its own keeps the trigger's memory when its meaning is edited")

    def compile(self, with_: TriggerCompiler) -> "AnyTrigger | None":
        """The trigger without its id; None when a problem was noted."""
        raise NotImplementedError


def identity(document: TriggerDocument, trigger: AnyTrigger) -> str:
    """The author's id, or the hash of the meaning, so that reordering changes nothing."""
    return document.id or content_hash(canonical_json(trigger))[:12]
