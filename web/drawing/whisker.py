"""A share with its interval on a line from 0 to 100 %, and the one it is compared with below it."""

from markupsafe import Markup, escape

from store.queries.business.intervals import Share

_WIDE, _EDGE, _ROW = 240.0, 8.0, 16.0


def whisker(share: Share, other: Share | None, says: str) -> Markup:
    """`other` is drawn hollow."""
    rows = [(share, "")] if other is None else [(share, ""), (other, " hollow")]
    high = _ROW * len(rows)
    ticks = "".join(f'<path class="grid" d="M{_x(tick / 4):.1f} 0V{high:g}"/>' for tick in range(5))
    drawn = "".join(_one(one, _ROW * (n + 0.5), extra) for n, (one, extra) in enumerate(rows))
    return Markup(  # noqa: S704 - numbers, and escaped text
        f'<svg class="whisker" viewBox="0 0 {_WIDE:g} {high:g}" role="img" aria-label="{escape(says)}">'
        f"{ticks}{drawn}</svg>"
    )


def _one(share: Share, y: float, extra: str) -> str:
    if share.value is None:
        return ""
    low, high = share.interval
    return (
        f'<path class="range{extra}" d="M{_x(low):.1f} {y:g}H{_x(high):.1f}"/>'
        f'<circle class="mark{extra}" cx="{_x(share.value):.1f}" cy="{y:g}" r="4.5"/>'
    )


def _x(share: float) -> float:
    return _EDGE + (_WIDE - 2 * _EDGE) * share
