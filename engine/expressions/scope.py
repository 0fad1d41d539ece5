"""Which names an expression may use at one place of a playbook or workspace."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.catalogue import Catalogue, Field
from engine.problems import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The workspace's catalogue, and what else is known here: results of steps such as `task.call.outcome`."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    extra: Mapping[str, Field] = field(default_factory=dict)
    aggregates: bool = False
    """Whether rows of records, events and contacts may be looked at."""

    def field(self, name: str) -> Field | None:
        return self.extra.get(name) or self.catalogue.field(name)

    def names(self) -> Iterable[str]:
        return (*self.catalogue.fields, *self.extra)

    def nearest(self, name: str) -> str:
        """The hint for a name nobody knows: the same word elsewhere (`arr`: `account.arr`), or a similar name."""
        last = name.rpartition(".")[2]
        same = [known for known in self.names() if known.rpartition(".")[2] == last]
        if len(same) == 1:
            return f'did you mean "{same[0]}"?'
        return did_you_mean(name, self.names())
