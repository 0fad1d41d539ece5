"""The scale of a survey below its mail: one link for each score, in HTML and in plain text."""

from collections.abc import Mapping
from html import escape

from engine.phrases import phrases_for
from engine.values import Value


class Scale(Value):
    """`links` by score, in order; `low` and `high` say what its ends mean, in the mail's `language`."""

    question: str
    low: str
    high: str
    links: Mapping[int, str]
    language: str = "en"


def scale_html(scale: Scale) -> str:
    """Trusted HTML for engine.texts.layout.page."""
    share = 100 // len(scale.links)
    cells = "".join(
        f'<td class="score" width="{share}%" align="center">'
        f'<a href="{escape(url)}" aria-label="{score}: {escape(_end(scale, score))}">{score}</a></td>'
        for score, url in scale.links.items()
    )
    # As wide as the phone at most, so that the highest score is as near as the lowest.
    widest = f'width="100%" style="max-width: {_WIDEST * len(scale.links)}px"'
    return (
        f'<p class="question" dir="auto"><strong>{escape(scale.question)}</strong></p>\n'
        f'<table role="presentation" class="scale" {widest} cellpadding="0" cellspacing="0" border="0">'
        f"<tr>{cells}</tr></table>\n"
        f'<p class="ends" dir="auto">{escape(_ends(scale))}</p>\n'
    )


_WIDEST = 46
"""Pixels for one score."""


def scale_plain(scale: Scale) -> str:
    lines = [f"{score}: {url}" for score, url in scale.links.items()]
    return "\n".join([scale.question, f"({_ends(scale)})", "", *lines]) + "\n"


def _ends(scale: Scale) -> str:
    return f"{min(scale.links)}: {scale.low} · {max(scale.links)}: {scale.high}"


def _end(scale: Scale, score: int) -> str:
    if score == min(scale.links):
        return scale.low
    return (
        scale.high if score == max(scale.links) else phrases_for(scale.language).out_of.format(highest=max(scale.links))
    )
