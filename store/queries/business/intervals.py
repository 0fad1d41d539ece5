"""How sure a share of a few is: intervals of 95 %, for one share and for the difference of two."""

import math
from dataclasses import dataclass

_Z = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Share:
    """`n` of `of`."""

    n: int
    of: int

    @property
    def value(self) -> float | None:
        """None of nothing."""
        return self.n / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """After Wilson: it stays within 0 and 1, and says something also of few and of none."""
        if not self.of:
            return 0.0, 1.0
        share, of = self.n / self.of, self.of
        grown = 1 + _Z**2 / of
        middle = (share + _Z**2 / (2 * of)) / grown
        half = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2)) / grown
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much larger one share is than another."""

    value: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def difference(one: Share, other: Share) -> Difference | None:
    """After Newcombe, from the two intervals; None where one of them is a share of nothing."""
    if one.value is None or other.value is None:
        return None
    (low, high), (other_low, other_high) = one.interval, other.interval
    value = one.value - other.value
    down = math.hypot(one.value - low, other_high - other.value)
    up = math.hypot(high - one.value, other.value - other_low)
    return Difference(value=value, low=value - down, high=value + up)
