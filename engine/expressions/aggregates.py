"""What aggregates make of the known values of their rows, oldest first; of nothing they make 0 or unknown.

`any` and `all` see unknown values as well.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from engine.expressions.values import exact_sum, in_decimals


def _count(found: Sequence[Any]) -> float:
    return float(len(found))


def _sum(found: Sequence[float]) -> float:
    return float(exact_sum(_summable(found)))


def _avg(found: Sequence[float]) -> float | None:
    summable = _summable(found)
    return float(exact_sum(summable)) / len(summable) if summable else None


def _summable(found: Sequence[float]) -> list[Decimal]:
    return [number for each in found if (number := in_decimals(each)) is not None]


def _min(found: Sequence[Any]) -> Any:
    return min(found, default=None)


def _max(found: Sequence[Any]) -> Any:
    return max(found, default=None)


def _last(found: Sequence[Any]) -> Any:
    return found[-1] if found else None


def _count_distinct(found: Sequence[Any]) -> float:
    return float(len(set(found)))


def _any(found: Sequence[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def _all(found: Sequence[bool | None]) -> bool | None:
    return False if False in found else None if None in found or not found else True


AGGREGATED: dict[str, Callable[[Sequence[Any]], Any]] = {
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "min": _min,
    "max": _max,
    "last": _last,
    "count_distinct": _count_distinct,
    "any": _any,
    "all": _all,
}
