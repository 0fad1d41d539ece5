"""The questions there are: their scales, what is asked, and the metric that learns the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.phrases import Phrases

Kind = Literal["nps", "csat"]

ANSWERED = "survey.answered"
"""The event an answer becomes, with the props `survey` (the kind), `step` and `score`."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Whole scores from `lowest` to `highest`, and what is asked and said of the ends in a language."""

    kind: Kind
    lowest: int
    highest: int

    @property
    def scores(self) -> tuple[int, ...]:
        return tuple(range(self.lowest, self.highest + 1))

    def says(self, locale: str | None = None) -> str:
        """The question where the text has none of its own."""
        say = _phrases(locale)
        return say.nps if self.kind == "nps" else say.csat

    def ends(self, locale: str | None = None) -> tuple[str, str]:
        """What the lowest and the highest score mean."""
        say = _phrases(locale)
        return (say.nps_low, say.nps_high) if self.kind == "nps" else (say.csat_low, say.csat_high)


def _phrases(locale: str | None) -> "Phrases":
    from engine.phrases import phrases_for  # a page of text, needed where somebody is asked

    return phrases_for(locale)


SCALES: Mapping[Kind, Scale] = {
    "nps": Scale(kind="nps", lowest=0, highest=10),
    "csat": Scale(kind="csat", lowest=1, highest=5),
}
