"""How often accounts left, among some samples: a rate with Wilson's interval, as wide as its accounts are few."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.validation.sample import Sample

_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The share of samples that were followed by leaving."""

    samples: int
    accounts: int
    churned: int
    """Samples followed by leaving."""
    churned_accounts: int
    value: float | None
    """None without samples."""
    low: float | None
    high: float | None
    """The 95 % interval: Wilson's, for as many trials as there are accounts, since each is seen several times."""


def rate(samples: Sequence[Sample]) -> Rate:
    left = [sample for sample in samples if sample.churned]
    accounts = len({sample.account for sample in samples})
    value = len(left) / len(samples) if samples else None
    low, high = (None, None) if value is None else wilson(value, accounts)
    return Rate(
        samples=len(samples),
        accounts=accounts,
        churned=len(left),
        churned_accounts=len({sample.account for sample in left}),
        value=value,
        low=low,
        high=high,
    )


def wilson(share: float, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval around a share of 0 to 1."""
    z2 = _Z * _Z / trials
    middle = share + z2 / 2
    reach = math.sqrt(z2 * share * (1 - share) + z2 * z2 / 4)
    return max(0.0, (middle - reach) / (1 + z2)), min(1.0, (middle + reach) / (1 + z2))
