"""A judgement as an SVG: the scores of those who left below those of who stayed, and how many left by tenth.

Hatching, not colour, tells the two apart; the description says in sentences what the picture shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from engine.graph.shapes import INK, PAPER, attribute, told, words
from engine.validation.judgement import BIN, Group, Judgement
from engine.validation.wording import auc_in_words, interval_in_words, percent, scores_in_words, verdict

_FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_WIDE, _LEFT, _RIGHT = 880.0, 96.0, 24.0
_ROOM = _WIDE - _LEFT - _RIGHT
_AXIS, _HALF = 222.0, 104.0
_BASE, _TALL = 596.0, 190.0
_HIGH = 668.0
_FAINT = "#767676"
_HATCHING = (
    '<defs><pattern id="left" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="5" height="5" fill="{PAPER}"/><path d="M1 0V5" stroke="{INK}" stroke-width="2.4"/></pattern></defs>'
)
_GROUNDS = (0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
"""Where the scale of churn rates may end."""


@dataclass(frozen=True, kw_only=True)
class BandRange:
    """A band as people read it."""

    name: str
    low: float
    high: float
    says: str
    """Such as 40..<70."""


def to_svg(judgement: Judgement, *, card: str, bands: Sequence[BandRange], subtitle: str) -> str:
    """A document of its own, on white, 880 pixels wide. `subtitle`: which samples these are."""
    name = "".join(one if one.isalnum() else "-" for one in card)
    said = verdict(judgement)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE:g}" height="{_HIGH:g}" '
        f'viewBox="0 0 {_WIDE:g} {_HIGH:g}" role="img" aria-labelledby="{name}-title {name}-desc" '
        f"font-family={attribute(_FONT)}>"
    )
    lines = [
        head,
        f'<title id="{name}-title">{escape(f"Does {card} tell who leaves?")}</title>',
        f'<desc id="{name}-desc">{escape(_described(judgement, subtitle))}</desc>',
        _HATCHING,
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        words(f"Does {card} tell who leaves?", 24, 34, 20, bold=True),
        words(f"{said[0].upper()}{said[1:]}. AUC {auc_in_words(judgement.auc)}.", 24, 56, 13, bold=True),
        words(subtitle, 24, 75, 12),
        *_distribution(judgement, bands),
        *_rates(judgement),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _described(judgement: Judgement, subtitle: str) -> str:
    groups = [f"{group.name}: {_group_said(group)}" for group in judgement.bands]
    tenths = [f"scores {scores_in_words(group)}: {_group_said(group)}" for group in judgement.tenths]
    said = verdict(judgement)
    return " ".join(
        (
            f"{said[0].upper()}{said[1:]}. AUC {auc_in_words(judgement.auc)}, {subtitle}.",
            f"Overall {percent(judgement.whole.value)} left.",
            f"By band: {'; '.join(groups)}.",
            f"By tenth of the scores: {'; '.join(tenths)}." if tenths else "Nobody has a score.",
        )
    )


def _group_said(group: Group) -> str:
    return f"{percent(group.rate.value)} of {group.rate.samples:,} left"


# --- scores of those who stayed, and of those who left --------------------------------------------------------------


def _distribution(judgement: Judgement, bands: Sequence[BandRange]) -> Iterator[str]:
    stayed = sum(bar.stayed for bar in judgement.histogram)
    left = sum(bar.churned for bar in judgement.histogram)
    shares = [
        (bar.low, bar.stayed / stayed if stayed else 0.0, bar.churned / left if left else 0.0)
        for bar in judgement.histogram
    ]
    top = max([share for _, *both in shares for share in both], default=0.0) or 1.0
    yield from _band_lines(bands)
    yield words(f"Stayed ({stayed:,})", 24, _AXIS - _HALF + 14, 12, bold=True)
    yield words(f"Left ({left:,})", 24, _AXIS + _HALF - 4, 12, bold=True)
    wide = _ROOM * BIN / 100
    for low, stay, leave in shares:
        x = _across(low)
        up, down = _HALF * stay / top, _HALF * leave / top
        which = f"scores {low:g} to {low + BIN:g}"
        if up:
            box = f'<rect x="{x + 1:g}" y="{_AXIS - up:g}" width="{wide - 2:g}" height="{up:g}" fill="#d9d9d6" '
            yield told(f"{which}: {percent(stay)} of those who stayed", f'{box}stroke="{INK}" stroke-width="0.8"/>')
        if down:
            box = f'<rect x="{x + 1:g}" y="{_AXIS:g}" width="{wide - 2:g}" height="{down:g}" fill="url(#left)" '
            yield told(f"{which}: {percent(leave)} of those who left", f'{box}stroke="{INK}" stroke-width="0.8"/>')
    yield _line(_LEFT, _AXIS, _LEFT + _ROOM, _AXIS, 1.2)
    for tick in range(0, 101, 10):
        yield _line(_across(tick), _AXIS + _HALF + 4, _across(tick), _AXIS + _HALF + 9, 1)
        yield words(f"{tick}", _across(tick), _AXIS + _HALF + 22, 11, middle=True)
    yield words("score; each half adds up to 100 %", _LEFT + _ROOM / 2, _AXIS + _HALF + 38, 11, middle=True, ink=_FAINT)


def _band_lines(bands: Sequence[BandRange]) -> Iterator[str]:
    for band in bands:
        middle = _across((band.low + min(band.high, 100)) / 2)
        yield words(f"{band.name} {band.says}", middle, _AXIS - _HALF - 12, 12, middle=True)
        if band.low > 0:
            yield _line(_across(band.low), _AXIS - _HALF - 22, _across(band.low), _AXIS + _HALF + 4, 1, "4 3")


def _across(score: float) -> float:
    return _LEFT + _ROOM * score / 100


# --- how many left, by tenth ----------------------------------------------------------------------------------------


def _rates(judgement: Judgement) -> Iterator[str]:
    tenths = judgement.tenths
    if not tenths:
        return
    yield words(
        "Share that left, by tenth of the scores, with its 95 % interval", 24, _BASE - _TALL - 18, 12, bold=True
    )
    most = max(group.rate.high or 0.0 for group in tenths)
    top = next((ground for ground in _GROUNDS if ground >= most), 1.0)
    for share in (0.0, top / 2, top):
        y = _BASE - _TALL * share / top
        yield _line(_LEFT, y, _LEFT + _ROOM, y, 0.6, "1 3")
        yield words(percent(share), 44, y + 4, 11)
    wide = _ROOM / len(tenths)
    for n, group in enumerate(tenths):
        yield from _tenth(group, _LEFT + wide * n, wide, _TALL / top)
    yield words("scores in the tenth, the lowest first", _LEFT + _ROOM / 2, _BASE + 38, 11, middle=True, ink=_FAINT)
    overall = judgement.scored.value or 0.0
    y = _BASE - _TALL * overall / top
    yield _line(_LEFT, y, _LEFT + _ROOM, y, 1.4, "7 4")
    yield words(f"all: {percent(overall)}", _LEFT + 4, _BASE + 58, 11)
    yield _line(_LEFT - 34, _BASE + 54, _LEFT - 4, _BASE + 54, 1.4, "7 4")


def _tenth(group: Group, x: float, wide: float, scale: float) -> Iterator[str]:
    rate = group.rate
    if rate.value is None or rate.low is None or rate.high is None:
        return
    high, middle = rate.value * scale, x + wide / 2
    said = f"scores {scores_in_words(group)}: {_group_said(group)}, {interval_in_words(rate)}"
    bar = (
        f'<rect x="{x + wide * 0.18:g}" y="{_BASE - high:g}" width="{wide * 0.64:g}" height="{high:g}" '
        f'fill="url(#left)" stroke="{INK}" stroke-width="0.8"/>'
    )
    low, top = _BASE - rate.low * scale, _BASE - rate.high * scale
    # A white rim keeps the whisker apart from the hatching.
    rim = f'<path d="M{middle:g} {low:g}V{top:g}" stroke="{PAPER}" stroke-width="5"/>'
    path = f"M{middle:g} {low:g}V{top:g}M{middle - 6:g} {low:g}h12M{middle - 6:g} {top:g}h12"
    yield told(said, f'{bar}{rim}<path d="{path}" stroke="{INK}" stroke-width="1.6" fill="none"/>')
    yield words(scores_in_words(group), middle, _BASE + 18, 10.5, middle=True)


def _line(x1: float, y1: float, x2: float, y2: float, wide: float, dashes: str = "") -> str:  # noqa: PLR0917 - as SVG has them
    more = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{INK}" stroke-width="{wide:g}" fill="none"{more}/>'
