"""The rows an aggregate looks at, records of a kind or events of a type, and the names their props go by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.catalogue import CONTACT_WORDS, EVENT_WORDS, RECORD_WORDS, Catalogue, Field, Type
from engine.expressions.tree import Active, Prop
from engine.problems import did_you_mean

CONTACT = "contact"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """`source` is `subscription`, `event.usage` or `contact`; inside an aggregate props go by bare or full name."""

    source: str
    props: Mapping[str, Field] | None
    words: Mapping[str, Type]
    undeclared: Type = "text"
    """The type of a prop where none are declared."""

    def as_numbers(self) -> "Rows":
        return replace(self, undeclared="number")

    def prop(self, name: str) -> Prop | Active | None:
        bare = name.removeprefix(f"{self.source}.")
        if bare in self.words:
            if bare in ("active", "open"):
                return Active()
            return Prop(name=bare, type=self.words[bare], built_in=True)
        if self.props is None:
            return Prop(name=bare, type=self.undeclared) if "." not in bare else None
        field = self.props.get(bare)
        return Prop(name=bare, type=field.type) if field else None

    def options(self, bare: str) -> tuple[str, ...]:
        field = (self.props or {}).get(bare)
        return field.options if field else ()

    def nearest(self, name: str) -> str:
        return did_you_mean(name.removeprefix(f"{self.source}."), (*(self.props or {}), *self.words))

    def example(self) -> str:
        return next(iter(self.props or self.words), "prop")


def find_source(name: str, catalogue: Catalogue) -> Rows | None:
    """The rows that a full name such as `subscription.arr` or `event.usage.n` belongs to."""
    first, _, rest = name.partition(".")
    if first == CONTACT and not catalogue.field(name):
        return Rows(source=CONTACT, props={}, words=CONTACT_WORDS)
    if first in catalogue.records:
        return Rows(source=first, props=catalogue.records[first].props, words=RECORD_WORDS)
    parts = rest.split(".") if first == "event" else []
    for length in range(len(parts), 0, -1):
        event = catalogue.events.get(".".join(parts[:length]))
        if event is not None:
            return Rows(source=f"event.{event.name}", props=event.props, words=EVENT_WORDS)
    return None
