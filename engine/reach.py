"""What can be read at each place of a playbook: the results of steps that can have run before, and which for sure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from engine.catalogue import Field
from engine.steps.base import StepDocument, Sure

_ALWAYS = ("outcome", "arm", "rounds")


@dataclass
class Reach:
    """What a run may have behind it at one place."""

    steps: dict[str, str] = field(default_factory=dict)
    """Kinds by id, in written order."""
    results: dict[str, Field] = field(default_factory=dict)
    sure: dict[str, None] = field(default_factory=dict)
    """Names of the results that are there on every way that leads here."""

    def copy(self) -> "Reach":
        return Reach(dict(self.steps), dict(self.results), dict(self.sure))

    def after(self, branches: Sequence[tuple["Reach", bool]], sure: Sure) -> "Reach":
        """Behind branches that began here, each with whether a run never comes to its end."""
        behind = self.copy()
        for branch, _ in branches:
            behind.steps |= branch.steps
            behind.results |= branch.results
        left = [branch.sure for branch, ends in branches if not ends]
        if sure == "all":
            behind.sure |= {name: None for names in left for name in names}
        elif sure == "every" and left:
            behind.sure |= {name: None for name in left[0] if all(name in names for names in left)}
        return behind

    def remember(self, kind: str, id_: str, results: Iterable[Field], *, answered: bool) -> None:
        """A step stands here; later ones may read what it leaves. What came of it is there once it is `answered`;
        what others tell with their answer, such as a score, may be missing even then."""
        self.steps[id_] = kind
        named = {one.name: one for one in results}
        self.results |= named
        if answered:
            self.sure |= {name: None for name in named if kind == "email" or name.rpartition(".")[2] in _ALWAYS}


def documents_in(value: Any) -> Iterator[StepDocument]:
    """Every step at any depth of a document, in written order."""
    if isinstance(value, StepDocument):
        yield value
    for part in vars(value).values() if isinstance(value, BaseModel) else value:
        if isinstance(part, BaseModel | list | tuple):
            yield from documents_in(part)
