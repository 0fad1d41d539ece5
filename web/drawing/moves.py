"""Who moved between bands: bands then on the left, bands now on the right, a ribbon for each move."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from web.drawing.tones import tone_of

_WIDE, _HIGH, _EDGE, _TOP = 420.0, 210.0, 92.0, 22.0
_BAR, _GAP = 9.0, 10.0
_LEAST = 2.5


def moves_chart(moves: Mapping[tuple[str, str], int], bands: Sequence[str], says: str) -> Markup:
    """`moves`: accounts by (band then, band now). Best on top."""
    if not moves:
        return Markup("")
    left = _column(moves, 0, bands)
    right = _column(moves, 1, bands)
    room = _HIGH - _TOP - _GAP * (max(len(left), len(right)) - 1)
    scale = room / sum(moves.values())
    drawn = [_heading("30 days ago", _EDGE, "end"), _heading("now", _WIDE - _EDGE, "start")]
    from_y = _tops(left, scale, drawn, bands, x=_EDGE, anchor="end")
    to_y = _tops(right, scale, drawn, bands, x=_WIDE - _EDGE - _BAR, anchor="start")
    for before in left:
        for after in right:
            n = moves.get((before, after), 0)
            if n:
                high = max(_LEAST, n * scale)
                drawn.append(
                    _ribbon(from_y[before], to_y[after], high, tone_of(after, bands), f"{before} → {after}: {n:,}")
                )
                from_y[before] += n * scale
                to_y[after] += n * scale
    return Markup(  # noqa: S704 - numbers, and escaped text
        f'<svg class="chart moves" viewBox="0 0 {_WIDE:g} {_HIGH:g}" role="img" aria-label="{escape(says)}">'
        f"{''.join(drawn)}</svg>"
    )


def _column(moves: Mapping[tuple[str, str], int], side: int, bands: Sequence[str]) -> dict[str, int]:
    """Accounts by band on one side, best first, then those that are no band."""
    sums: dict[str, int] = {}
    for pair, n in moves.items():
        sums[pair[side]] = sums.get(pair[side], 0) + n
    order = {band: -place for place, band in enumerate(bands)}
    return dict(sorted(sums.items(), key=lambda one: (order.get(one[0], 1), one[0])))


def _heading(text: str, x: float, anchor: str) -> str:
    return f'<text class="heading" x="{x:g}" y="11" text-anchor="{anchor}">{escape(text)}</text>'


def _tops(
    column: Mapping[str, int], scale: float, drawn: list[str], bands: Sequence[str], *, x: float, anchor: str
) -> dict[str, float]:
    """Draws a column; where each of its bars begins."""
    tops, y = {}, _TOP
    for band, n in column.items():
        high = max(_LEAST, n * scale)
        tops[band] = y
        drawn.append(
            f'<rect class="part {tone_of(band, bands)}" x="{x - (_BAR if anchor == "end" else 0):.1f}" y="{y:.1f}" '
            f'width="{_BAR:g}" height="{high:.1f}" rx="2"/>'
        )
        at = x - _BAR - 6 if anchor == "end" else x + _BAR + 6
        shown = band if len(band) <= 10 else f"{band[:9]}…"
        drawn.append(
            f'<text x="{at:.1f}" y="{y + high / 2 + 4:.1f}" text-anchor="{anchor}">{escape(shown)} {n:,}</text>'
        )
        y += high + _GAP
    return tops


def _ribbon(y: float, to: float, high: float, tone: str, says: str) -> str:
    x, end = _EDGE + 2, _WIDE - _EDGE - _BAR - 2
    middle = (x + end) / 2
    path = (
        f"M{x:g} {y:.1f}C{middle:g} {y:.1f} {middle:g} {to:.1f} {end:g} {to:.1f}"
        f"V{to + high:.1f}C{middle:g} {to + high:.1f} {middle:g} {y + high:.1f} {x:g} {y + high:.1f}Z"
    )
    return f'<path class="ribbon {tone}" d="{path}"><title>{escape(says)}</title></path>'
