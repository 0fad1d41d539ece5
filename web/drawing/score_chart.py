"""A score over time, on its bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from web.drawing.plotting import Field, Point, steps

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 8, 10, 22
_MONTHS = 6
_MOST_MARKS = 40


@dataclass(frozen=True, kw_only=True)
class BandArea:
    """A stretch of the scale with its name."""

    name: str
    lowest: float
    highest: float


def score_chart(
    points: Sequence[Point], bands: Sequence[BandArea], since: datetime, until: datetime, says: str
) -> Markup:
    """The bands as areas, the value as a line of steps, a mark wherever the band changed."""
    field = Field(
        left=_LEFT,
        top=_TOP,
        width=_WIDTH - _LEFT - _RIGHT,
        height=_HEIGHT - _TOP - _BOTTOM,
        since=since,
        until=until,
    )
    parts = [*(_area(band, field) for band in bands), *_scale(bands, field), *_days(field)]
    parts.append(f'<path class="line" d="{steps(points, field)}"/>')
    parts.extend(_marks(points, field))
    inside = "".join(parts)
    return Markup(  # noqa: S704 - numbers, and escaped text
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(says)}">{inside}</svg>'
    )


def _area(band: BandArea, field: Field) -> str:
    top, bottom = field.y(band.highest), field.y(band.lowest)
    return (
        f'<rect class="band {escape(band.name)}" x="{field.left}" y="{top}" width="{field.width}" '
        f'height="{round(bottom - top, 1)}"><title>{escape(band.name)}</title></rect>'
    )


def _scale(bands: Sequence[BandArea], field: Field) -> list[str]:
    edges = sorted({0.0, 100.0, *(band.lowest for band in bands)})
    return [
        f'<path class="grid" d="M{field.left} {field.y(edge)}h{field.width}"/>'
        f'<text x="{field.left - 6}" y="{field.y(edge) + 4}" text-anchor="end">{edge:.0f}</text>'
        for edge in edges
    ]


def _days(field: Field) -> list[str]:
    """Words for about six moments along the time."""
    step = max((field.until - field.since) / _MONTHS, timedelta(days=1))
    moments = [field.since + step * i for i in range(_MONTHS + 1)]
    return [
        f'<text x="{field.x(at)}" y="{_HEIGHT - 6}" text-anchor="{_anchor(i)}">{at.day} {at:%b}</text>'
        for i, at in enumerate(moments)
        if at <= field.until
    ]


def _anchor(i: int) -> str:
    return "start" if i == 0 else "end" if i == _MONTHS else "middle"


def _marks(points: Sequence[Point], field: Field) -> list[str]:
    changed = [
        point
        for before, point in zip([None, *points], points, strict=False)
        if point.value is not None and (before is None or before.band != point.band) and point.at >= field.since
    ]
    return [
        f'<circle class="mark {escape(point.band or "")}" cx="{field.x(point.at)}" '
        f'cy="{field.y(point.value or 0)}" r="4.5">'
        f"<title>{point.at.day} {point.at:%b}: {point.value:.1f} {escape(point.band or '')}</title></circle>"
        for point in changed[-_MOST_MARKS:]
    ]
