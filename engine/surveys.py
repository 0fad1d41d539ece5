"""The questions there are: their scales, what is asked, and the metric that learns the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["nps", "csat"]

ANSWERED = "survey.answered"
"""The event an answer becomes, with the props `survey` (the kind), `step` and `score`."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Whole scores from `lowest` to `highest`; `says` is the question where the text has none of its own."""

    lowest: int
    highest: int
    says: str
    low: str
    high: str

    @property
    def scores(self) -> tuple[int, ...]:
        return tuple(range(self.lowest, self.highest + 1))


SCALES: Mapping[Kind, Scale] = {
    "nps": Scale(
        lowest=0,
        highest=10,
        says="How likely are you to recommend us to a friend or colleague?",
        low="not at all likely",
        high="extremely likely",
    ),
    "csat": Scale(
        lowest=1, highest=5, says="How satisfied are you with us?", low="very unsatisfied", high="very satisfied"
    ),
}
