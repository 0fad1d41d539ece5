"""A score's way of late as a line no larger than a word."""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup, escape

from web.drawing.plotting import Field, Point, slopes

_WIDTH, _HEIGHT, _EDGE = 104, 28, 3


def sparkline(points: Sequence[Point], since: datetime, until: datetime, says: str) -> Markup:
    """`says` is what the picture tells to those who do not see it; empty where words beside it say the same."""
    known = [point.value for point in points if point.value is not None]
    if not known:
        return Markup("")
    # Small movements stay small: at least twenty points fill the height.
    middle, half = (min(known) + max(known)) / 2, max((max(known) - min(known)) / 2, 10)
    field = Field(
        left=_EDGE,
        top=_EDGE,
        width=_WIDTH - 2 * _EDGE,
        height=_HEIGHT - 2 * _EDGE,
        since=since,
        until=until,
        lowest=middle - half,
        highest=middle + half,
    )
    last = points[-1]
    dot = (
        "" if last.value is None else f'<circle class="last" cx="{field.x(until)}" cy="{field.y(last.value)}" r="2.4"/>'
    )
    told = f'role="img" aria-label="{escape(says)}"' if says else 'aria-hidden="true"'
    return Markup(  # noqa: S704 - numbers, and escaped text
        f'<svg class="spark {escape(last.band or "")}" viewBox="0 0 {_WIDTH} {_HEIGHT}" {told}>'
        f'<path class="line" d="{slopes(points, field)}"/>{dot}</svg>'
    )
