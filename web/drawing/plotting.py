"""From values over time to places on a picture: a score holds until the next one, unknown ones leave a gap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value in force from this moment on; None: unknown."""

    at: datetime
    value: float | None
    band: str | None = None


@dataclass(frozen=True, kw_only=True)
class Field:
    """The rectangle that is drawn on, and the moments and values at its edges."""

    left: float
    top: float
    width: float
    height: float
    since: datetime
    until: datetime
    lowest: float = 0
    highest: float = 100

    def x(self, at: datetime) -> float:
        span = (self.until - self.since).total_seconds() or 1
        share = (at - self.since).total_seconds() / span
        return round(self.left + self.width * min(max(share, 0.0), 1.0), 1)

    def y(self, value: float) -> float:
        span = self.highest - self.lowest or 1
        share = (value - self.lowest) / span
        return round(self.top + self.height * (1 - min(max(share, 0.0), 1.0)), 1)


def slopes(points: Sequence[Point], field: Field) -> str:
    """A path from value to value, for pictures too small to show more; broken where the value is unknown."""
    # As `x` and `y` of the field say, worked out once and without calls: a list draws a thousand points.
    begins, across = field.since.timestamp(), field.width / ((field.until - field.since).total_seconds() or 1)
    up = field.height / (field.highest - field.lowest or 1)
    left, right, top, bottom = field.left, field.left + field.width, field.top, field.top + field.height
    commands: list[str] = []
    letter, level, rests_to = "M", None, None
    for at, value in ((point.at, point.value) for point in points):
        x = left + across * (at.timestamp() - begins)
        x = left if x < left else min(x, right)
        if value is not None and value == level:
            rests_to = x
            continue
        if rests_to is not None:
            commands.append(f"H{rests_to:.1f}")
        level, rests_to = value, None
        if value is None:
            letter = "M"
            continue
        y = bottom - up * (value - field.lowest)
        y = top if y < top else min(y, bottom)
        commands.append(f"{letter}{x:.1f} {y:.1f}")
        letter = "L"
    if rests_to is not None:
        commands.append(f"H{rests_to:.1f}")
    return "".join(commands)


def steps(points: Sequence[Point], field: Field) -> str:
    """A path of level stretches, one for each value, broken where the value is unknown."""
    commands: list[str] = []
    drawing = False
    for point, until in _with_ends(points, field.until):
        if point.value is None:
            drawing = False
            continue
        x, y = field.x(point.at), field.y(point.value)
        commands.append(f"V{y}" if drawing else f"M{x} {y}")
        commands.append(f"H{field.x(until)}")
        drawing = True
    return "".join(commands)


def _with_ends(points: Sequence[Point], last: datetime) -> Iterable[tuple[Point, datetime]]:
    for i, point in enumerate(points):
        yield point, points[i + 1].at if i + 1 < len(points) else last
