"""What answers to surveys come to: the score of a kind, how many answered, and how sure one can be of either."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.surveys import SCALES, Kind
from engine.validation.rates import wilson

_Z = 1.959964
_PROMOTES, _DETRACTS, _SATISFIED = 9, 6, 4


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What was asked so often, and answered so."""

    asks: Kind
    asked: int
    answered: int
    open: int
    """Not answered, and may be yet: until they are over, the rate is too low."""
    rate: Estimate | None
    """The share of those asked that answered, in per cent."""
    score: Estimate | None
    """NPS from -100 to 100; CSAT as the per cent that gave 4 or 5."""
    mean: float | None
    above: int
    """NPS: promoters (9 and 10); CSAT: satisfied (4 and 5)."""
    between: int
    """NPS: passives (7 and 8); CSAT: 3."""
    below: int
    """NPS: detractors (0 to 6); CSAT: dissatisfied (1 and 2)."""


def answers(asks: Kind, by_score: Mapping[int, int], unanswered: int, still_open: int) -> Answers:
    """`by_score`: how many gave each score; `unanswered`: how many gave none, those that are still open included."""
    answered = sum(by_score.values())
    asked = answered + unanswered
    high, low = (_PROMOTES, _DETRACTS) if asks == "nps" else (_SATISFIED, SCALES["csat"].lowest + 1)
    above = sum(count for score, count in by_score.items() if score >= high)
    below = sum(count for score, count in by_score.items() if score <= low)
    total = sum(score * count for score, count in by_score.items())
    return Answers(
        asks=asks,
        asked=asked,
        answered=answered,
        open=still_open,
        rate=_share(answered, asked),
        score=_net(above, below, answered) if asks == "nps" else _share(above, answered),
        mean=round(total / answered, 2) if answered else None,
        above=above,
        between=answered - above - below,
        below=below,
    )


def _share(count: int, of: int) -> Estimate | None:
    if not of:
        return None
    low, high = wilson(count / of, of)
    return Estimate(value=_rounded(100 * count / of), low=_rounded(100 * low), high=_rounded(100 * high))


def _net(promoters: int, detractors: int, answered: int) -> Estimate | None:
    """The interval is the adjusted one of Wald's kind (Sauro and Lewis): three answers more, spread over the ends.

    The plain one claims certainty where a handful of answers agree.
    """
    if not answered:
        return None
    more = answered + 3
    up, down = (promoters + 0.75) / more, (detractors + 0.75) / more
    middle = up - down
    reach = _Z * math.sqrt((up + down - middle * middle) / more)
    value = (promoters - detractors) / answered
    low, high = max(-1.0, middle - reach), min(1.0, middle + reach)
    return Estimate(value=_rounded(100 * value), low=_rounded(100 * low), high=_rounded(100 * high))


def _rounded(value: float) -> float:
    return math.floor(value * 10 + 0.5) / 10
