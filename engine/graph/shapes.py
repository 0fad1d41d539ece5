"""The marks of the SVG: an outline for each family of steps and a sign inside it, told apart without any colour."""

from collections.abc import Mapping
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from engine.steps.base import Family

Look = Family | Literal["start", "goal", "exit", "audience"]
INK, PAPER, SHADE = "#1a1a1a", "#ffffff", "#f2f2f0"
PILL = 16.0
"""How high a mark is."""

_PILLS: Mapping[str, tuple[str, str]] = {
    "live": ("#22528d", PAPER),
    "good": ("#1a653a", PAPER),
    "quiet": ("#5c6663", PAPER),
    "bad": ("#a2281f", PAPER),
}

_FILLS: Mapping[Look, str] = {
    "start": "#e3f1e6",
    "message": "#e4eefb",
    "work": "#fdf3d8",
    "change": "#f3e9f7",
    "choice": "#ffffff",
    "wait": "#f2f2f0",
    "fork": "#ffffff",
    "loop": "#ffffff",
    "other_playbook": "#e6f3f4",
    "end": "#2f2f2f",
    "goal": "#e3f1e6",
    "exit": "#fbe9e5",
    "audience": "#ffffff",
}


def outline(look: Look, x: float, y: float, w: float, h: float) -> str:
    """The shape of a box."""
    paint = f'fill="{_FILLS[look]}" stroke="{INK}"'
    match look:
        case "choice":
            k = min(16.0, h / 2)
            points = [
                (x + k, y),
                (x + w - k, y),
                (x + w, y + h / 2),
                (x + w - k, y + h),
                (x + k, y + h),
                (x, y + h / 2),
            ]
            return f'<polygon points="{_points(points)}" {paint} stroke-width="1.4"/>'
        case "wait":
            return _rect(x, y, w, h, min(h / 2, 18), f'{paint} stroke-width="1.4" stroke-dasharray="5 4"')
        case "start":
            points = [(x, y), (x + w - 14, y), (x + w, y + h / 2), (x + w - 14, y + h), (x, y + h)]
            return f'<polygon points="{_points(points)}" {paint} stroke-width="1.8"/>'
        case "fork":
            bars = f'<path d="M{x:g} {y:g}H{x + w:g}M{x:g} {y + h:g}H{x + w:g}" stroke="{INK}" stroke-width="3.5"/>'
            return _rect(x, y, w, h, 0, f'fill="{PAPER}" stroke="none"') + bars
        case "loop" | "other_playbook":
            inner = _rect(x + 3, y + 3, w - 6, h - 6, 4, f'fill="none" stroke="{INK}" stroke-width="0.8"')
            return _rect(x, y, w, h, 6, f'{paint} stroke-width="1.4"') + inner
        case "end" | "goal" | "exit":
            return _rect(x, y, w, h, min(h / 2, 18), f'{paint} stroke-width="2"')
        case "audience":
            return _rect(x, y, w, h, 0, f'fill="{PAPER}" stroke="{INK}" stroke-width="0.8" stroke-dasharray="1 3"')
        case "work":
            bar = f'<path d="M{x + 2.5:g} {y:g}V{y + h:g}" stroke="{INK}" stroke-width="5"/>'
            return _rect(x, y, w, h, 0, f'{paint} stroke-width="1.4"') + bar
        case "change":
            points = [(x, y), (x + w - 12, y), (x + w, y + 12), (x + w, y + h), (x, y + h)]
            fold = f'<path d="M{x + w - 12:g} {y:g}v12h12" fill="none" stroke="{INK}" stroke-width="1"/>'
            return f'<polygon points="{_points(points)}" {paint} stroke-width="1.4"/>' + fold
    return _rect(x, y, w, h, 8, f'{paint} stroke-width="1.4"')


def sign(look: Look, x: float, y: float) -> str:
    """The sign of 16 by 16 pixels; its corner is at x, y."""
    draw = _SIGNS.get(look)
    if draw is None:
        return ""
    ink = PAPER if look == "end" else INK
    return (
        f'<g transform="translate({x:g} {y:g})" fill="none" stroke="{ink}" stroke-width="1.4" '
        f'stroke-linecap="round" stroke-linejoin="round">{draw}</g>'
    )


def words(
    text: str, x: float, y: float, size: float, *, bold: bool = False, ink: str = INK, middle: bool = False
) -> str:
    """A line of text; y is its base line."""
    more = (' font-weight="bold"' if bold else "") + (' text-anchor="middle"' if middle else "")
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{ink}"{more}>{escape(text)}</text>'


def pill(text: str, x: float, y: float, wide: float, tone: str) -> str:
    """A mark in its colour; the corner is at x, y."""
    fill, ink = _PILLS[tone]
    return _rect(x, y, wide, PILL, PILL / 2, f'fill="{fill}"') + words(
        text, x + wide / 2, y + 11.5, 10, bold=True, ink=ink, middle=True
    )


def told(text: str, of: str) -> str:
    """An element with a tooltip, which readers aloud say, too."""
    return f"<g><title>{escape(text)}</title>{of}</g>"


def attribute(text: str) -> str:
    return quoteattr(text)


def _rect(x: float, y: float, w: float, h: float, r: float, paint: str) -> str:  # noqa: PLR0917 - as SVG has them
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{r:g}" {paint}/>'


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


_SIGNS: Mapping[Look, str] = {
    "start": '<path d="M3 2v12l10-6z"/>',
    "message": '<path d="M1 3h14v10H1zM1 3l7 6 7-6"/>',
    "work": '<path d="M2 2h12v12H2zM5 8l2.5 2.5L12 5"/>',
    "change": '<path d="M2 14l1-4 8-8 3 3-8 8zM9 4l3 3"/>',
    "wait": '<circle cx="8" cy="8" r="6.5"/><path d="M8 4v4l3 2"/>',
    "choice": '<path d="M8 1l7 7-7 7-7-7z"/><path d="M6.4 6.4q.2-1.6 1.6-1.6t1.6 1.4-1.6 2v.8M8 11.4v.1"/>',
    "fork": '<path d="M8 1v4M3 15V5h10v10M8 5v10"/>',
    "loop": '<path d="M13 5a6 6 0 1 0 1 4M14 2v4h-4"/>',
    "other_playbook": '<path d="M9 2h5v5M14 2L7 9M12 9v5H2V4h5"/>',
    "end": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/>',
    "audience": '<path d="M2 2h12L9.5 8v5l-3 1.5V8z"/>',
    "goal": '<path d="M8 1l2.1 4.6 4.9.6-3.6 3.4 1 5L8 12l-4.4 2.6 1-5L1 6.2l4.9-.6z"/>',
    "exit": '<path d="M6 2H2v12h4M6 8h9M11 4l4 4-4 4"/>',
}
