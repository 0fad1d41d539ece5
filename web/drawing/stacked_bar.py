"""Parts of a whole in one bar; what they are called and how many they are stands beside it, as text."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDE, _HIGH, _GAP = 1000.0, 20.0, 3.0
_LEAST = 6.0
"""How narrow a part may be that is not nothing."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """`tone` is its class in the style sheet."""

    value: float
    tone: str
    says: str


def stacked_bar(parts: Sequence[Part], says: str, whole: float | None = None) -> Markup:
    """`whole`: what the full width stands for, where that is more than the parts together."""
    some = [part for part in parts if part.value > 0]
    total = max(sum(part.value for part in some), whole or 0.0)
    room = _WIDE - _GAP * max(0, len(some) - 1)
    drawn, x = [], 0.0
    for part in some:
        wide = max(_LEAST, room * part.value / total)
        drawn.append(
            f'<rect class="part {escape(part.tone)}" x="{x:.1f}" y="0" width="{wide:.1f}" height="{_HIGH:g}" rx="2">'
            f"<title>{escape(part.says)}</title></rect>"
        )
        x += wide + _GAP
    return Markup(  # noqa: S704 - numbers, and escaped text
        f'<svg class="stack" viewBox="0 0 {max(_WIDE, x - _GAP):g} {_HIGH:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(says)}">{"".join(drawn)}</svg>'
    )
