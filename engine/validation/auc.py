"""The area under the ROC curve with an interval that knows that one account is seen several times.

The area is the chance that one who left had the lower score than one who stayed, ties counting half. Its variance is
DeLong's, with the placements summed by account first (Obuchowski 1997): samples of one account are alike, and taking
them for independent would promise too much. It needs no random numbers, gives the same interval every time, and is
DeLong's own where every account is seen once.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.validation.rates import wilson

Row = tuple[int, float, bool]
"""Account, score, whether it left."""


@dataclass(frozen=True, kw_only=True)
class Auc:
    """0.5 is no better than a coin, 1 separates without an error, below 0.5 points the wrong way."""

    value: float
    low: float
    high: float
    """The 95 % interval."""
    error: float | None
    """The standard error; None where the samples cannot tell: the interval is then that of a share of so few."""


@dataclass(frozen=True, kw_only=True)
class AucDifference:
    """How much one area is above another over the same samples."""

    value: float
    low: float | None
    high: float | None
    """The 95 % interval; None where the samples cannot tell, as when fewer than two accounts left, or stayed."""


@dataclass
class _Residual:
    """What the samples of one account add to the uncertainty."""

    left: float = 0.0
    stayed: float = 0.0


@dataclass
class _Placed:
    """An area, and by account how far its samples lie from it."""

    area: float
    lefts: int
    stays: int
    accounts_left: int
    accounts_stayed: int
    residuals: dict[int, _Residual] = field(default_factory=dict)

    def minus(self, other: "_Placed") -> "_Placed":
        both = {
            account: _Residual(one.left - other.residuals[account].left, one.stayed - other.residuals[account].stayed)
            for account, one in self.residuals.items()
        }
        area = self.area - other.area
        return _Placed(area, self.lefts, self.stays, self.accounts_left, self.accounts_stayed, both)

    @property
    def degrees(self) -> int:
        return min(self.accounts_left, self.accounts_stayed) - 1

    def variance(self) -> float | None:
        """None where the samples cannot tell: one account on a side, or all on a side placed alike."""
        if self.degrees < 1:
            return None
        all_ = self.residuals.values()
        whole, left, stayed = len(self.residuals), self.accounts_left, self.accounts_stayed
        s10 = left / (left - 1) / self.lefts * math.fsum(one.left**2 for one in all_)
        s01 = stayed / (stayed - 1) / self.stays * math.fsum(one.stayed**2 for one in all_)
        if min(s10, s01) < _NOTHING:
            return None
        s11 = whole / (whole - 1) * math.fsum(one.left * one.stayed for one in all_)
        return max(0.0, s10 / self.lefts + s01 / self.stays + 2 * s11 / (self.lefts * self.stays))


def auc(rows: Iterable[Row]) -> Auc | None:
    """None where nobody left, or nobody stayed."""
    placed = _place(list(rows))
    if placed is None:
        return None
    value, variance = placed.area, placed.variance()
    if not variance:
        # That nothing varies is no certainty.
        low, high = wilson(value, placed.degrees + 1)
        return Auc(value=value, low=low, high=high, error=None)
    # On the logit scale the interval stays within 0 and 1.
    middle = math.log(value / (1 - value))
    error = math.sqrt(variance)
    reach = student(placed.degrees) * error / (value * (1 - value))
    return Auc(value=value, low=_expit(middle - reach), high=_expit(middle + reach), error=error)


def auc_difference(first: Sequence[Row], second: Sequence[Row]) -> AucDifference | None:
    """The area of `first` less that of `second`: the same samples in the same order, scored differently."""
    one, other = _place(first), _place(second)
    if one is None or other is None:
        return None
    apart = one.minus(other)
    variance = apart.variance()
    if not variance:
        return AucDifference(value=apart.area, low=None, high=None)
    reach = student(apart.degrees) * math.sqrt(variance)
    return AucDifference(value=apart.area, low=apart.area - reach, high=apart.area + reach)


def student(degrees: int) -> float:
    """What 95 % of Student's t lie within, for these degrees of freedom, of 1 and more."""
    if degrees <= len(_STUDENT):
        return _STUDENT[degrees - 1]
    return _NORMAL + (_NORMAL**3 + _NORMAL) / (4 * degrees)


_NOTHING = 1e-18
"""Sums of squares below are rounding."""
_NORMAL = 1.959964
_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)


def _place(rows: Sequence[Row]) -> _Placed | None:
    lefts = sorted(score for _, score, left in rows if left)
    stays = sorted(score for _, score, left in rows if not left)
    if not lefts or not stays:
        return None
    # Placements are counted in halves, so that the area is exact.
    placements = [_above(stays, score) if left else 2 * len(lefts) - _above(lefts, score) for _, score, left in rows]
    area = sum(place for place, (_, _, left) in zip(placements, rows, strict=True) if left) / (
        2 * len(lefts) * len(stays)
    )
    residuals: dict[int, _Residual] = {}
    for place, (account, _, left) in zip(placements, rows, strict=True):
        mine = residuals.setdefault(account, _Residual())
        if left:
            mine.left += place / (2 * len(stays)) - area
        else:
            mine.stayed += place / (2 * len(lefts)) - area
    return _Placed(
        area=area,
        lefts=len(lefts),
        stays=len(stays),
        accounts_left=len({account for account, _, left in rows if left}),
        accounts_stayed=len({account for account, _, left in rows if not left}),
        residuals=residuals,
    )


def _above(ordered: Sequence[float], score: float) -> int:
    """How many lie above a score, twice over, and those beside it once."""
    return 2 * len(ordered) - bisect_left(ordered, score) - bisect_right(ordered, score)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
