"""What becomes of facts that are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.facts import IncomingFact

Verdict = Literal["new", "correction", "repeat", "outdated", "conflict", "unknown_account", "erased"]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A fact that was not taken in as told: `n` is its place in the list, from 0; the others are not affected."""

    n: int
    fact: IncomingFact
    why: Literal["conflict", "unknown_account", "erased", "odd"]
    message: str


@dataclass(frozen=True, kw_only=True)
class IntakeReport:
    """What became of a list of facts."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """New facts by kind, corrections included."""
    corrections: int = 0
    repeats: int = 0
    outdated: int = 0
    """Told with an earlier source time than what is in force; kept where versions are kept, without effect now. Also
    events from before what retention keeps, which are not."""
    fresh: tuple[int, ...] = ()
    """The places, from 0, of the facts that were news: new ones and corrections."""
    problems: tuple[Refusal, ...] = ()

    @property
    def taken(self) -> int:
        return sum(self.counts.values())


def no_account(key: str | None) -> str:
    return f'there is no account "{key}"; tell the account first'
