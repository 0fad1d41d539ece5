"""The trend of a history: the slope of the straight line that fits its points best, by least squares.

Both back ends reckon in exact decimals and divide once, so they agree to the last bit.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Context, Decimal

from engine.expressions.values import MICROSECONDS_A_DAY, in_decimals

_EXACT = Context(prec=600)


def slope(points: Iterable[tuple[datetime, float | None]]) -> float | None:
    """The change per day; unknown with fewer than two points, or with all of them at one instant.

    Points are the values a field took on, at the instants it did; how long each was in force makes no difference.
    """
    known = [
        (Decimal((at - _ORIGIN) // timedelta(microseconds=1)), number)
        for at, value in points
        if value is not None and (number := in_decimals(value)) is not None
    ]
    n = len(known)
    sum_x = sum_y = sum_xx = sum_xy = Decimal(0)
    for x, y in known:
        sum_x = _EXACT.add(sum_x, x)
        sum_y = _EXACT.add(sum_y, y)
        sum_xx = _EXACT.add(sum_xx, _EXACT.multiply(x, x))
        sum_xy = _EXACT.add(sum_xy, _EXACT.multiply(x, y))
    spread = _EXACT.subtract(_EXACT.multiply(Decimal(n), sum_xx), _EXACT.multiply(sum_x, sum_x))
    if not spread:
        return None
    rise = _EXACT.subtract(_EXACT.multiply(Decimal(n), sum_xy), _EXACT.multiply(sum_x, sum_y))
    return float(rise) / float(spread) * MICROSECONDS_A_DAY


_ORIGIN = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
"""Where time is counted from; it falls out of the result."""
